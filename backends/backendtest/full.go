package backendtest

import (
	"testing"

	"github.com/ringbench/ringbench/backends"
)

// fullBuffers: messages that fill their buffers exactly, on many descriptors. A
// loop that must ask again whether that was all finds most of them empty, and
// must not go to sleep on those it has not asked yet.
func fullBuffers(t *testing.T, b backends.Backend) {
	const conns, late, size = 60, 50, 4096
	for _, m := range []mode{selectBuf, multishot} {
		t.Run(m.String(), func(t *testing.T) {
			r := open(t, b, backends.Config{Bufs: 128, BufSize: size})
			var ops []*backends.Op
			var peers []peer
			for i := range conns {
				fd, p := r.pair(networks[i%len(networks)])
				peers = append(peers, p)
				ops = append(ops, r.recvOp(fd, m, 0))
				r.put(p, i, 0, size)
			}
			r.submit(ops...)
			got := make([]int, conns)
			r.collect(ops, m, got, conns*size)
			for i := late; i < conns; i++ {
				r.put(peers[i], i, size, size)
			}
			r.collect(ops, m, got, (conns-late)*size)
			r.silence()
		})
	}
}

// collect takes completions until so many more bytes have come in all; got is
// how many have on each of ops, which stay armed.
func (r *rig) collect(ops []*backends.Op, m mode, got []int, bytes int) {
	r.Helper()
	for bytes > 0 {
		c := r.next()
		i := indexOf(ops, c.Op)
		n := r.keep(c, m, i, got[i])
		got[i] += n
		bytes -= n
		r.rearm(c.Op, m)
	}
}
