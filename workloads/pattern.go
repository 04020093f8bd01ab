package workloads

import "encoding/binary"

// A Pattern is what a file of ours holds: each word of 8 bytes follows from its
// place in the file and from a seed, so that a byte that is wrong, or of another
// place, shows.
type Pattern struct{ seed uint64 }

// NewPattern is the pattern of a seed.
func NewPattern(seed uint64) Pattern { return Pattern{seed} }

// step is odd, so that no two places have the same word: 2^64 over the golden
// ratio, whose multiples differ in many bits.
const step = 0x9E3779B97F4A7C15

// markEvery is how many bytes of a block one mark stands for, in what Stamp
// writes and Marked looks at.
const markEvery = 4096

func (p Pattern) word(off int64) uint64 { return uint64(off/8+1)*step ^ p.seed }

// Fill writes what the file holds at byte off. Off and the length of b are
// multiples of 8.
func (p Pattern) Fill(b []byte, off int64) {
	at := uint64(off/8+1) * step
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, at^p.seed)
		at += step
	}
}

// Holds reports whether b is what the file holds at byte off. It takes as long
// where it is not.
func (p Pattern) Holds(b []byte, off int64) bool {
	at, wrong := uint64(off/8+1)*step, uint64(0)
	for ; len(b) >= 32; b = b[32:] { // four at a time take half as long
		second := at + step
		third := second + step
		fourth := third + step
		wrong |= binary.LittleEndian.Uint64(b) ^ at ^ p.seed
		wrong |= binary.LittleEndian.Uint64(b[8:]) ^ second ^ p.seed
		wrong |= binary.LittleEndian.Uint64(b[16:]) ^ third ^ p.seed
		wrong |= binary.LittleEndian.Uint64(b[24:]) ^ fourth ^ p.seed
		at = fourth + step
	}
	for ; len(b) >= 8; b = b[8:] {
		wrong |= binary.LittleEndian.Uint64(b) ^ at ^ p.seed
		at += step
	}
	return wrong == 0
}

// Marked is Holds of the first word in every 4096 bytes of b, and of the last.
func (p Pattern) Marked(b []byte, off int64) bool {
	last := len(b) - 8
	wrong := binary.LittleEndian.Uint64(b[last:]) ^ p.word(off+int64(last))
	for i := 0; i < len(b); i += markEvery {
		wrong |= binary.LittleEndian.Uint64(b[i:]) ^ p.word(off+int64(i))
	}
	return wrong == 0
}

// Stamp makes b, which Fill(b, 0) has filled, the block of byte off and of a
// generation: in every 4096 bytes the first word becomes that of its place xor the
// generation, and the second that of its own xor the inverted one. To write a block
// costs so much less than to fill it.
func (p Pattern) Stamp(b []byte, off int64, generation uint64) {
	for i := 0; i < len(b); i += markEvery {
		binary.LittleEndian.PutUint64(b[i:], p.word(off+int64(i))^generation)
		binary.LittleEndian.PutUint64(b[i+8:], p.word(off+int64(i)+8)^^generation)
	}
}

// Stamped reports whether b is the block that Stamp makes for byte off, and of
// which generation: the oldest, where two writes at a time have left some of each.
func (p Pattern) Stamped(b []byte, off int64) (generation uint64, ok bool) {
	var wrong uint64
	generation = ^uint64(0)
	for i := 0; i+8 <= len(b); i += 8 {
		have := binary.LittleEndian.Uint64(b[i:])
		switch i % markEvery {
		case 0:
			found := have ^ p.word(off+int64(i))
			generation = min(generation, found)
			wrong |= ^found ^ binary.LittleEndian.Uint64(b[i+8:]) ^ p.word(off+int64(i)+8)
		case 8:
		default:
			wrong |= have ^ p.word(int64(i))
		}
	}
	return generation, wrong == 0
}
