package threadpool

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
	"github.com/ringbench/ringbench/internal/uapi"
)

// faulty is a backend whose calls fail with errno, without being made, in about
// one case of four.
func faulty(errno unix.Errno) *backend {
	b := newBackend(backends.Variant{Family: "threadpool"})
	b.raw = false // or faults of files would be passed by
	real := b.calls
	fails := func() bool { return rand.IntN(4) == 0 }
	b.recv = func(fd int32, p []byte, flags int) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.recv(fd, p, flags)
	}
	b.send = func(fd int32, p []byte, flags int) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.send(fd, p, flags)
	}
	b.recvFrom = func(fd int32, p []byte, flags int, from uapi.Name) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.recvFrom(fd, p, flags, from)
	}
	b.sendTo = func(fd int32, p []byte, flags int, to uapi.Name) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.sendTo(fd, p, flags, to)
	}
	b.accept = func(fd int32, flags int) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.accept(fd, flags)
	}
	b.splice = func(in int32, off int64, out int32, n, flags int) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.splice(in, off, out, n, flags)
	}
	b.sendfile = func(out, in int32, off int64, n int) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.sendfile(out, in, off, n)
	}
	if errno != unix.EINTR { // connect and ppoll have no other passing fault
		return b
	}
	b.connect = func(fd int32, addr *unix.RawSockaddrAny, size uint32) unix.Errno {
		if fails() {
			return errno
		}
		return real.connect(fd, addr, size)
	}
	b.poll = func(fds []unix.PollFd, timeout *unix.Timespec) (int, unix.Errno) {
		if fails() {
			return -1, errno
		}
		return real.poll(fds, timeout)
	}
	return b
}

func TestConformanceUnderFaults(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EINTR, unix.EAGAIN} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) { backendtest.RunBriefly(t, faulty(errno)) })
	}
}

// shorten makes every send and receive move at most max bytes.
func shorten(b *backend, max int) {
	real := b.calls
	b.recv = func(fd int32, p []byte, flags int) (int, unix.Errno) {
		return real.recv(fd, p[:min(len(p), max)], flags)
	}
	b.send = func(fd int32, p []byte, flags int) (int, unix.Errno) {
		return real.send(fd, p[:min(len(p), max)], flags)
	}
}

// Short counts reach the owner as they are, and the counters tell them.
func TestShortCounts(t *testing.T) {
	b := newBackend(backends.Variant{Family: "threadpool"})
	shorten(b, 7)
	l := open(t, b)
	fd, far := pair(t)
	msg := []byte("a message that is longer than seven bytes")
	sends := 0
	for rest := msg; len(rest) > 0; sends++ {
		c := do(t, l, &backends.Op{Code: backends.Send, FD: fd, Buf: rest})
		if want := backends.Result(min(7, len(rest))); c.Res != want {
			t.Fatalf("send: %d, expected %d", c.Res, want)
		}
		rest = rest[c.Res:]
	}
	got := make([]byte, len(msg))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("the peer read %q, %v", got, err)
	}
	l.Wait(nil, 0, 0)
	if n := l.Counters()[backends.ShortSends]; n != uint64(sends-1) {
		t.Errorf("%d short sends were counted of %d", n, sends-1)
	}
}

// What the kernel answers for want of memory is the owner's to handle; the op
// is over and the connection is not.
func TestWantOfMemoryReachesTheOwner(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOBUFS, unix.ENOMEM} {
		b := newBackend(backends.Variant{Family: "threadpool"})
		real := b.calls
		b.send = func(int32, []byte, int) (int, unix.Errno) { return -1, errno }
		b.recv = b.send
		l := open(t, b)
		fd, far := pair(t)
		far.Write([]byte("x"))
		recv := &backends.Op{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf | backends.Multishot}
		for _, op := range []*backends.Op{{Code: backends.Send, FD: fd, Buf: []byte("y")}, recv} {
			if c := do(t, l, op); c.Res != backends.Fail(errno) || c.More || c.Buf != nil {
				t.Fatalf("%v: %+v, expected %v", op.Code, c, errno)
			}
		}
		l.(*loop).calls = real
		if c := do(t, l, recv); c.Res != 1 || string(c.Buf) != "x" {
			t.Fatalf("the next receive: %+v", c)
		}
	}
}

func TestSendfileCorks(t *testing.T) {
	b := newBackend(backends.Variant{Family: "threadpool"})
	backendtest.Corked(t, b, &b.sendfile)
}

// A ppoll that fails for good breaks the loop, in so many words.
func TestPollFails(t *testing.T) {
	b := newBackend(backends.Variant{Family: "threadpool"})
	b.poll = func([]unix.PollFd, *unix.Timespec) (int, unix.Errno) { return -1, unix.ENOMEM }
	l := open(t, b)
	_, err := l.Wait(make([]backends.Completion, 1), 1, time.Second)
	if err == nil || err.Error() != "ppoll on 0 descriptors: cannot allocate memory" {
		t.Fatalf("wait: %v", err)
	}
}

func open(t *testing.T, b *backend) backends.Loop {
	t.Helper()
	l, err := b.Open(backends.Config{Bufs: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// do submits op and returns the one completion that follows.
func do(t *testing.T, l backends.Loop, op *backends.Op) backends.Completion {
	t.Helper()
	l.Submit(op)
	dst := make([]backends.Completion, 1)
	if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil {
		t.Fatalf("wait: %d, %v", n, err)
	}
	return dst[0]
}

// pair is a socketpair: a blocking descriptor and a peer on package net.
func pair(t *testing.T) (int32, net.Conn) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(p[1]), "peer")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		unix.Close(p[0])
	})
	return int32(p[0]), conn
}
