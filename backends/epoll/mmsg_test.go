package epoll

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// n datagrams that are there together are received and answered by a call for
// every 32 of them and one for the rest, which tells that there are no more.
func TestDatagramsByTheBatch(t *testing.T) {
	const rounds = 40
	for _, n := range []int{1, 2, 5, 31, 32, 100} {
		l, err := newBackend(backends.Variant{Family: "epoll", Add: []string{"mmsg"}}).Open(backends.Config{BufSize: 256})
		if err != nil {
			t.Fatal(err)
		}
		fd, at := datagramSocket(t)
		far, _ := datagramSocket(t)
		recv := &backends.Op{Code: backends.RecvFrom, FD: int32(fd), Flags: backends.SelectBuf | backends.Multishot}
		l.Submit(recv)
		answers := make([]backends.Op, n)
		dst := make([]backends.Completion, 256)
		var known backends.Counters
		for round := range rounds {
			if round == rounds/2 {
				known = l.(*Loop).Tally.Counters
			}
			post(t, far, at, n)
			for got, sent := 0, 0; sent < n; {
				k, err := l.Wait(dst, 1, -1)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range dst[:k] {
					if c.Op == recv {
						answers[got] = backends.Op{Code: backends.SendTo, FD: int32(fd), Flags: backends.SelectBuf, Buf: c.Buf}
						l.Submit(&answers[got])
						got++
						continue
					}
					if c.Res != 1 {
						t.Fatalf("an answer of one byte ended with %v", c.Res)
					}
					l.Recycle(c.Op.Buf)
					sent++
				}
			}
			for range n {
				if k, _, err := unix.Recvfrom(far, make([]byte, 2), 0); k != 1 || err != nil {
					t.Fatalf("an answer of %d bytes: %v", k, err)
				}
			}
		}
		c := l.(*Loop).Tally.Counters.Sub(known)
		calls := uint64(rounds / 2 * (n/batchMax + 1))
		if c[backends.SysRecv] > calls || c[backends.SysSend] > calls {
			t.Errorf("%d rounds of %d datagrams took %d calls to receive and %d to send, expected %d", rounds/2, n, c[backends.SysRecv], c[backends.SysSend], calls)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
