package uring

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// offers are buffers on their way to the kernel where no ring takes them there:
// each goes by an IORING_OP_PROVIDE_BUFFERS (Linux 5.7), which takes a run of
// neighbours at once. The kernel hands buffers out in the order in which it got
// them, so those of one batch of receives often come back as such a run.
type offers struct {
	waiting []uint16
	stride  bool // a buffer begins where the one before it ends, as the request demands
}

// initOffers makes a buffer group without a ring. As many buffers as one batch
// of requests can name are ahead of whatever the owner submits.
func (l *Loop) initOffers(n, size int, poison bool) {
	b := &bufRing{pool: l.pool, size: uint32(size), poison: poison}
	b.offers = &offers{waiting: make([]uint16, 0, n), stride: size%backends.PageSize == 0}
	for i := range n {
		b.put(uint16(i))
	}
	l.bufs = b
	l.offer()
}

func (o *offers) add(bid uint16) { o.waiting = append(o.waiting, bid) }

// run is how many buffers at the front lie in a row.
func (o *offers) run() int {
	n := 1
	for o.stride && n < len(o.waiting) && o.waiting[n] == o.waiting[0]+uint16(n) {
		n++
	}
	return n
}

// offer writes a request for every run of waiting buffers. They come before
// the receives that this Wait starts. It reports whether the submission queue
// was full before all were written.
func (l *Loop) offer() (left bool) {
	b, o := l.bufs, l.bufs.offers
	for len(o.waiting) > 0 {
		e := l.ring.next()
		if e == nil {
			return true
		}
		n, bid := o.run(), o.waiting[0]
		l.count(backends.Submissions)
		e.Opcode = uapi.OpProvideBuffers
		e.FD = int32(n)
		e.Addr, e.Len = address(b.pool.At(int(bid))), b.size
		e.Off = uint64(bid)
		e.BufIndex = bufGroup
		e.UserData = userData(0, uint32(n)<<16|uint32(bid)) // nobody's op; see refusedOffer
		b.free += n
		o.waiting = o.waiting[:copy(o.waiting, o.waiting[n:])]
	}
	return false
}

// refusedOffer makes buffers wait again that the kernel had no memory to note.
func (b *bufRing) refusedOffer(e uapi.CQE) {
	n, bid := int(e.UserData>>48), uint16(e.UserData>>32)
	for i := range n {
		b.free--
		b.offers.add(bid + uint16(i))
	}
}

// takeBack has the kernel let go of the buffers before their memory is unmapped;
// the ring itself it frees some time after close.
func (l *Loop) takeBack() {
	if l.bufs == nil || l.bufs.offers == nil || l.bufs.free == 0 {
		return
	}
	e := l.ring.next()
	if e == nil {
		return // and the group ends with the ring
	}
	l.count(backends.Submissions)
	e.Opcode = uapi.OpRemoveBuffers
	e.FD = int32(l.bufs.free)
	e.BufIndex = bufGroup
	l.submitNow()
}
