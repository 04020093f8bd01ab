package uring

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// A ring is the memory that the program and the kernel share:
//
//	mem   | heads, tails, flags | index array | CQE 0 | CQE 1 | …
//	sqes  | SQE 0 | SQE 1 | …
//
// The program owns the submission tail and the completion head, the kernel the
// other two. Both keep running and are masked on use. sync/atomic orders more
// strictly than the protocol demands, which includes the full barrier between
// publishing the tail and reading NEED_WAKEUP.
type ring struct {
	fd       int
	enterFD  int    // fd, or its index among the thread's registered rings
	enterOr  uint32 // EnterRegisteredRing, where enterFD is such an index, and EnterNoIOWait
	features uint32
	sqpoll   bool

	sqHead, sqTail, sqFlags *atomic.Uint32
	sqMask                  uint32
	sqes                    []uapi.SQE
	sqSeen                  uint32 // the kernel's head when last looked at
	tail                    uint32 // ours; published by publish

	cqHead, cqTail *atomic.Uint32
	cqMask         uint32
	cqes           []uapi.CQE
	head           uint32 // ours

	mem, sqeMem []byte
	own         []byte // both, where they lie in memory of ours
}

// newRing sets a ring up and maps it. The flags are complete but for those that
// only describe sizes.
func newRing(entries, cqEntries, flags, cpu, idleMilli uint32) (*ring, unix.Errno) {
	return newRingIn(nil, entries, cqEntries, flags, cpu, idleMilli)
}

// newRingIn is newRing in memory of ours, of the size that ringMemory says; it
// belongs to the ring when there is no error. Without memory the kernel has it.
func newRingIn(own []byte, entries, cqEntries, flags, cpu, idleMilli uint32) (*ring, unix.Errno) {
	p := uapi.Params{Flags: flags | uapi.SetupCQSize | uapi.SetupClamp, CQEntries: cqEntries, SQThreadCPU: cpu, SQThreadIdle: idleMilli}
	sqes, _ := ringMemory(entries, cqEntries)
	if own != nil {
		p.Flags |= uapi.SetupNoMmap
		p.SQOff.UserAddr, p.CQOff.UserAddr = address(own), address(own[sqes:])
	}
	asked := p
	var fd int
	errno := patiently(func() (errno unix.Errno) {
		p = asked
		fd, errno = sysSetup(entries, &p)
		return errno
	})
	if errno != 0 {
		return nil, errno
	}
	r := &ring{fd: fd, enterFD: fd, features: p.Features, sqpoll: flags&uapi.SetupSQPoll != 0}
	if p.Features&required != required {
		r.close()
		return nil, unix.ENOSYS
	}
	if own != nil {
		r.own, r.sqeMem, r.mem = own, own[:sqes], own[sqes:]
	} else if errno := r.mmap(&p); errno != 0 {
		r.close()
		return nil, errno
	}
	r.layOut(&p)
	return r, 0
}

// longestPause is the longest between two of patiently's calls; tests shorten it.
var longestPause = 64 * time.Millisecond

// patiently repeats a call that fails for want of memory, for an eighth of a
// second at most. The kernel frees a closed ring some time after close(2), and
// until then it counts against the user's limit of locked memory (8 MiB by
// default): on Linux 6.18 an unprivileged process that opened and closed one
// ring after the other was refused after some dozens.
func patiently(call func() unix.Errno) (errno unix.Errno) {
	for pause := time.Millisecond; ; pause *= 2 {
		if errno = call(); errno != unix.ENOMEM || pause > longestPause {
			return errno
		}
		time.Sleep(pause)
	}
}

// required are the features without which the loop is not correct; EXT_ARG
// (Linux 5.11), the wait with a time limit, is the youngest.
const required = uapi.FeatSingleMmap | uapi.FeatNoDrop | uapi.FeatSubmitStable | uapi.FeatFastPoll | uapi.FeatExtArg

func (r *ring) mmap(p *uapi.Params) unix.Errno {
	size := max(p.SQOff.Array+p.SQEntries*4, p.CQOff.CQEs+p.CQEntries*uint32(unsafe.Sizeof(uapi.CQE{})))
	mem, err := mapShared(r.fd, uapi.OffSQRing, int(size))
	if err != nil {
		return errnoOf(err)
	}
	r.mem = mem
	r.sqeMem, err = mapShared(r.fd, uapi.OffSQEs, int(p.SQEntries)*int(unsafe.Sizeof(uapi.SQE{})))
	if err != nil {
		return errnoOf(err)
	}
	return 0
}

