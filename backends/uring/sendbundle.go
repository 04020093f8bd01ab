package uring

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A bundle is one request that sends the buffers of several linked Sends on one
// descriptor (IORING_RECVSEND_BUNDLE, Linux 6.10). The request takes whatever its
// buffer group holds, so a group serves one bundle at a time: two descriptors
// that shared one would send each other's bytes once a socket is full.
const (
	numGroups = 32 // bundles in flight; beyond them sends are linked one by one
	groupBufs = 64 // buffers of a bundle
)

// A sendGroup is a ring of buffers to be sent. The kernel's index is known:
// nothing else takes from the ring, and no request looks at it between bundles.
type sendGroup struct {
	entries []uapi.Buf
	word    *atomic.Uint32 // bid of entry 0, and the tail; see bufRing
	head    uint16
	n       int    // buffers of the bundle in flight
	sent    uint64 // bytes that it has sent so far
}

type sendGroups struct {
	mem  []byte
	all  [numGroups]sendGroup
	free []uint16
}

// groupID is the kernel's number of group g; bufGroup is the receives'.
func groupID(g uint16) uint16 { return bufGroup + 1 + g }

func newSendGroups(fd int) (*sendGroups, unix.Errno) {
	mem, err := unix.Mmap(-1, 0, numGroups*backends.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, errnoOf(err)
	}
	if err := unix.Madvise(mem, unix.MADV_DONTFORK); err != nil {
		unmap(mem)
		return nil, errnoOf(err)
	}
	s := &sendGroups{mem: mem}
	for g := range uint16(numGroups) {
		page := unsafe.Pointer(&mem[int(g)*backends.PageSize]) // the kernel wants rings to start on a page
		reg := uapi.BufReg{RingAddr: uint64(uintptr(page)), RingEntries: groupBufs, Bgid: groupID(g)}
		errno := patiently(func() unix.Errno {
			_, errno := sysRegister(fd, uapi.RegisterPbufRing, unsafe.Pointer(&reg), 1)
			return errno
		})
		if errno != 0 {
			s.close(fd)
			return nil, errno
		}
		s.all[g].entries = unsafe.Slice((*uapi.Buf)(page), groupBufs)
		s.all[g].word = (*atomic.Uint32)(unsafe.Add(page, unsafe.Offsetof(uapi.Buf{}.Bid)))
		s.free = append(s.free, g)
	}
	return s, 0
}

func (s *sendGroups) close(fd int) {
	for g := range uint16(numGroups) {
		reg := uapi.BufReg{Bgid: groupID(g)}
		_, _ = sysRegister(fd, uapi.UnregisterPbufRing, unsafe.Pointer(&reg), 1) // of some, after a failure, there is none
	}
	unmap(s.mem)
}

// bundleRun is how many of the next n ops of a chain, from slot i on, can go out
// as one bundle.
func (l *Loop) bundleRun(i uint32, n int) int {
	if l.groups == nil || len(l.groups.free) == 0 {
		return 0
	}
	r := 0
	for key := l.key(l.slots[i].op); r < min(n, groupBufs); i = l.chains.of[i].next {
		op := l.slots[i].op
		if op.Code != backends.Send || l.key(op) != key || len(op.Buf) == 0 || l.slots[i].polling {
			break
		}
		r++
	}
	return r
}

// writeBundle fills the next submission entry with the n linked Sends from slot
// i on. The first stands for all of them until the bundle has ended.
func (l *Loop) writeBundle(i uint32, n int) {
	last := len(l.groups.free) - 1
	id := l.groups.free[last]
	l.groups.free = l.groups.free[:last]
	g := &l.groups.all[id]
	g.n, g.sent = n, 0
	bid0 := uint16(0)
	for k, j := 0, i; k < n; k, j = k+1, l.chains.of[j].next {
		at := int(g.head+uint16(k)) & (groupBufs - 1)
		buf := l.slots[j].op.Buf
		g.entries[at].Addr, g.entries[at].Len = address(buf), length(buf)
		if at == 0 {
			bid0 = 0
		} else {
			g.entries[at].Bid = uint16(at)
		}
		l.slots[j].state = flying
	}
	g.word.Store(tailWord(bid0, g.head+uint16(n)))

	s := &l.slots[i]
	e := l.ring.next()
	l.count(backends.Submissions)
	l.count(backends.SendBundles)
	l.tally.Counters[backends.SendBundleBufs] += uint64(n)
	e.Opcode = uapi.OpSend
	e.UserData = userData(i, s.gen)
	e.FD = s.op.FD
	e.Flags = uapi.SQEBufferSelect
	if l.inTable(s.op) {
		e.Flags |= uapi.SQEFixedFile
	}
	e.Ioprio = uapi.RecvSendBundle // with a length of 0, as the kernel demands
	e.BufIndex = groupID(id)
	e.OpFlags = unix.MSG_NOSIGNAL
	l.chains.of[i].group = id + 1
	if l.table != nil {
		l.byIndex(e)
	}
}

// bundleDone delivers what became of the bundle of which slot i is the first.
func (l *Loop) bundleDone(c *backends.Completion, i uint32, e uapi.CQE) bool {
	g := &l.groups.all[l.chains.of[i].group-1]
	if e.Res > 0 {
		g.sent += uint64(e.Res)
	}
	if e.Flags&uapi.CQEFMore != 0 {
		return false
	}
	n, left := g.n, g.sent
	l.unbundle(i)
	if left == 0 {
		return l.failed(c, i, backends.Result(e.Res))
	}
	moved := func(op *backends.Op) backends.Result {
		res := min(left, uint64(len(op.Buf)))
		left -= res
		l.sent(op, backends.Result(res))
		return backends.Result(res)
	}
	s := &l.slots[i]
	*c = backends.Completion{Op: s.op, Res: moved(s.op)}
	l.unlend(s)
	next, ok := l.detach(i, c.Res)
	l.release(i)
	for ; n > 1 && ok && left > 0; n-- {
		j := next
		s := &l.slots[j]
		s.state, s.res = done, moved(s.op)
		l.push(&l.ready, j)
		l.leaveFD(j)
		next, ok = l.detach(j, s.res)
	}
	l.follow(next, ok) // one that was not begun starts again
	return true
}

// unbundle parts the Sends of the bundle of which slot i is the first; all but
// that one are held again. The group is used again when it is known which buffers
// the kernel has taken.
func (l *Loop) unbundle(i uint32) {
	k := &l.chains.of[i]
	id := k.group - 1
	k.group = 0
	g := &l.groups.all[id]
	bytes, j := uint64(len(l.slots[i].op.Buf)), k.next
	for range g.n - 1 {
		bytes += uint64(len(l.slots[j].op.Buf))
		l.slots[j].state = held
		j = l.chains.of[j].next
	}
	if g.sent == bytes {
		g.head += uint16(g.n)
	} else {
		status := uapi.BufStatus{BufGroup: uint32(groupID(id))}
		if _, errno := uapi.Register(l.ring.fd, uapi.RegisterPbufStatus, unsafe.Pointer(&status), 1); errno != 0 {
			return // its state is unknown: not to be used again
		}
		g.head = uint16(status.Head)
	}
	l.groups.free = append(l.groups.free, id)
}
