package backendtest

import (
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var waitChecks = []check{
	{"wait-one-at-a-time", true, waitOne},
	{"wait-does-not-block", true, waitNoBlock},
	{"wait-timeout", true, waitTimeout},
	{"wait-for-several", true, waitSeveral},
	{"wait-for-several-receives", false, waitReceives},
	{"timeouts-in-order", true, timeouts},
	{"timeout-while-receiving", false, timeoutBesideRecv},
}

func waitOne(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	r.dst = r.dst[:1]
	ops := make([]*backends.Op, 50)
	for i := range ops {
		ops[i] = &backends.Op{Code: backends.Nop}
	}
	r.submit(ops...)
	r.final(ops...)
	r.silence()
}

func waitNoBlock(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	op := &backends.Op{Code: backends.Timeout, Off: int64(patience)}
	if n := r.wait(0, -1); n != 0 {
		t.Fatalf("%d completions of nothing", n)
	}
	r.submit(op)
	// The watchdog tells if one of these blocks.
	for range 3 {
		if n := r.wait(0, -1) + r.wait(1, 0) + r.wait(0, 0); n != 0 {
			t.Fatalf("%d completions, and none was due", n)
		}
	}
	nop := &backends.Op{Code: backends.Nop}
	r.submit(nop)
	for len(r.ready) == 0 {
		r.wait(0, -1) // starts what was submitted, even though it does not wait
	}
	r.nextOf(nop)
}

// waitTimeout demands that a Wait with nothing to report lasts its timeout.
// Only an interrupt may end it early, and not every time.
func waitTimeout(t *testing.T, b backends.Backend) {
	const timeout = 10 * time.Millisecond
	r := open(t, b, backends.Config{})
	lasts := func(what string) {
		t.Helper()
		for range 5 {
			start := time.Now()
			if n := r.wait(1, timeout); n != 0 {
				t.Fatalf("%s: %d completions", what, n)
			}
			if time.Since(start) >= timeout {
				return
			}
		}
		t.Errorf("%s: five waits of %v all ended early", what, timeout)
	}
	lasts("with nothing submitted")
	r.submit(&backends.Op{Code: backends.Timeout, Off: int64(patience)})
	lasts("with a long timeout pending")
	if b.Traits().Memory {
		return
	}
	fd, _ := r.pair("tcp")
	op := &backends.Op{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf}
	r.submit(op)
	lasts("with a receive pending")
}

// waitSeveral demands a batch when a batch is there. A Wait may stop early,
// but not always.
func waitSeveral(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	ops := make([]*backends.Op, 16)
	for i := range ops {
		ops[i] = &backends.Op{Code: backends.Nop}
	}
	for range 10 {
		r.submit(ops...)
		n := r.wait(len(ops), -1)
		r.final(ops...)
		if n == len(ops) {
			r.silence()
			return
		}
	}
	t.Errorf("ten waits for %d completions never brought as many", len(ops))
}

func waitReceives(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	var ops []*backends.Op
	var peers []peer
	for _, network := range []string{"tcp", "unix", "tcp", "unix"} {
		fd, p := r.pair(network)
		peers = append(peers, p)
		ops = append(ops, &backends.Op{Code: backends.Recv, FD: fd, Buf: r.buf(8)})
	}
	r.submit(ops...)
	go func() {
		for _, p := range peers {
			p.Write(make([]byte, 8))
			time.Sleep(time.Millisecond)
		}
	}()
	n := 0
	for n < len(ops) {
		n += r.wait(len(ops)-n, -1)
	}
	for _, c := range r.final(ops...) {
		if c.Res <= 0 {
			t.Errorf("recv: %d (%v)", c.Res, c.Res.Err())
		}
	}
}

func timeouts(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	var ops []*backends.Op
	for _, ms := range []int64{30, 1, 20, 10} {
		ops = append(ops, &backends.Op{Code: backends.Timeout, Off: ms * 1e6})
	}
	start := time.Now()
	r.submit(ops...)
	for _, i := range []int{1, 3, 2, 0} {
		c := r.nextOf(ops[i])
		r.fails(c, unix.ETIME)
		if due := time.Duration(ops[i].Off); time.Since(start) < due {
			t.Errorf("a timeout of %v completed after %v", due, time.Since(start))
		}
	}
	// One that is due at once does so, and is the loop's again at once.
	now := &backends.Op{Code: backends.Timeout}
	for range 3 {
		r.fails(r.do(now), unix.ETIME)
	}
	// An end beyond that of any clock is none, and is not waited for by asking.
	never, soon := &backends.Op{Code: backends.Timeout, Off: math.MaxInt64}, &backends.Op{Code: backends.Timeout, Off: 5e6}
	r.submit(never, soon)
	before := r.loop.Counters()
	r.wait(1, math.MaxInt64)
	r.fails(r.nextOf(soon), unix.ETIME)
	took := r.loop.Counters()
	took = took.Sub(before)
	// The runtime interrupts a thread as long as others wait for it to stop.
	if n := took[backends.SysWait]; n > 100+took[backends.Interrupts] {
		t.Errorf("a wait without an end took %d calls, of which %d were interrupted", n, took[backends.Interrupts])
	}
	r.cancelled(never)
	r.silence()
}

// timeoutBesideRecv: a timeout fires while a receive waits for data, and the
// receive is none the worse for it.
func timeoutBesideRecv(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{})
			fd, p := r.pair("tcp")
			recv := &backends.Op{Code: backends.Recv, FD: fd, Flags: m.flags()}
			if m == ownBuffer {
				recv.Buf = r.buf(100)
			}
			tick := &backends.Op{Code: backends.Timeout, Off: 2e6}
			r.submit(recv)
			for range 3 {
				r.fails(r.do(tick), unix.ETIME)
			}
			r.put(p, 3, 0, 50)
			r.received(recv, m, 3, 0, 50)
		})
	}
}
