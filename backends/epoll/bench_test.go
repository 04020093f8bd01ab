package epoll

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

type hconn struct {
	l          *Loop
	recv, send backends.Op
	buf        []byte
	left       *int
}

func (h *hconn) Complete(c *backends.Completion) {
	if c.Op == &h.recv {
		h.buf = c.Buf
		h.send.Buf = c.Buf
		h.l.Submit(&h.send)
		return
	}
	h.l.Recycle(h.buf)
	*h.left--
}

// BenchmarkUserSpace is what a message costs in user space alone: the kernel is
// a stub that has data for everybody.
func BenchmarkUserSpace(b *testing.B) {
	be := newBackend(backends.Variant{Family: "epoll"})
	const n = 64
	be.recv = func(fd int32, b []byte, flags int) (int, unix.Errno) { return 64, 0 }
	be.send = func(fd int32, b []byte, flags int) (int, unix.Errno) { return len(b), 0 }
	var fds [n][2]int
	be.wait = func(epfd int, ev []uapi.EpollEvent, ts *unix.Timespec) (int, unix.Errno) {
		for i := range n {
			ev[i] = uapi.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fds[i][0])}
		}
		return n, 0
	}
	bl, err := be.Open(backends.Config{})
	if err != nil {
		b.Fatal(err)
	}
	l := bl.(*Loop)
	left := b.N
	for i := range n {
		fds[i], _ = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		h := &hconn{l: l, left: &left}
		h.recv = backends.Op{Code: backends.Recv, Flags: backends.Multishot | backends.SelectBuf, FD: int32(fds[i][0]), Done: h}
		h.send = backends.Op{Code: backends.Send, FD: int32(fds[i][0]), Done: h}
		l.Submit(&h.recv)
	}
	b.ResetTimer()
	backends.Run(l, func() bool { return left <= 0 })
	b.StopTimer()
	l.Close()
	for i := range n {
		unix.Close(fds[i][0])
		unix.Close(fds[i][1])
	}
}
