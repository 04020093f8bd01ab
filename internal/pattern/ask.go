package pattern

import "encoding/binary"

// AskSize is the bytes of an Ask on the wire.
const AskSize = 16

// An Ask is what the client of a bulk server begins each exchange with: so many
// bytes of the pattern follow it, and so many are to come back, if none then
// AskSize of them, which acknowledge what was sent.
type Ask struct {
	Up, Down     uint32 // bytes
	UpAt, DownAt uint32 // their places in the pattern
}

// Answer is how many bytes answer it.
func (a Ask) Answer() int {
	if a.Down == 0 {
		return AskSize
	}
	return int(a.Down)
}

// Put writes the ask as it is sent.
func (a Ask) Put(b *[AskSize]byte) {
	for i, v := range [...]uint32{a.Up, a.Down, a.UpAt, a.DownAt} {
		binary.LittleEndian.PutUint32(b[4*i:], v)
	}
}

// ReadAsk reads an ask; ok is false when its places are none.
func ReadAsk(b *[AskSize]byte) (a Ask, ok bool) {
	for i, v := range [...]*uint32{&a.Up, &a.Down, &a.UpAt, &a.DownAt} {
		*v = binary.LittleEndian.Uint32(b[4*i:])
	}
	return a, a.UpAt < Period && a.DownAt < Period
}
