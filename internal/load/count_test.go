package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

func lookup(t testing.TB, backend string) backends.Backend {
	t.Helper()
	b, err := backends.Lookup(backend)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, backend, b.Probe())
	return b
}

// What the generator says was sent and answered is what the server saw, once
// it has hung up.
func TestCountsAgreeWithTheServer(t *testing.T) {
	for _, backend := range []string{"epoll", "uring"} {
		for _, c := range []Config{
			{Conns: 1, Size: 1, Pipeline: 1},
			{Conns: 7, Size: 64, Pipeline: 3, Loops: 2},
			{Conns: 3, Size: 100_003, Pipeline: 2},
			{Conns: 20, Size: 64, Pipeline: 4, Rate: 5000},
			{Conns: 5, Size: 4097, Pipeline: 1, Rate: 2000, Loops: 2},
			{Conns: 4, Size: 70_001, Pipeline: 3, Shares: []result.Share{{Bytes: 1, Weight: 5}, {Bytes: 70_001, Weight: 4}}},
		} {
			t.Run(fmt.Sprintf("%s/%dx%d/%g", backend, c.Conns, c.Size, c.Rate), func(t *testing.T) {
				lookup(t, backend)
				s := startReference(t, nil)
				c.Backend, c.Address, c.AllServed = backend, s.addr(), true
				r := begin(t, c)
				r.until(t, 300)
				report := r.end(t)
				s.drained(t, c.Conns)
				if report.Sent != report.Answered || report.Sent < 300 {
					t.Errorf("%d messages sent, %d answered after the drain", report.Sent, report.Answered)
				}
				want := int64(report.Sent) * int64(c.Size)
				if c.Shares != nil {
					want = int64(report.Bytes)
					if most := int64(report.Sent) * int64(c.Size); want < most/4 || want > most*3/4 {
						t.Errorf("%d bytes in %d messages of which 5 in 9 have one", want, report.Sent)
					}
				}
				if report.Messages != report.Answered || report.Bytes != uint64(want) {
					t.Errorf("the window held the whole run: %d messages and %d bytes of %d of %d bytes", report.Messages, report.Bytes, report.Answered, c.Size)
				}
				if got := report.Service.TotalCount(); got != int64(report.Messages) {
					t.Errorf("%d service times of %d messages", got, report.Messages)
				}
				if c.Rate > 0 && report.Response.TotalCount() != int64(report.Messages) {
					t.Errorf("%d response times of %d messages", report.Response.TotalCount(), report.Messages)
				}
				if got := s.received.Load(); got != want {
					t.Errorf("the server received %d bytes, the generator says %d", got, want)
				}
				if got := s.conns.Load(); got != int64(c.Conns) || report.Unserved != 0 {
					t.Errorf("the server saw %d connections of %d, %d unserved", got, c.Conns, report.Unserved)
				}
				if got := report.Counters[backends.BytesOut]; got != uint64(want) {
					t.Errorf("the loops counted %d bytes sent of %d", got, want)
				}
			})
		}
	}
}

// Only what is answered within the window counts. A machine that stalls can
// have nothing happen in it or around it, so one of several tries counts.
func TestWindow(t *testing.T) {
	var err error
	for range 4 {
		if err = tryWindow(t); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

func tryWindow(t *testing.T) error {
	s := startReference(t, nil)
	g, err := Connect(Config{Backend: "epoll", Network: "tcp", Address: s.addr(), Conns: 2, Size: 64, Pipeline: 1, Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	now := Monotonic()
	g.Start(Window{Start: now, Open: now + 200e6, Close: now + 300e6})
	time.Sleep(time.Duration(now + 190e6 - Monotonic()))
	first := g.Progress()
	early := Monotonic() < now+200e6
	time.Sleep(time.Duration(now + 310e6 - Monotonic()))
	last := g.Progress()
	time.Sleep(50 * time.Millisecond)
	r, err := g.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages == 0 || float64(r.Messages) > last-first && early {
		return fmt.Errorf("%d messages in the window, %v answered from before it to after it", r.Messages, last-first)
	}
	if r.Answered <= r.Messages {
		return fmt.Errorf("%d messages in all, %d in the window", r.Answered, r.Messages)
	}
	return nil
}

// A server that takes what comes and answers when it likes sees how many
// messages a connection leaves outstanding: the pipeline, exactly, once the
// generator has had its say.
func TestPipelineIsFullAndNoMore(t *testing.T) {
	for _, pipeline := range []int{1, 2, 16} {
		t.Run(fmt.Sprint(pipeline), func(t *testing.T) {
			const size, rounds = 100, 12
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			verdict := make(chan error, 1)
			go func() { verdict <- countOutstanding(l, size, pipeline, rounds) }()
			r := begin(t, Config{Address: l.Addr().String(), Conns: 1, Size: size, Pipeline: pipeline})
			if err := <-verdict; err != nil {
				t.Error(err)
			}
			r.patience = 100 * time.Millisecond
			r.Stop() // the server is gone; what it left unanswered is known
			r.Close()
		})
	}
}

func countOutstanding(l net.Listener, size, pipeline, rounds int) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	var held []byte
	b := make([]byte, 64<<10)
	for i := range rounds {
		for {
			c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
			n, err := c.Read(b)
			held = append(held, b[:n]...)
			if len(held) > pipeline*size {
				return fmt.Errorf("%d bytes are outstanding, the pipeline is %d messages of %d bytes", len(held), pipeline, size)
			}
			if len(held) == pipeline*size && i%3 > 0 {
				break // do not wait for more every time
			}
			if errors.Is(err, os.ErrDeadlineExceeded) && len(held) == pipeline*size {
				break
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
		}
		k := (1 + i%pipeline) * size // some of them
		if _, err := c.Write(held[:k]); err != nil {
			return err
		}
		held = held[k:]
	}
	return nil
}

// In steady state a message costs no allocation, on any backend, closed loop or
// open.
func TestNoAllocationPerMessage(t *testing.T) {
	for _, backend := range []string{"null", "epoll", "uring"} {
		for _, c := range []Config{
			{Conns: 16, Size: 64, Pipeline: 1},
			{Conns: 8, Size: 1000, Pipeline: 8},
			{Conns: 16, Size: 64, Pipeline: 4, Rate: 100_000},
			{Conns: 8, Size: 1000, Pipeline: 8, Shares: []result.Share{{Bytes: 10, Weight: 1}, {Bytes: 1000, Weight: 1}}},
			{Conns: 16, Size: 64, Pipeline: 4, Rate: 100_000, Arrivals: Poisson},
		} {
			t.Run(fmt.Sprintf("%s/%dx%d/%g%s", backend, c.Conns, c.Pipeline, c.Rate, c.Arrivals), func(t *testing.T) {
				lookup(t, backend)
				c.Backend = backend
				if backend != "null" {
					c.Address = referenceProcess(t)
				}
				r := begin(t, c)
				r.allocatesNothing(t, 2_000, 8_000)
				r.end(t)
			})
		}
	}
}
