package load

import (
	"math/rand/v2"

	"github.com/ringbench/ringbench/backends"
)

// line is the alignment of a connection's place in the pattern.
const line = 64

// period is how many bytes the pattern has before it repeats: a prime number of
// lines, so that no loss or repetition of messages up to that many lines long
// leaves a stream looking right, and small enough to stay in the cache.
const period = 4093 * line

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

// place is where connection c's stream begins in the pattern. Places of
// neighbouring connections are far apart and distinct for 4,093 connections.
func place(c int) int { return c * 1597 % 4093 * line }

// advance moves a place on by n bytes of the stream.
func advance(at, n int) int {
	at += n
	if at >= period {
		at %= period
	}
	return at
}
