package uring

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// bufGroup is the number of a loop's only buffer group.
const bufGroup = 0

// A bufRing lends a pool's buffers to the kernel, which takes one when data is
// there and names it by its number in the completion (Linux 5.19).
//
//	entry 0 | addr | len | bid | tail |
//	entry 1 | addr | len | bid |      |
//
// The tail has 16 bits, for which there is no atomic store. It is written
// together with the bid of entry 0, whose only writer is the loop: the kernel
// owns entry 0 only while that bid stays as it is.
//
// Two features change how buffers come back: see part and bundle. Without a
// ring, buffers go to the kernel by requests: see offers.
type bufRing struct {
	pool    *backends.Pool
	mem     []byte
	entries []uapi.Buf
	word    *atomic.Uint32 // bid of entry 0, and the tail
	bid0    uint16
	tail    uint16
	dirty   bool // buffers were put that the kernel has not been shown
	free    int  // buffers with the kernel, as far as completions tell
	size    uint32
	poison  bool

	parts  []part   // by buffer; nil unless the kernel uses them up piece by piece
	places []uint16 // where in the ring each buffer was put last; nil without bundles
	offers *offers  // nil where there is a ring
}

// newBufRing registers a ring of all n buffers of pool; n is a power of two.
func newBufRing(fd int, pool *backends.Pool, n, size int, use caps, poison bool) (*bufRing, unix.Errno) {
	mem, err := unix.Mmap(-1, 0, n*int(unsafe.Sizeof(uapi.Buf{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, errnoOf(err)
	}
	base := unsafe.Pointer(unsafe.SliceData(mem))
	reg := uapi.BufReg{RingAddr: uint64(uintptr(base)), RingEntries: uint32(n), Bgid: bufGroup}
	b := &bufRing{pool: pool, mem: mem, size: uint32(size), poison: poison}
	if use.has(incremental) {
		reg.Flags = uapi.PbufRingInc
		b.parts = make([]part, n)
	}
	if use.has(recvBundles) {
		b.places = make([]uint16, n)
	}
	// The kernel pins these pages, and copy-on-write after a fork would leave
	// the program writing to others.
	if err := unix.Madvise(mem, unix.MADV_DONTFORK); err != nil {
		unmap(mem)
		return nil, errnoOf(err)
	}
	errno := patiently(func() unix.Errno {
		_, errno := sysRegister(fd, uapi.RegisterPbufRing, unsafe.Pointer(&reg), 1)
		return errno
	})
	if errno != 0 {
		unmap(mem)
		return nil, errno
	}
	b.entries = unsafe.Slice((*uapi.Buf)(base), n)
	b.word = (*atomic.Uint32)(unsafe.Add(base, unsafe.Offsetof(uapi.Buf{}.Bid)))
	for i := range n {
		b.put(uint16(i))
	}
	b.publish()
	return b, 0
}

// put lends buffer bid to the kernel at the next publish.
func (b *bufRing) put(bid uint16) {
	mem := b.pool.At(int(bid))
	if b.poison {
		backends.Poison(mem)
	}
	backends.Lend(mem, true)
	if b.offers != nil {
		b.offers.add(bid)
		return
	}
	i := int(b.tail) & (len(b.entries) - 1)
	e := &b.entries[i]
	e.Addr = address(mem)
	e.Len = b.size
	if i == 0 {
		b.bid0 = bid
	} else {
		e.Bid = bid
	}
	if b.places != nil {
		b.places[bid] = b.tail
	}
	b.tail++
	b.free++
	b.dirty = true
}

// publish shows the kernel all buffers that were put. A store a batch is
// enough, since the kernel looks when the loop enters it.
func (b *bufRing) publish() {
	if b.dirty {
		uapi.StoreRelease(b.word, tailWord(b.bid0, b.tail))
		b.dirty = false
	}
}

func tailWord(bid, tail uint16) uint32 {
	var w [4]byte
	binary.NativeEndian.PutUint16(w[0:], bid)
	binary.NativeEndian.PutUint16(w[2:], tail)
	return binary.NativeEndian.Uint32(w[:])
}

// take is what buffer bid, named in a completion with these flags, holds: n
// bytes, for the owner. With none the kernel gets the buffer back, and there is
// nothing for the owner.
func (b *bufRing) take(bid uint16, n int, flags uint32) []byte {
	if b.parts != nil {
		return b.takePart(bid, n, flags&uapi.CQEFBufMore != 0)
	}
	b.free--
	if n <= 0 {
		b.put(bid)
		return nil
	}
	mem := b.pool.At(int(bid))
	backends.Unlend(mem, true)
	return mem[:n]
}

// unclaimed deals with a completion that is no op's: its buffers are nobody's.
func (b *bufRing) unclaimed(e uapi.CQE) {
	switch {
	case e.Flags&uapi.CQEFBuffer != 0 && e.Res > 0 && b.places != nil:
		b.discardBundle(e.Res, e.Flags)
	case e.Flags&uapi.CQEFBuffer != 0:
		if buf := b.take(uint16(e.Flags>>uapi.CQEBufferShift), int(e.Res), e.Flags); buf != nil {
			b.giveBack(buf)
		}
	case b.offers != nil && e.Res < 0 && uint32(e.UserData) == 0 && e.UserData != 0:
		b.refusedOffer(e)
	}
}

// giveBack takes from the owner what take gave it, or a part of it.
func (b *bufRing) giveBack(buf []byte) {
	bid := uint16(b.pool.Index(buf))
	if b.parts != nil && !b.partBack(bid, buf) {
		return
	}
	b.put(bid)
}

func (b *bufRing) close(fd int) {
	if b.offers != nil {
		return // the group ends with the kernel's ring
	}
	reg := uapi.BufReg{Bgid: bufGroup}
	_, _ = sysRegister(fd, uapi.UnregisterPbufRing, unsafe.Pointer(&reg), 1)
	unmap(b.mem)
}

// address is where b lies, as the kernel takes it. It does not keep b alive;
// the slot's op or the pool does.
func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
