package load

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/ringbench/ringbench/backends/epoll"
	_ "github.com/ringbench/ringbench/backends/null"
	_ "github.com/ringbench/ringbench/backends/uring"
	"github.com/ringbench/ringbench/internal/child"
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	child.Main(map[string]func(*child.Control) error{"reference": referenceRole})
	// A loop that waits keeps its P (the backends enter the kernel raw), and
	// the servers of these tests need some, too.
	runtime.GOMAXPROCS(runtime.NumCPU() + 4)
	os.Exit(m.Run())
}

// A reference is an echo server of package net, written apart from the servers
// under test. It counts what it sees and misbehaves on demand.
type reference struct {
	l        net.Listener
	received atomic.Int64
	sent     atomic.Int64
	conns    atomic.Int64
	ended    atomic.Int64
	// mangle turns what was read, starting at byte off of connection n's
	// stream, into what is sent back; nil: the same.
	mangle func(n int, off int64, b []byte) []byte
}

func listenReference(network, addr string, mangle func(n int, off int64, b []byte) []byte) (*reference, error) {
	l, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	r := &reference{l: l, mangle: mangle}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(r.conns.Add(1)) - 1
			go r.serve(n, c)
		}
	}()
	return r, nil
}

func (r *reference) serve(n int, c net.Conn) {
	defer r.ended.Add(1)
	defer c.Close()
	buf := make([]byte, 64<<10)
	var off int64
	for {
		k, err := c.Read(buf)
		r.received.Add(int64(k))
		b := buf[:k]
		if r.mangle != nil {
			b = r.mangle(n, off, b)
		}
		off += int64(k)
		w, _ := c.Write(b)
		r.sent.Add(int64(w))
		if err != nil {
			return
		}
	}
}

// addr is where it listens, as Config wants it.
func (r *reference) addr() string { return r.l.Addr().String() }

// drained waits until that many connections have come and gone.
func (r *reference) drained(t testing.TB, conns int) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); r.ended.Load() != int64(conns); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d connections have come and %d gone a minute after Close", r.conns.Load(), conns, r.ended.Load())
		}
	}
}

func startReference(t testing.TB, mangle func(n int, off int64, b []byte) []byte) *reference {
	t.Helper()
	r, err := listenReference("tcp", "127.0.0.1:0", mangle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.l.Close() })
	return r
}

// referenceRole is a reference in a process of its own, for tests that count
// what the generator's process allocates.
func referenceRole(c *child.Control) error {
	r, err := listenReference("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	c.Serve(map[string]func(json.RawMessage) (any, error){
		"addr": func(json.RawMessage) (any, error) { return r.addr(), nil },
	})
	return nil
}

func referenceProcess(t testing.TB) (addr string) {
	t.Helper()
	p, err := child.Start(child.Spec{Role: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(time.Second) })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := p.Call(ctx, "addr", nil, &addr); err != nil {
		t.Fatal(err)
	}
	return addr
}

// A run is a generator at work.
type run struct {
	*Generator
	window Window
}

// begin connects and starts a load that records at once and until stopped.
func begin(t testing.TB, cfg Config) *run {
	t.Helper()
	r := connected(t, cfg)
	r.start()
	return r
}

// connected is the first half of begin.
func connected(t testing.TB, cfg Config) *run {
	t.Helper()
	if cfg.Backend == "" {
		cfg.Backend = "epoll"
	}
	if cfg.Network == "" {
		cfg.Network = "tcp"
	}
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	g, err := Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &run{Generator: g}
}

// start is the second.
func (r *run) start() {
	start := Monotonic() + int64(10*time.Millisecond)
	r.window = Window{Start: start, Open: start, Close: start + int64(time.Hour)}
	r.Start(r.window)
}

// until waits for that many answers.
func (r *run) until(t testing.TB, answers float64) {
	t.Helper()
	r.untilFailed(t, answers)
	if r.Progress() < answers {
		_, err := r.Stop()
		t.Fatal(err)
	}
}

// allocatesNothing demands that after warm answers so many more are taken without an
// allocation for each: the runtime makes some of its own.
func (r *run) allocatesNothing(t testing.TB, warm, more float64) {
	t.Helper()
	r.until(t, warm)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := r.Progress()
	r.until(t, n+more)
	runtime.ReadMemStats(&after)
	if got := after.Mallocs - before.Mallocs; got > 50 {
		t.Errorf("%d allocations in %v answers", got, r.Progress()-n)
	}
}

// untilFailed waits for that many answers or for an error.
func (r *run) untilFailed(t testing.TB, answers float64) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); r.Progress() < answers && len(r.Failed()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v answers after 3 min, not %v", r.Progress(), answers)
		}
	}
}

// end stops the load and hangs up.
func (r *run) end(t testing.TB) *Report {
	t.Helper()
	report, err := r.Stop()
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	return report
}
