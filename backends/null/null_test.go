package null

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
)

func TestConformance(t *testing.T) { backendtest.Run(t, backend{}) }

func TestRegisteredButNotByDefault(t *testing.T) {
	b, err := backends.Lookup("null")
	if err != nil || b.Name() != "null" || !b.Traits().Memory {
		t.Fatalf("%v, %v", b, err)
	}
	for _, f := range backends.Families() {
		if f.Name == "null" && f.Rank != 0 {
			t.Error("null is in the default set of a comparison")
		}
	}
}

type bench struct {
	*testing.T
	loop backends.Loop
	dst  []backends.Completion
}

func open(t *testing.T, cfg backends.Config) *bench {
	t.Helper()
	cfg.Poison = true
	l, err := backend{}.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, loop: l, dst: make([]backends.Completion, 1)}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// do submits op and returns the next completion, which must be op's.
func (b *bench) do(op *backends.Op) backends.Completion {
	b.Helper()
	b.loop.Submit(op)
	return b.next(op)
}

func (b *bench) next(op *backends.Op) backends.Completion {
	b.Helper()
	n, err := b.loop.Wait(b.dst, 1, 0)
	if err != nil || n != 1 || b.dst[0].Op != op {
		b.Fatalf("%d completions, %v; expected was one of %v", n, err, op.Code)
	}
	return b.dst[0]
}

func (b *bench) idle() {
	b.Helper()
	if n, err := b.loop.Wait(b.dst, 1, 0); n != 0 || err != nil {
		b.Fatalf("%d completions (%+v), %v; expected was none", n, b.dst[0], err)
	}
}

func fill(n, offset int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte((offset + i) * 7 / 3)
	}
	return p
}

// TestEcho sends sizes around the ring's and receives them in every mode; the
// offsets run over the ring's end many times.
func TestEcho(t *testing.T) {
	for _, flags := range []backends.Flags{0, backends.SelectBuf, backends.SelectBuf | backends.Multishot} {
		b := open(t, backends.Config{Bufs: 2, BufSize: 1000})
		send := &backends.Op{Code: backends.Send, FD: 7}
		recv := &backends.Op{Code: backends.Recv, FD: 7, Flags: flags}
		if flags == 0 {
			recv.Buf = make([]byte, 3000)
		}
		sent, got := 0, 0
		for _, n := range []int{1, 999, 1000, 1001, 50000, room, room + 1, 3 * room, 17} {
			for rest := n; rest > 0; {
				send.Buf = fill(rest, sent)
				b.loop.Submit(send)
				moved := 0
				for got < sent || send.Lent() {
					if !recv.Lent() {
						b.loop.Submit(recv)
					}
					k, err := b.loop.Wait(b.dst, 1, 0)
					if err != nil || k != 1 {
						t.Fatalf("flags %d, %d bytes: %d completions, %v", flags, n, k, err)
					}
					c := b.dst[0]
					if c.Op == send {
						if moved = int(c.Res); moved <= 0 {
							t.Fatalf("send: %d", c.Res)
						}
						sent += moved
						continue
					}
					piece := c.Buf
					if flags == 0 {
						piece = recv.Buf[:c.Res]
					}
					if string(piece) != string(fill(len(piece), got)) {
						t.Fatalf("flags %d: wrong bytes from %d on", flags, got)
					}
					got += len(piece)
					if flags != 0 {
						b.loop.Recycle(piece)
					}
				}
				rest -= moved
			}
		}
		b.loop.Wait(b.dst, 0, 0)
		c := b.loop.Counters()
		if c[backends.BytesOut] != uint64(sent) || c[backends.BytesIn] != uint64(got) || c.Syscalls() != 0 {
			t.Errorf("flags %d: sent %d, received %d, no calls; the counters say %v", flags, sent, got, c.Map())
		}
	}
}

