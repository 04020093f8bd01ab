package load

import (
	"math/rand/v2"

	"github.com/ringbench/ringbench/backends"
)

// line is the distance of places in the pattern.
const line = 64

// lines is a prime, so that no loss or repetition of fewer messages than that
// leaves a stream looking right, unless their size is a multiple of it.
const lines = 4093

// period is how many bytes the pattern has before it repeats: small enough to
// stay in the cache.
const period = lines * line

// A pattern holds pseudo-random bytes that repeat after period, and so many of
// them that any message can be taken as one slice.
type pattern struct {
	mem   []byte
	arena *backends.Arena
}

// newPattern makes the pattern of a seed, to be cut into slices of up to size bytes.
func newPattern(seed uint64, size int) (*pattern, error) {
	a, err := backends.NewArena(period + size)
	if err != nil {
		return nil, err
	}
	p := &pattern{mem: a.Bytes(period + size), arena: a}
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	rand.NewChaCha8(key).Read(p.mem[:period])
	for i := period; i < len(p.mem); i += period {
		copy(p.mem[i:], p.mem[:period])
	}
	return p, nil
}

// place is where connection c's stream begins in the pattern: at a line, far
// from those of its neighbours, and a byte on for each time that all lines are
// taken, so that 261,952 connections have places of their own.
func place(c int) int { return c*1597%lines*line + c/lines%line }

// advance moves a place on by n bytes of the stream.
func advance(at, n int) int {
	at += n
	if at >= period {
		at %= period
	}
	return at
}
