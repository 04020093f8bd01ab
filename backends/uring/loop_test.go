package uring

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// tiers are the levels of kernel support, made by masking features off.
var tiers = map[string]caps{
	"6.1":  0,
	"5.19": deferred | single | recvMulti | noSQArray,
	"5.15": deferred | single | recvMulti | noSQArray | coop | bufRings | acceptMulti | cancelByFD | ringFD | submitAll,
}

func eachTier(t *testing.T, f func(t *testing.T, b *Backend)) {
	t.Helper()
	for name, mask := range tiers {
		t.Run("tier="+name, func(t *testing.T) {
			b := &Backend{variant: backends.Variant{Family: "uring"}, mask: mask}
			testenv.Need(t, "uring", b.Probe())
			if got := b.Traits().Tier; got != name {
				t.Fatalf("tier %s in force", got)
			}
			f(t, b)
		})
	}
}

func open(t *testing.T, b *Backend, cfg backends.Config) *Loop {
	t.Helper()
	cfg.Poison = true
	l, err := b.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.(*Loop)
}

func socketpair(t *testing.T) (a, b int32) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(p[:]) })
	return int32(p[0]), int32(p[1])
}

// await returns the next n completions.
func await(t *testing.T, l backends.Loop, n int) []backends.Completion {
	t.Helper()
	var all []backends.Completion
	dst := make([]backends.Completion, n)
	for end := time.Now().Add(60 * time.Second); len(all) < n; {
		k, err := l.Wait(dst[:n-len(all)], 1, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, dst[:k]...)
		if len(all) < n && time.Now().After(end) {
			t.Fatalf("%d of %d completions after a minute: %v", len(all), n, all)
		}
	}
	return all
}

func TestEcho(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Bufs: 4})
		here, there := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, Flags: backends.Multishot | backends.SelectBuf, FD: here}
		l.Submit(recv)
		for i := range 100 {
			msg := []byte{byte(i), 1, 2, 3}
			if _, err := unix.Write(int(there), msg); err != nil {
				t.Fatal(err)
			}
			c := await(t, l, 1)[0]
			if c.Op != recv || c.Res != 4 || !c.More || string(c.Buf) != string(msg) {
				t.Fatalf("message %d: %+v", i, c)
			}
			send := &backends.Op{Code: backends.Send, FD: here, Buf: c.Buf}
			l.Submit(send)
			if c := await(t, l, 1)[0]; c.Op != send || c.Res != 4 {
				t.Fatalf("send %d: %+v", i, c)
			}
			l.Recycle(c.Buf)
			got := make([]byte, 8)
			if n, err := unix.Read(int(there), got); err != nil || string(got[:n]) != string(msg) {
				t.Fatalf("echo %d: %v %v", i, got[:n], err)
			}
		}
		_ = unix.Shutdown(int(there), unix.SHUT_WR)
		if c := await(t, l, 1)[0]; c.Res != 0 || c.More {
			t.Fatalf("end of file: %+v", c)
		}
		t.Log(l.tally.Counters.Map())
	})
}

// Sockets with O_NONBLOCK, which some kernels answer with EAGAIN at once, are
// served all the same.
func TestNonblockingSockets(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		here, far := socketpair(t)
		if err := unix.SetNonblock(int(here), true); err != nil {
			t.Fatal(err)
		}
		recvs := []*backends.Op{
			{Code: backends.Recv, FD: here, Buf: make([]byte, 8)},
			{Code: backends.Recv, FD: here, Flags: backends.SelectBuf},
			{Code: backends.Recv, FD: here, Flags: backends.SelectBuf | backends.Multishot},
		}
		for _, op := range recvs {
			l.Submit(op)
			if n, err := l.Wait(make([]backends.Completion, 1), 1, 5*time.Millisecond); n != 0 || err != nil {
				t.Fatalf("%d completions, %v", n, err)
			}
			if _, err := unix.Write(int(far), []byte("ping")); err != nil {
				t.Fatal(err)
			}
			if c := await(t, l, 1)[0]; c.Op != op || c.Res != 4 || c.More != (op.Flags&backends.Multishot != 0) {
				t.Fatalf("%+v", c)
			}
		}
		ln, addr := listener(t)
		if err := unix.SetNonblock(ln, true); err != nil {
			t.Fatal(err)
		}
		accept := &backends.Op{Code: backends.Accept, FD: int32(ln), Flags: backends.Multishot}
		l.Submit(accept)
		for range 3 {
			if n, err := l.Wait(make([]backends.Completion, 1), 1, 5*time.Millisecond); n != 0 || err != nil {
				t.Fatalf("%d completions, %v", n, err)
			}
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll([]int{fd})
			if err := unix.Connect(fd, addr); err != nil {
				t.Fatal(err)
			}
			c := await(t, l, 1)[0]
			if c.Op != accept || c.Res <= 0 || !c.More {
				t.Fatalf("%+v", c)
			}
			closeAll([]int{int(c.Res)})
		}
	})
}

func listener(t *testing.T) (fd int, addr unix.Sockaddr) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]int{fd}) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{}); err != nil { // autobind
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 64); err != nil {
		t.Fatal(err)
	}
	if addr, err = unix.Getsockname(fd); err != nil {
		t.Fatal(err)
	}
	return fd, addr
}

// A shutdown does not overtake a send that was submitted before it, although the
// one is a call and the other waits in a queue.
func TestShutdownAfterSend(t *testing.T) {
	check := func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Entries: 4})
		for i := range 50 {
			here, far := socketpair(t)
			for range i % 9 * 10 { // many times what the submission queue holds
				l.Submit(&backends.Op{Code: backends.Nop})
			}
			l.Submit(&backends.Op{Code: backends.Send, FD: here, Buf: []byte("last words")})
			l.Submit(&backends.Op{Code: backends.Shutdown, FD: here, Off: unix.SHUT_WR})
			for _, c := range await(t, l, 2+i%9*10) {
				if c.Res < 0 {
					t.Fatalf("%v: %v", c.Op.Code, c.Res.Err())
				}
			}
			buf := make([]byte, 20)
			if n, err := unix.Read(int(far), buf); err != nil || string(buf[:n]) != "last words" {
				t.Fatalf("%q, %v", buf[:n], err)
			}
			if n, err := unix.Read(int(far), buf); n != 0 || err != nil {
				t.Fatalf("after the last words: %d, %v", n, err)
			}
		}
	}
	eachTier(t, check)
	t.Run("sqpoll", func(t *testing.T) {
		b := &Backend{variant: variant(t, "uring+sqpoll")}
		testenv.Need(t, "uring", b.Probe())
		check(t, b)
	})
}

// A connection that arrives while the loop closes is closed, not leaked.
func TestCloseDiscardsAccepted(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		ln, addr := listener(t)
		l := open(t, b, backends.Config{})
		l.Submit(&backends.Op{Code: backends.Accept, FD: int32(ln), Flags: backends.Multishot})
		if n, err := l.Wait(make([]backends.Completion, 1), 0, 0); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		var fds []int
		for range 8 {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
			if err := unix.Connect(fd, addr); err != nil {
				t.Fatal(err)
			}
		}
		defer closeAll(fds)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		closeAll([]int{ln}) // what was never accepted ends with the listener
		for _, fd := range fds {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			if _, err := unix.Poll(p, 5000); err != nil {
				t.Fatal(err)
			}
			if n, err := unix.Read(fd, make([]byte, 1)); n > 0 || p[0].Revents == 0 {
				t.Errorf("a connection is still open: %d bytes, %v", n, err)
			}
		}
	})
}
