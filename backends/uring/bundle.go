package uring

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A bundle is a completion that came with several buffers
// (IORING_RECVSEND_BUNDLE, Linux 6.10): its result is the sum of what they
// hold, and its flags name the first of them; the others follow it in the ring.
// The owner gets a completion for each.
type bundle struct {
	slot  uint32
	place uint16 // in the ring, of the next buffer to hand out
	left  int    // bytes not yet handed out; 0: no bundle is open
	bufs  int    // handed out so far
	flags uint32
}

// bundles reports whether the receive of op brings bundles. One that is to
// complete once cannot.
func (l *Loop) bundles(op *backends.Op) bool {
	return l.feat.has(recvBundles) && op.Flags&backends.Multishot != 0
}

// openBundle begins to hand out the res bytes that slot i received.
func (l *Loop) openBundle(i uint32, res backends.Result, flags uint32) {
	place := l.bufs.places[flags>>uapi.CQEBufferShift]
	l.bundle = bundle{slot: i, place: place, left: int(res), flags: flags}
}

// handOut completes the next buffer of the open bundle. Where the owner's
// slice of completions ends, the rest waits for the next Wait.
func (l *Loop) handOut(c *backends.Completion) {
	x := &l.bundle
	buf := l.bufs.takeNext(x)
	x.bufs++
	if x.left > 0 {
		*c = backends.Completion{Op: l.slots[x.slot].op, Res: backends.Result(len(buf)), Buf: buf, More: true}
		return
	}
	if x.bufs > 1 {
		l.count(backends.Bundles)
		l.tally.Counters[backends.BundleBufs] += uint64(x.bufs)
	}
	l.progress(c, x.slot, backends.Result(len(buf)), buf, x.flags)
}

// discardBundle returns the buffers of a completion that is nobody's.
func (b *bufRing) discardBundle(res int32, flags uint32) {
	x := bundle{place: b.places[flags>>uapi.CQEBufferShift], left: int(res), flags: flags}
	for x.left > 0 {
		b.giveBack(b.takeNext(&x))
	}
}

// takeNext is the next buffer of x. The ring's entry still says how long it
// was: the kernel may have shortened it to what it knew to be waiting
// (io_ring_buffers_peek in io_uring/kbuf.c). A ring whose buffers are used up
// piece by piece has other lengths there, and none is shortened.
func (b *bufRing) takeNext(x *bundle) []byte {
	e := &b.entries[int(x.place)&(len(b.entries)-1)]
	bid := e.Bid
	if e == &b.entries[0] {
		bid = b.bid0
	}
	size := int(e.Len)
	if b.parts != nil {
		size = int(b.size) - int(b.parts[bid].used)
	}
	n, flags := min(x.left, size), uint32(0)
	if x.left -= n; x.left == 0 {
		flags = x.flags
	}
	x.place++
	return b.take(bid, n, flags)
}
