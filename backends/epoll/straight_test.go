package epoll

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// What was found and is not received yet, as the owner's room did not suffice, is of
// sockets as they were: one whose receive is cancelled meanwhile keeps its bytes, and
// one that is closed passes nothing on to the next of its number.
func TestStraightEventsMayBeLate(t *testing.T) {
	l := openLoop(t, newBackend(backends.Variant{Family: "epoll"}), backends.Config{})
	pair := func() (here, far int) {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return p[0], p[1]
	}
	say := func(fd int, what string) {
		if _, err := unix.Write(fd, []byte(what)); err != nil {
			t.Fatal(err)
		}
	}
	dst := make([]backends.Completion, 8)
	next := func(room int, op *backends.Op, res backends.Result, bytes string) {
		t.Helper()
		n, err := l.Wait(dst[:room], 1, time.Minute)
		if err != nil || n != 1 || dst[0].Op != op || dst[0].Res != res || string(dst[0].Buf) != bytes {
			t.Fatalf("%d completions (%v), the first %+v; want %d and %q of %v", n, err, dst[0], res, bytes, op.Code)
		}
		if dst[0].Buf != nil {
			l.Recycle(dst[0].Buf)
		}
	}
	var ops [3]backends.Op
	var fars [3]int
	for i := range ops {
		here, far := pair()
		defer unix.Close(far)
		fars[i] = far
		ops[i] = backends.Op{Code: backends.Recv, FD: int32(here), Flags: backends.SelectBuf | backends.Multishot}
		l.Submit(&ops[i])
	}
	for i, far := range fars {
		say(far, []string{"one", "two", "three"}[i])
	}
	next(1, &ops[0], 3, "one")
	if n := l.found - l.seen; n != 2 {
		t.Fatalf("%d events are left to be noted, not 2: nothing is late", n)
	}

	stop := backends.Op{Code: backends.Cancel, Target: &ops[1]}
	l.Submit(&stop)
	next(1, &ops[1], backends.Fail(unix.ECANCELED), "")
	next(1, &stop, 0, "")
	end := backends.Op{Code: backends.Close, FD: ops[2].FD}
	l.Submit(&end)
	next(1, &ops[2], backends.Fail(unix.ECANCELED), "")
	next(1, &end, 0, "")

	here, far := pair()
	defer unix.Close(far)
	if int32(here) != ops[2].FD {
		t.Fatalf("the kernel gave descriptor %d, not the %d just closed", here, ops[2].FD)
	}
	again := backends.Op{Code: backends.Recv, FD: int32(here), Flags: backends.SelectBuf | backends.Multishot}
	l.Submit(&again)
	if n, err := l.Wait(dst, 0, 0); n != 0 || err != nil {
		t.Fatalf("%d completions (%v), the first %+v: nothing has come", n, err, dst[0])
	}
	say(far, "four")
	next(8, &again, 4, "four")
	l.Submit(&ops[1])
	next(8, &ops[1], 3, "two")
	if n := l.Tally.Counters[backends.Again]; n != 0 {
		t.Errorf("asked in vain %d times", n)
	}
	for _, op := range []*backends.Op{&ops[0], &ops[1], &again} {
		unix.Close(int(op.FD))
	}
}
