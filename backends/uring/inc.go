package uring

import "github.com/ringbench/ringbench/backends"

// A part says how far the kernel has used up a buffer of a ring with
// IOU_PBUF_RING_INC (Linux 6.12). Receives share it one behind the other, and
// it returns to the ring when the kernel has done with it and the owner has
// given the last piece back.
type part struct {
	used int32 // bytes
	out  int32 // pieces with the owner
	done bool  // the kernel will not use the rest
}

// takePart is the next n bytes of buffer bid; more is IORING_CQE_F_BUF_MORE.
// The piece cannot be grown over what follows it, which is the kernel's.
func (b *bufRing) takePart(bid uint16, n int, more bool) []byte {
	if n <= 0 {
		// The kernel may say that it is done with a buffer of which it used
		// nothing (io_kbuf_inc_commit of Linux 6.18 with a length of 0), and
		// yet keeps it at the head of the ring.
		return nil
	}
	p := &b.parts[bid]
	from, to := p.used, p.used+int32(n)
	p.used, p.done = to, !more
	p.out++
	if p.done {
		b.free--
	}
	piece := b.pool.At(int(bid))[from:to:to]
	backends.Unlend(piece, true)
	return piece
}

// partBack notes that the owner has done with a piece of buffer bid and
// reports whether that was the last of a buffer that the kernel wants no more.
func (b *bufRing) partBack(bid uint16, piece []byte) bool {
	if b.poison {
		backends.Poison(piece[:cap(piece)])
	}
	p := &b.parts[bid]
	p.out--
	if p.out > 0 || !p.done {
		return false
	}
	*p = part{}
	return true
}
