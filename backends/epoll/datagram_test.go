package epoll

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A socket that holds n datagrams each time that it is announced costs few calls
// in vain once the loop knows n, whatever n is: a loop that always reads until
// it is told that there are no more makes one each time.
func TestBurstsAreLearnt(t *testing.T) {
	const rounds = 200
	for _, n := range []int{1, 2, 5, 32, 100} {
		l, err := newBackend(backends.Variant{Family: "epoll"}).Open(backends.Config{BufSize: 256})
		if err != nil {
			t.Fatal(err)
		}
		fd, at := datagramSocket(t)
		op := &backends.Op{Code: backends.RecvFrom, FD: int32(fd), Flags: backends.SelectBuf | backends.Multishot}
		l.Submit(op)
		dst := make([]backends.Completion, 256)
		var known backends.Counters
		for round := range rounds {
			if round == rounds/2 {
				known = l.(*Loop).Tally.Counters
			}
			post(t, fd, at, n)
			for got := 0; got < n; {
				k, err := l.Wait(dst, 1, -1)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range dst[:k] {
					l.Recycle(c.Buf)
				}
				got += k
			}
		}
		c := l.(*Loop).Tally.Counters.Sub(known)
		// Who reads until there is nothing left asks in vain every round.
		again := c[backends.Again]
		if again > rounds/2/2 {
			t.Errorf("%d datagrams a round: %d of %d rounds ended in EAGAIN", n, again, rounds/2)
		}
		// One at a time costs two in vain every eighteenth.
		if few := uint64(2 * (rounds / 2 / 18)); n == 1 && (again < few || again > few+2) {
			t.Errorf("%d datagrams, each alone, cost %d calls in vain", rounds/2, again)
		}
		if waits := c[backends.SysWait]; waits > 2*rounds {
			t.Errorf("%d datagrams a round: %d waits in %d rounds", n, waits, rounds/2)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// datagramSocket is one on loopback, and its address.
func datagramSocket(t *testing.T) (fd int, at unix.Sockaddr) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if at, err = unix.Getsockname(fd); err != nil {
		t.Fatal(err)
	}
	return fd, at
}

// post sends n datagrams of one byte.
func post(t *testing.T, from int, to unix.Sockaddr, n int) {
	t.Helper()
	for range n {
		if err := unix.Sendto(from, []byte("x"), 0, to); err != nil {
			t.Fatal(err)
		}
	}
}
