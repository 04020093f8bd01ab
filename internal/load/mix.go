package load

import (
	"math"
	"math/rand/v2"

	"github.com/ringbench/ringbench/internal/fifo"
	"github.com/ringbench/ringbench/internal/result"
)

// A mix draws the sizes of the messages of one connection, or of one place of
// short ones, and keeps those of what is outstanding. Message i of a connection
// has the same size in every load of the same seed.
type mix struct {
	pcg    rand.PCG
	shares []result.Share
	sum    uint64 // of the weights
	out    fifo.Queue[int32]
}

// mixStream separates sizes from anything else drawn of the same seed.
const mixStream = 0x73697a65

// newMix is nil where all messages have one size.
func newMix(cfg *Config, index int) *mix {
	if len(cfg.Shares) == 0 {
		return nil
	}
	m := &mix{pcg: *rand.NewPCG(cfg.Seed, mixStream+uint64(index)<<32), shares: cfg.Shares, out: fifo.New[int32](cfg.Pipeline)}
	for _, s := range cfg.Shares {
		m.sum += uint64(s.Weight)
	}
	return m
}

// draw is the size of the next message.
func (m *mix) draw() int {
	at := m.pcg.Uint64() >> 32 * m.sum >> 32
	for _, s := range m.shares {
		if at < uint64(s.Weight) {
			return s.Bytes
		}
		at -= uint64(s.Weight)
	}
	panic("load: weights do not add up") // at is less than their sum
}

// send draws the sizes of n messages that are sent together and returns their sum.
func (m *mix) send(n int) (bytes int) {
	for range n {
		size := m.draw()
		m.out.Push(int32(size))
		bytes += size
	}
	return bytes
}

// answeredMixed takes the outstanding messages as complete whose bytes have come.
func (c *conn) answeredMixed() {
	k := c.worker
	for c.pending > 0 && c.partial >= int(*c.mix.out.Front()) {
		size := int(c.mix.out.Pop())
		c.partial -= size
		if k.recording() {
			k.bytes += uint64(size)
		}
		c.answered()
	}
}

// wrong says where what came is wrong.
func (c *conn) wrong(got, want []byte) error {
	if c.mix == nil {
		return wrongByte(c.index, got, want, c.partial, c.worker.g.cfg.Size)
	}
	i := differs(got, want)
	at := c.partial + i
	for j := 0; j < c.mix.out.Len() && at >= int(*c.mix.out.At(j)); j++ {
		at -= int(*c.mix.out.At(j))
	}
	return wrongByte(c.index, got[i:], want[i:], at, math.MaxInt)
}
