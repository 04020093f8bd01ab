package uring

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A Close cancels a chain on its descriptor, wherever it is, and a loop that
// closes returns all loans.
func TestCloseWithChain(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, _ := socketpair(t)
		dup, err := unix.FcntlInt(uintptr(here), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, entered := range []bool{false, true} {
			want := map[*backends.Op]backends.Result{}
			fd := int32(dup)
			if entered {
				if fd, err = dupOf(here); err != nil {
					t.Fatal(err)
				}
			}
			for range 5 {
				op := &backends.Op{Code: backends.Recv, FD: fd, Buf: make([]byte, 8), Flags: backends.Link}
				want[op] = canceled
				l.Submit(op)
			}
			op := &backends.Op{Code: backends.Send, FD: fd, Buf: []byte("x")}
			want[op] = canceled
			l.Submit(op)
			if entered {
				quiet(t, l)
			}
			last := &backends.Op{Code: backends.Close, FD: fd}
			want[last] = 0
			l.Submit(last)
			expect(t, l, want)
		}
		half := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8), Flags: backends.Link}
		l.Submit(half) // and nothing follows before Close
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if half.Lent() {
			t.Error("still lent")
		}
	})
}

func dupOf(fd int32) (int32, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return int32(n), err
}

// Cancelling an op that waits in a chain takes effect when its turn has come.
func TestCancelInChain(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8), Flags: backends.Link}
		next := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8)}
		submitEach(l, recv, next)
		quiet(t, l)
		cancel := &backends.Op{Code: backends.Cancel, Target: next}
		l.Submit(cancel)
		if c := await(t, l, 1)[0]; c.Op != cancel || c.Res != backends.Fail(unix.EALREADY) {
			t.Fatalf("%v: %d", c.Op.Code, c.Res)
		}
		mustWrite(t, far, "ping")
		expect(t, l, map[*backends.Op]backends.Result{recv: 4, next: canceled})
	})
}
