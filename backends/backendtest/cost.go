package backendtest

import (
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var costChecks = []check{
	{"allocations", true, allocations},
	{"counters", false, counters},
	{"counters-from-elsewhere", false, countersElsewhere},
}

// allocations: in steady state an operation allocates nothing. A whole echo
// runs on the measuring goroutine, the peer's part by plain system calls, so
// nothing else can be to blame. A tenth of an allocation an echo would be caught.
func allocations(t *testing.T, b backends.Backend) {
	t.Run("nop", func(t *testing.T) {
		r := open(t, b, backends.Config{})
		op := &backends.Op{Code: backends.Nop}
		r.frugal(func() { r.direct(op) })
	})
	if b.Traits().Memory {
		return
	}
	for _, m := range modes {
		if m == multishot && b.Traits().Spawn {
			continue // a goroutine's loop makes one operation at a time
		}
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, far := r.rawPair()
			recv := r.recvOp(fd, m, 4096)
			send := &backends.Op{Code: backends.Send, FD: fd}
			out, in := make([]byte, 64), make([]byte, 64)
			pattern(out, 1, 0)
			if m == multishot {
				r.loop.Submit(recv)
			}
			r.frugal(func() {
				unix.Write(int(far), out)
				for got := 0; got < len(in); {
					if m != multishot {
						r.loop.Submit(recv)
					}
					c := r.direct(nil)
					b := c.Buf
					if m == ownBuffer {
						b = recv.Buf[:c.Res]
					}
					for send.Buf = b; len(send.Buf) > 0; {
						sent := r.direct(send).Res
						send.Buf = send.Buf[sent:]
					}
					if m != ownBuffer {
						r.loop.Recycle(b)
					}
					n, _ := unix.Read(int(far), in[got:])
					got += n
				}
			})
			r.same(in, 1, 0)
			if m == multishot {
				r.cancelled(recv)
			}
		})
	}
}

// frugal demands that f allocates nothing.
func (r *rig) frugal(f func()) {
	r.Helper()
	for range 200 {
		f()
	}
	const batch = 100
	n := testing.AllocsPerRun(3, func() {
		for range batch {
			f()
		}
	})
	// AllocsPerRun rounds down, hence the batch; the runtime's own odd
	// allocation is not the loop's.
	if n >= batch/10 {
		r.Errorf("%.2f allocations an operation", n/batch)
	}
}

// direct submits op, if any, and takes one completion without the rig's own
// bookkeeping, which allocates.
func (r *rig) direct(op *backends.Op) backends.Completion {
	if op != nil {
		r.loop.Submit(op)
	}
	for {
		n, err := r.loop.Wait(r.dst[:1], 1, -1)
		if err != nil {
			r.Fatal(err)
		}
		if n == 1 {
			if r.dst[0].Res < 0 {
				r.Fatalf("%v: %v", r.dst[0].Op.Code, r.dst[0].Res.Err())
			}
			return r.dst[0]
		}
	}
}

// counters: what a loop says of its work agrees with what was done.
func counters(t *testing.T, b backends.Backend) {
	const echoes, size = 50, 123
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair("unix")
			recv := r.recvOp(fd, m, 4096)
			send := &backends.Op{Code: backends.Send, FD: fd, Buf: r.buf(size)}
			before := r.loop.Counters()
			short := 0
			if m == multishot {
				r.submit(recv)
			}
			for i := range echoes {
				r.put(p, 1, i*size, size)
				if m != multishot {
					r.submit(recv)
				}
				r.received(recv, m, 1, i*size, size)
				short += r.transfer(send)
				if _, err := io.ReadFull(p, make([]byte, size)); err != nil {
					t.Fatal(err)
				}
			}
			if m == multishot {
				r.cancelled(recv)
			}
			r.wait(0, 0) // publishes
			c := r.loop.Counters().Sub(before)
			if c[backends.BytesIn] != echoes*size || c[backends.BytesOut] != echoes*size {
				t.Errorf("%d bytes each way; the counters say %d in, %d out",
					echoes*size, c[backends.BytesIn], c[backends.BytesOut])
			}
			// Sends and receives are system calls or queue entries, never neither.
			if n := c[backends.SysSend] + c[backends.Submissions]; n < echoes {
				t.Errorf("%d sends took %d calls and entries", echoes, n)
			}
			if n := c[backends.SysRecv] + c[backends.Completions]; n < echoes {
				t.Errorf("%d receives took %d calls and completions", echoes, n)
			}
			if c.Syscalls() == 0 {
				t.Error("no system calls were counted")
			}
			if c[backends.ShortSends] != uint64(short) {
				t.Errorf("short_sends is %d, the owner saw %d", c[backends.ShortSends], short)
			}
			for _, none := range []backends.Counter{backends.NoBufs, backends.Overflows} {
				if c[none] != 0 {
					t.Errorf("%v is %d, and none happened", none, c[none])
				}
			}
		})
	}
}

// countersElsewhere reads the counters from another goroutine while the loop is
// blocked in Wait: they are exact.
func countersElsewhere(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	fd, p := r.pair("tcp")
	e := newEcho(r.loop, fd, ownBuffer, r.buf(4096))
	loop := r.loop
	exact := make(chan bool, 1)
	go func() {
		defer p.CloseWrite()
		if err := exchange(p, 1, 0, 1000, 1000); err != nil {
			exact <- false
			return
		}
		// The loop is in Wait, or on its way there.
		deadline := time.Now().Add(patience / 4)
		for time.Now().Before(deadline) {
			if c := loop.Counters(); c[backends.BytesIn] == 1000 && c[backends.BytesOut] == 1000 {
				exact <- true
				return
			}
			time.Sleep(time.Millisecond)
		}
		exact <- false
	}()
	if err := backends.Run(r.loop, func() bool { return e.ended }); err != nil {
		t.Fatal(err)
	}
	if !<-exact {
		t.Errorf("1000 bytes were echoed; while the loop waits the counters say %d in, %d out",
			r.loop.Counters()[backends.BytesIn], r.loop.Counters()[backends.BytesOut])
	}
}
