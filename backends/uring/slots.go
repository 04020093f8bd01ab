package uring

import (
	"github.com/ringbench/ringbench/backends"
)

// A state says where an op is.
type state uint8

const (
	unused    state = iota
	queued          // in Loop.queue: waits for a submission entry
	flying          // with the kernel, or in the submission queue on its way
	parked          // in Loop.parkedIn: a receive or a read that waits for a buffer
	closing         // a Close that waits for the ops on its descriptor to end
	done            // in Loop.ready: complete, waits to be taken
	held            // waits for the op before it in its chain
	expecting       // an Accept that gets its connections from another loop
)

// A slot holds a lent op. Its index and generation are the user_data of the
// op's requests, so a late completion or cancel cannot hit the slot's next user.
type slot struct {
	op     *backends.Op // keeps the op and its buffers alive
	target uint64       // Cancel: user_data of the op to cancel
	msg    *message     // RecvFrom that completes once
	gen    uint32
	fd     int32 // key of the descriptor whose list the slot is in, or -1
	res    backends.Result
	buf    int32  // buffer of the loop's own choice in use, or -1
	by     uint32 // slot of the Cancel in flight for this op
	link   link   // queue, parked, ready or the free list
	onFD   link   // ops on one descriptor
	taker  uint32 // 1 + the index in hands.takers of an Accept of a crew
	state  state

	canceled bool // ends rather than being started again
	polling  bool // the request in flight is a poll that precedes the op
	asked    bool // that poll fired: there is something to get
	hit      bool // Cancel: its target ended for want of being re-armed
	plain    bool // zero-copy send: to be sent by copying
	noting   bool // zero-copy send: the count is in, the notification is not
	tried    bool // a receive was asked to poll first
	watch    watch
}

// Slot 0 is nobody's: link 0 is the end of a list, and user_data with index 0
// marks the loop's own requests.
type link struct{ prev, next uint32 }

type list struct{ head, tail uint32 }

func (l *Loop) push(q *list, i uint32) {
	l.slots[i].link = link{prev: q.tail}
	if q.tail != 0 {
		l.slots[q.tail].link.next = i
	} else {
		q.head = i
	}
	q.tail = i
}

func (l *Loop) remove(q *list, i uint32) {
	k := l.slots[i].link
	if k.prev != 0 {
		l.slots[k.prev].link.next = k.next
	} else {
		q.head = k.next
	}
	if k.next != 0 {
		l.slots[k.next].link.prev = k.prev
	} else {
		q.tail = k.prev
	}
	l.slots[i].link = link{}
}

// take lends op a slot. The table doubles when it is used up and never shrinks,
// so a loop in its steady state allocates nothing.
func (l *Loop) take(op *backends.Op) uint32 {
	if l.free == 0 {
		l.grow()
	}
	i := l.free
	s := &l.slots[i]
	l.free = s.link.next
	*s = slot{op: op, gen: s.gen, fd: -1, buf: -1}
	op.Loan = backends.Loan{Slot: i, Gen: s.gen}
	l.live++
	return i
}

// release returns the loan of slot i.
func (l *Loop) release(i uint32) {
	s := &l.slots[i]
	l.leaveFD(i)
	if s.msg != nil {
		l.messages.put(s.msg)
	}
	s.op.Loan = backends.Loan{}
	*s = slot{gen: s.gen + 1, link: link{next: l.free}}
	l.free = i
	l.live--
}

func (l *Loop) grow() {
	l.resize(2 * len(l.slots))
}

// resize makes the table n slots long; there must be no free slot.
func (l *Loop) resize(n int) {
	first := max(len(l.slots), 1)
	slots := make([]slot, n)
	copy(slots, l.slots)
	for i := first; i < n-1; i++ {
		slots[i].link.next = uint32(i + 1)
	}
	l.slots, l.free = slots, uint32(first)
	if l.chains != nil {
		l.chains.resize(n)
	}
}

func userData(i, gen uint32) uint64 { return uint64(gen)<<32 | uint64(i) }

// find is the slot that user_data names, or nil when its op has ended.
func (l *Loop) find(data uint64) (uint32, *slot) {
	i, gen := uint32(data)&^pollMark, uint32(data>>32)
	if i == 0 || int(i) >= len(l.slots) {
		return 0, nil
	}
	if s := &l.slots[i]; s.gen == gen && s.op != nil {
		return i, s
	}
	return 0, nil
}

// An fdOps is what a loop remembers of a descriptor.
type fdOps struct {
	head     uint32 // ops that the kernel has or will get
	closing  uint32 // the Close that waits for them to end
	copies   bool   // zero-copy sends are refused
	nonblock bool   // the loop made it O_NONBLOCK

	uses       uint8 // requests, until it is registered
	registered bool  // in the table of files, in the slot of its number
}

// maxFD bounds the table of descriptors. Linux allows 1<<20 a process unless
// fs.nr_open was raised.
const maxFD = 1 << 24

// opsOn is the entry of the descriptor with key fd, good until the next call.
func (l *Loop) opsOn(fd int32) *fdOps {
	if int(fd) >= len(l.fds) {
		n := max(len(l.fds), 64)
		for n <= int(fd) {
			n *= 2
		}
		fds := make([]fdOps, n)
		copy(fds, l.fds)
		l.fds = fds
	}
	return &l.fds[fd]
}

// joinFD enters slot i in the list of ops on fd.
func (l *Loop) joinFD(i uint32, fd int32) {
	f, s := l.opsOn(fd), &l.slots[i]
	s.fd = fd
	s.onFD = link{next: f.head}
	if f.head != 0 {
		l.slots[f.head].onFD.prev = i
	}
	f.head = i
}

// leaveFD is its reverse; the last op to leave lets a waiting Close go on.
func (l *Loop) leaveFD(i uint32) {
	s := &l.slots[i]
	if s.fd < 0 {
		return
	}
	f := &l.fds[s.fd]
	if s.onFD.prev != 0 {
		l.slots[s.onFD.prev].onFD.next = s.onFD.next
	} else {
		f.head = s.onFD.next
	}
	if s.onFD.next != 0 {
		l.slots[s.onFD.next].onFD.prev = s.onFD.prev
	}
	s.fd, s.onFD = -1, link{}
	if s.taker != 0 {
		l.leave(l.hands.takers[s.taker-1])
	}
	if c := f.closing; f.head == 0 && c != 0 && l.slots[c].state == closing {
		l.enqueue(c)
	}
}