func TestSendWithoutRoom(t *testing.T) {
	b := open(t, backends.Config{})
	first := &backends.Op{Code: backends.Send, FD: 1, Buf: fill(room+10, 0)}
	if c := b.do(first); c.Res != room {
		t.Fatalf("a send of more than the ring holds moved %d", c.Res)
	}
	second := &backends.Op{Code: backends.Send, FD: 1, Buf: fill(10, room)}
	b.loop.Submit(second)
	b.idle()
	cancel := &backends.Op{Code: backends.Cancel, Target: second}
	b.loop.Submit(cancel)
	if c := b.next(second); !c.Res.Canceled() {
		t.Fatalf("the cancelled send: %d", c.Res)
	}
	if c := b.next(cancel); c.Res != 0 {
		t.Fatalf("the cancel: %d", c.Res)
	}
	b.loop.Submit(second)
	recv := &backends.Op{Code: backends.Recv, FD: 1, Buf: make([]byte, 100)}
	b.loop.Submit(recv)
	if c := b.next(recv); c.Res != 100 {
		t.Fatalf("recv: %d", c.Res)
	}
	if c := b.next(second); c.Res != 10 {
		t.Fatalf("the send that waited for room: %d", c.Res)
	}
	if n := b.loop.Counters()[backends.ShortSends]; n != 1 {
		t.Errorf("%d short sends, not 1", n)
	}
}

func TestBuffersRunOut(t *testing.T) {
	b := open(t, backends.Config{Bufs: 2, BufSize: 100})
	recv := &backends.Op{Code: backends.Recv, FD: 3, Flags: backends.SelectBuf | backends.Multishot}
	b.loop.Submit(recv)
	send := &backends.Op{Code: backends.Send, FD: 3, Buf: fill(500, 0)}
	b.loop.Submit(send)
	var held [][]byte
	for range 2 {
		held = append(held, b.next(recv).Buf)
	}
	b.next(send)
	b.idle()
	for got := 0; got < 500; got += 100 {
		if string(held[0]) != string(fill(100, got)) {
			t.Fatalf("wrong bytes from %d on", got)
		}
		b.loop.Recycle(held[0])
		held = held[1:]
		if got < 300 {
			held = append(held, b.next(recv).Buf)
		}
	}
	b.idle()
	b.loop.Wait(b.dst, 0, 0)
	if b.loop.Counters()[backends.NoBufs] == 0 {
		t.Error("no_bufs is 0")
	}
}

func TestShutdownAndClose(t *testing.T) {
	b := open(t, backends.Config{})
	send := &backends.Op{Code: backends.Send, FD: 5, Buf: fill(10, 0)}
	recv := &backends.Op{Code: backends.Recv, FD: 5, Buf: make([]byte, 100)}
	shut := &backends.Op{Code: backends.Shutdown, FD: 5, Off: unix.SHUT_WR}
	b.do(send)
	b.do(shut)
	if c := b.do(send); c.Res != backends.Fail(unix.EPIPE) {
		t.Errorf("a send after the shutdown: %d", c.Res)
	}
	for _, want := range []backends.Result{10, 0, 0} {
		if c := b.do(recv); c.Res != want {
			t.Errorf("recv: %d, expected %d", c.Res, want)
		}
	}
	cl := &backends.Op{Code: backends.Close, FD: 5}
	if c := b.do(cl); c.Res != 0 {
		t.Errorf("close: %d", c.Res)
	}
	// The number starts afresh, and a Close ends what waits there first.
	b.loop.Submit(recv)
	b.idle()
	b.loop.Submit(cl)
	if c := b.next(recv); !c.Res.Canceled() {
		t.Errorf("the receive on a closed descriptor: %d", c.Res)
	}
	b.next(cl)
	for _, op := range []*backends.Op{{Code: backends.Recv, FD: -1}, {Code: backends.Send, FD: MaxFD + 1}} {
		if c := b.do(op); c.Res != backends.Fail(unix.EBADF) {
			t.Errorf("descriptor %d: %d", op.FD, c.Res)
		}
	}
	if c := b.do(&backends.Op{Code: backends.Accept, FD: 5}); c.Res != backends.Fail(unix.EOPNOTSUPP) {
		t.Errorf("accept: %d", c.Res)
	}
}

