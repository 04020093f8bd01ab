package uring

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// Receives that wait for a buffer of one kind do not hold up those that wait for
// one of the other.
func TestParkedApart(t *testing.T) {
	const bufs = 2
	for _, first := range []backends.Code{backends.Recv, backends.RecvFrom} {
		t.Run(first.String(), func(t *testing.T) {
			b := named(t, "uring")
			l := open(t, b, backends.Config{Bufs: bufs})
			if l.bufs == nil {
				t.Skip("one pool is for both")
			}
			here, far := socketpair(t)
			p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll(p[:])
			stream := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
			datagram := &backends.Op{Code: backends.RecvFrom, FD: int32(p[0]), Flags: backends.SelectBuf}
			peer := map[*backends.Op]int32{stream: far, datagram: int32(p[1])}
			order := []*backends.Op{stream, datagram}
			if first == backends.RecvFrom {
				order = []*backends.Op{datagram, stream}
			}
			held := map[*backends.Op][][]byte{}
			for _, op := range order {
				for range bufs {
					l.Submit(op)
					mustWrite(t, peer[op], "x")
					held[op] = append(held[op], await(t, l, 1)[0].Buf)
				}
				l.Submit(op)
				mustWrite(t, peer[op], "x")
				quiet(t, l)
			}
			l.Recycle(held[order[1]][0]) // which the one that waits longer cannot use
			expect(t, l, map[*backends.Op]backends.Result{order[1]: 1})
			l.Recycle(held[order[0]][0])
			expect(t, l, map[*backends.Op]backends.Result{order[0]: 1})
		})
	}
}