// layOut finds the parts of the ring in its memory.
func (r *ring) layOut(p *uapi.Params) {
	r.sqHead, r.sqTail, r.sqFlags = r.word(p.SQOff.Head), r.word(p.SQOff.Tail), r.word(p.SQOff.Flags)
	r.cqHead, r.cqTail = r.word(p.CQOff.Head), r.word(p.CQOff.Tail)
	r.sqMask, r.cqMask = p.SQEntries-1, p.CQEntries-1
	r.sqes = unsafe.Slice((*uapi.SQE)(unsafe.Pointer(unsafe.SliceData(r.sqeMem))), p.SQEntries)
	r.cqes = unsafe.Slice((*uapi.CQE)(unsafe.Pointer(&r.mem[p.CQOff.CQEs])), p.CQEntries)
	if p.Flags&uapi.SetupNoSQArray == 0 {
		array := unsafe.Slice((*uint32)(unsafe.Pointer(&r.mem[p.SQOff.Array])), p.SQEntries)
		for i := range array {
			array[i] = uint32(i) // entries are used in order, so the indirection never changes
		}
	}
}

// mapShared maps a part of the ring; a child must not inherit it, since two
// processes on one ring corrupt it.
func mapShared(fd int, offset int64, size int) ([]byte, error) {
	mem, err := unix.Mmap(fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	if err := unix.Madvise(mem, unix.MADV_DONTFORK); err != nil {
		unmap(mem)
		return nil, err
	}
	return mem, nil
}

func unmap(mem []byte) {
	if mem != nil {
		_ = unix.Munmap(mem) // fails only for a range that was never mapped
	}
}

func (r *ring) word(off uint32) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&r.mem[off]))
}

// next is the next free submission entry, cleared, or nil when the queue is full.
func (r *ring) next() *uapi.SQE {
	if r.full() {
		return nil
	}
	e := &r.sqes[r.tail&r.sqMask]
	r.tail++
	*e = uapi.SQE{}
	return e
}

func (r *ring) full() bool {
	if r.tail-r.sqSeen < uint32(len(r.sqes)) {
		return false
	}
	r.sqSeen = r.sqHead.Load()
	return r.tail-r.sqSeen >= uint32(len(r.sqes))
}

// room is how many entries can be had now.
func (r *ring) room() int {
	r.sqSeen = r.sqHead.Load()
	return len(r.sqes) - int(r.tail-r.sqSeen)
}

// publish shows all entries to the kernel and returns how many of them it has
// not yet taken. A polling kernel thread takes them by itself.
func (r *ring) publish() uint32 {
	if r.sqTail.Load() != r.tail {
		uapi.StoreRelease(r.sqTail, r.tail)
	}
	return r.unsubmitted()
}

func (r *ring) unsubmitted() uint32 {
	r.sqSeen = r.sqHead.Load()
	return r.tail - r.sqSeen
}

// ready is how many completions wait to be taken.
func (r *ring) ready() int { return int(r.cqTail.Load() - r.head) }

// overflowed reports whether the kernel holds completions that did not fit.
func (r *ring) overflowed() bool { return r.sqFlags.Load()&uapi.SQCQOverflow != 0 }

// register makes the ring known to its thread, which saves the kernel the
// lookup of the descriptor on every enter (Linux 5.18).
func (r *ring) register() unix.Errno {
	u := uapi.RsrcUpdate{Offset: ^uint32(0), Data: uint64(r.fd)}
	if _, errno := sysRegister(r.fd, uapi.RegisterRingFDs, unsafe.Pointer(&u), 1); errno != 0 {
		return errno
	}
	r.enterFD = int(u.Offset)
	r.enterOr |= uapi.EnterRegisteredRing
	return 0
}

// close gives everything back. Nothing may be in flight; the kernel frees the
// ring some time later.
func (r *ring) close() {
	if r.enterOr&uapi.EnterRegisteredRing != 0 {
		u := uapi.RsrcUpdate{Offset: uint32(r.enterFD)}
		_, _ = sysRegister(r.fd, uapi.UnregisterRingFDs, unsafe.Pointer(&u), 1)
	}
	if r.own != nil {
		r.sqeMem, r.mem = nil, r.own
	}
	unmap(r.sqeMem)
	unmap(r.mem)
	r.own, r.mem, r.sqeMem, r.sqes, r.cqes = nil, nil, nil, nil, nil
	_ = unix.Close(r.fd)
}

func errnoOf(err error) unix.Errno {
	if e, ok := err.(unix.Errno); ok {
		return e
	}
	return unix.EIO
}