// TestEndlessWait: a wait that nothing can end is told rather than hung in.
func TestEndlessWait(t *testing.T) {
	b := open(t, backends.Config{})
	b.loop.Submit(&backends.Op{Code: backends.Recv, FD: 1, Buf: make([]byte, 1)})
	if _, err := b.loop.Wait(b.dst, 1, -1); err != errDeadlock {
		t.Errorf("%v", err)
	}
	if n, err := b.loop.Wait(b.dst, 1, time.Millisecond); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestAllocations(t *testing.T) {
	b := open(t, backends.Config{})
	recv := &backends.Op{Code: backends.Recv, FD: 9, Flags: backends.SelectBuf | backends.Multishot}
	send := &backends.Op{Code: backends.Send, FD: 9, Buf: fill(64, 0)}
	tick := &backends.Op{Code: backends.Timeout}
	b.loop.Submit(recv)
	echo := func() {
		b.loop.Submit(send)
		for range 2 {
			b.loop.Wait(b.dst, 1, 0)
			if b.dst[0].Op == recv {
				b.loop.Recycle(b.dst[0].Buf)
			}
		}
		b.loop.Submit(tick)
		b.loop.Wait(b.dst, 1, -1)
	}
	echo()
	if n := testing.AllocsPerRun(1000, echo); n != 0 {
		t.Errorf("%v allocations an echo", n)
	}
}

func BenchmarkEcho(b *testing.B) {
	l, err := backend{}.Open(backends.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	dst := make([]backends.Completion, 16)
	recv := &backends.Op{Code: backends.Recv, FD: 9, Flags: backends.SelectBuf | backends.Multishot}
	send := &backends.Op{Code: backends.Send, FD: 9, Buf: fill(64, 0)}
	l.Submit(recv)
	b.ReportAllocs()
	for b.Loop() {
		l.Submit(send)
		n, _ := l.Wait(dst, 1, 0)
		for _, c := range dst[:n] {
			if c.Op == recv {
				l.Recycle(c.Buf)
			}
		}
	}
}

// TestFiles: a file op moves all of its buffer at once, and a read waits for a
// buffer of the loop's while there is none.
func TestFiles(t *testing.T) {
	b := open(t, backends.Config{Bufs: 1, BufSize: 1000})
	own := make([]byte, 300)
	for _, x := range []struct {
		op   backends.Op
		want backends.Result
	}{
		{backends.Op{Code: backends.ReadAt, Buf: own}, 300},
		{backends.Op{Code: backends.WriteAt, Buf: own, Off: 1 << 40}, 300},
		{backends.Op{Code: backends.Fsync}, 0},
		{backends.Op{Code: backends.Fdatasync}, 0},
		{backends.Op{Code: backends.ReadAt, Buf: own, FD: -1}, backends.Fail(unix.EBADF)},
		{backends.Op{Code: backends.WriteAt, Buf: own, Off: -1}, backends.Fail(unix.EINVAL)},
	} {
		if c := b.do(&x.op); c.Res != x.want || c.Buf != nil || c.More {
			t.Errorf("%v: %+v, expected %d", x.op.Code, c, x.want)
		}
	}
	first := &backends.Op{Code: backends.ReadAt, Flags: backends.SelectBuf}
	second := &backends.Op{Code: backends.ReadAt, Flags: backends.SelectBuf}
	c := b.do(first)
	if c.Res != 1000 || len(c.Buf) != 1000 {
		t.Fatalf("%+v", c)
	}
	b.loop.Submit(second)
	b.idle()
	b.loop.Recycle(c.Buf)
	c = b.next(second)
	if c.Res != 1000 || len(c.Buf) != 1000 {
		t.Fatalf("%+v", c)
	}
	b.loop.Submit(first)
	cancel := &backends.Op{Code: backends.Cancel, Target: first}
	b.loop.Submit(cancel)
	if c := b.next(first); !c.Res.Canceled() {
		t.Errorf("%+v", c)
	}
	if c := b.next(cancel); c.Res != 0 {
		t.Errorf("%+v", c)
	}
	b.loop.Submit(second) // is never served: Close returns it
}
