// Package pattern is the bytes that the ends of a test send and verify: what a
// stream holds depends on whose it is and on the place in it, so that wrong bytes
// and right ones in the wrong order are found out.
package pattern

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/ringbench/ringbench/backends"
)

// Line is the distance of places in the pattern.
const Line = 64

// Lines is a prime, so that no loss or repetition of fewer messages than that
// leaves a stream looking right, unless their size is a multiple of it.
const Lines = 4093

// Period is how many bytes the pattern has before it repeats: small enough to
// stay in the cache.
const Period = Lines * Line

// A Pattern holds pseudo-random bytes that repeat after Period, and so many of
// them that any message can be taken as one slice.
type Pattern struct {
	Mem   []byte // it ends where a slice that begins at the last place does
	arena *backends.Arena
}

// New makes the pattern of a seed, to be cut into slices of up to size bytes.
func New(seed uint64, size int) (*Pattern, error) {
	a, err := backends.NewArena(Period + size)
	if err != nil {
		return nil, err
	}
	p := &Pattern{Mem: a.Bytes(Period + size), arena: a}
	fill(p.Mem[:Period], seed)
	for i := Period; i < len(p.Mem); i += Period {
		copy(p.Mem[i:], p.Mem[:Period])
	}
	return p, nil
}

func fill(b []byte, seed uint64) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(b)
}

// Content returns what writes to b the bytes at off of an endless file: the
// pattern of a seed from its beginning, again and again.
func Content(seed uint64) func(b []byte, off int64) {
	once := make([]byte, Period)
	fill(once, seed)
	return func(b []byte, off int64) {
		for len(b) > 0 {
			n := copy(b, once[off%Period:])
			b, off = b[n:], off+int64(n)
		}
	}
}

// Place is where connection c's stream begins in the pattern: at a line, far
// from those of its neighbours, and a byte on for each time that all lines are
// taken, so that 261,952 connections have places of their own.
func Place(c int) int { return c*1597%Lines*Line + c/Lines%Line }

// Advance moves a place on by n bytes of the stream.
func Advance(at, n int) int {
	at += n
	if at >= Period {
		at %= Period
	}
	return at
}

// Free unmaps the pattern. No slice of it may be lent.
func (p *Pattern) Free() error { return p.arena.Free() }
