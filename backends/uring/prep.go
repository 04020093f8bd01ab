package uring

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A scratch holds what a request points to besides its data. Each submission
// entry has one: the kernel copies it before it gives the entry back
// (IORING_FEAT_SUBMIT_STABLE, Linux 5.5).
type scratch struct {
	addr unix.RawSockaddrAny
	ts   uapi.Timespec
	hdr  unix.Msghdr
	iov  unix.Iovec
}

// enqueue gives slot i to the kernel at the next enter, or, when the submission
// queue is full or others wait already, as soon as there is room.
func (l *Loop) enqueue(i uint32) {
	if l.queue.head == 0 && l.start(i) {
		return
	}
	l.slots[i].state = queued
	l.push(&l.queue, i)
}

// flush moves waiting ops to the submission queue while it has room.
func (l *Loop) flush() {
	if l.hands != nil {
		l.flushHands()
	}
	for l.queue.head != 0 && !l.ring.full() {
		i := l.queue.head
		l.remove(&l.queue, i)
		if !l.start(i) { // a Close with more ops to cancel than there is room for
			l.pushFront(i)
			return
		}
	}
}

func (l *Loop) pushFront(i uint32) {
	s := &l.slots[i]
	s.state = queued
	s.link = link{next: l.queue.head}
	if l.queue.head != 0 {
		l.slots[l.queue.head].link.prev = i
	} else {
		l.queue.tail = i
	}
	l.queue.head = i
}

// start writes the submission entry of slot i, which is in no list. It returns
// false when the submission queue is full.
func (l *Loop) start(i uint32) bool {
	s := &l.slots[i]
	op := s.op
	if op.Code == backends.Close {
		if f := &l.fds[l.key(op)]; f.closing == i && f.head != 0 {
			return l.cancelFD(i)
		}
	}
	if l.chains != nil && l.chains.of[i].next != 0 && !s.polling {
		if n := l.run(i); n > 1 {
			return l.startChain(i, n)
		}
	}
	if l.ring.full() {
		return false
	}
	if l.pollsFirst(s) {
		s.polling = true
	}
	choose := receives(op.Code) && op.Flags&backends.SelectBuf != 0 && (l.bufs == nil || l.takesOnce(op)) && !s.polling && !(l.watches(op) && (!s.asked || s.watch.ending))
	if choose && !l.chooseBuf(i) || readsChosen(op) && !l.chooseRead(i) {
		return true // parked
	}
	l.write(i)
	return true
}

// write fills the next submission entry, which there must be, for slot i.
func (l *Loop) write(i uint32) *uapi.SQE {
	e := l.compose(i)
	if l.table != nil {
		l.byIndex(e)
	}
	return e
}

// compose is write but for how the entry names its file.
func (l *Loop) compose(i uint32) *uapi.SQE {
	s := &l.slots[i]
	op := s.op
	e := l.ring.next()
	l.count(backends.Submissions)
	e.UserData = userData(i, s.gen)
	e.FD = op.FD
	if l.inTable(op) {
		e.Flags = uapi.SQEFixedFile
	}
	s.state = flying
	if l.watches(op) && l.prepWatch(e, i) {
		return e
	}
	if s.polling {
		prepPoll(e, op)
		return e
	}
	switch op.Code {
	case backends.Nop:
		e.Opcode = uapi.OpNop
	case backends.Accept:
		l.prepAccept(e, op)
	case backends.Connect:
		l.prepConnect(e, op)
	case backends.Recv:
		l.prepRecv(e, s)
	case backends.Send:
		l.prepSend(e, op)
	case backends.RecvFrom:
		l.prepRecvFrom(e, i)
	case backends.SendTo:
		l.prepSendTo(e, op)
	case backends.Splice:
		l.prepSplice(e, op)
	case backends.Close:
		// From here the number may be given to a new descriptor.
		f := &l.fds[l.key(op)]
		f.closing, f.copies, f.nonblock = 0, false, false
		l.prepClose(e, op)
	case backends.Shutdown:
		prepShutdown(e, op)
	case backends.Timeout:
		l.prepTimeout(e, op)
	case backends.LinkTimeout:
		l.prepTimeout(e, op)
		e.Opcode = uapi.OpLinkTimeout
	case backends.Cancel:
		prepCancel(e, s.target)
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		l.prepFile(e, s)
	case request:
		l.prepRequest(e, i)
	}
	if l.feat.has(async) {
		forceAsync(e, op.Code)
	}
	return e
}

// prepPoll waits until op can make progress.
func prepPoll(e *uapi.SQE, op *backends.Op) {
	e.Opcode = uapi.OpPollAdd
	e.FD = op.Socket()
	e.OpFlags = pollEvents(unix.POLLIN)
	if sends(op.Code) || op.Code == backends.Splice && op.Off != backends.FromSocket {
		e.OpFlags = pollEvents(unix.POLLOUT)
	}
}

func pollEvents(events uint32) uint32 {
	if bigEndian {
		events <<= 16 // the kernel swaps the halves: poll32_events is "word-reversed for BE"
	}
	return events
}

func (l *Loop) prepAccept(e *uapi.SQE, op *backends.Op) {
	e.Opcode = uapi.OpAccept
	if l.acceptsFixed(op) {
		e.FileIndex = uapi.FileIndexAlloc
		e.OpFlags = unix.SOCK_NONBLOCK // see unblock: there is no fcntl(2) for it later
	} else {
		e.OpFlags = unix.SOCK_CLOEXEC
	}
	if op.Flags&backends.Multishot != 0 && l.feat.has(acceptMulti) {
		e.Ioprio = uapi.AcceptMultishot
	}
}

func (l *Loop) prepConnect(e *uapi.SQE, op *backends.Op) {
	t := l.scratchOf(e)
	t.addr = op.Addr.Raw
	e.Opcode = uapi.OpConnect
	e.Addr = uint64(uintptr(unsafe.Pointer(&t.addr)))
	e.Off = uint64(op.Addr.Len)
}

func (l *Loop) prepRecv(e *uapi.SQE, s *slot) {
	op := s.op
	e.Opcode = uapi.OpRecv
	switch {
	case op.Flags&backends.SelectBuf == 0:
		e.Addr, e.Len = address(op.Buf), length(op.Buf)
	case l.bufs == nil:
		buf := l.pool.At(int(s.buf))
		e.Addr, e.Len = address(buf), length(buf)
		if s.asked {
			e.OpFlags = unix.MSG_DONTWAIT // rather poll again than keep the buffer
		}
	default:
		e.Flags |= uapi.SQEBufferSelect
		e.BufIndex = bufGroup
		e.Len = l.bufs.size
		if op.Flags&backends.Multishot != 0 && l.feat.has(recvMulti) && !l.triesLate(s) {
			e.Ioprio = uapi.RecvMultishot
			e.Len = 0 // as Linux before 6.17 demands
		}
		if l.bundles(op) {
			e.Ioprio |= uapi.RecvSendBundle
			e.Len = 0 // no limit
		}
	}
	if l.feat&(pollFirst|pollThen) != 0 {
		l.prepLate(e, s)
	}
}

func (l *Loop) prepSend(e *uapi.SQE, op *backends.Op) {
	e.Opcode = uapi.OpSend
	e.Addr, e.Len = address(op.Buf), length(op.Buf)
	e.OpFlags = uint32(op.SendFlags())
	if op.Flags&(backends.ZeroCopy|backends.Link) != 0 && l.feat&(zeroCopy|links) != 0 {
		l.modifySend(e, op)
	}
}

func (l *Loop) prepTimeout(e *uapi.SQE, op *backends.Op) {
	t := l.scratchOf(e)
	t.ts = timespec(time.Duration(max(op.Off, 0)))
	e.Opcode = uapi.OpTimeout
	e.FD = -1
	e.Addr = uint64(uintptr(unsafe.Pointer(&t.ts)))
	e.Len = 1
}

// prepCancel cancels the request with that user_data.
func prepCancel(e *uapi.SQE, target uint64) {
	e.Opcode = uapi.OpAsyncCancel
	e.FD = -1
	e.Addr = target
}

// chooseBuf gets slot i a buffer of the pool where the kernel cannot choose.
// While there is plenty an armed receive just holds one. When few are left it
// polls first and takes one when data is there, so that idle connections cannot
// keep all buffers from the busy ones. It returns false, and parks the slot,
// when data is there but no buffer.
func (l *Loop) chooseBuf(i uint32) bool {
	s := &l.slots[i]
	pool := l.choices(s.op)
	if !s.asked && pool.Len() <= l.reserve {
		s.polling = true
		return true
	}
	buf := pool.Get()
	if buf == nil {
		l.count(backends.NoBufs)
		l.park(i)
		return false
	}
	if l.poison {
		backends.Poison(buf)
	}
	backends.Lend(buf, true)
	s.buf = int32(pool.Index(buf))
	return true
}

// park keeps a receive until Recycle brings a buffer.
func (l *Loop) park(i uint32) {
	l.slots[i].state = parked
	l.push(l.parkedIn(i), i)
}

// unpark starts as many parked receives again as there are buffers. It reports
// whether buffers may be left for those that still wait: a receive that finds
// its peer idle does not use its buffer.
func (l *Loop) unpark() (left bool) {
	if l.bufs != nil && l.bufs.offers != nil && l.offer() {
		return true
	}
	for _, q := range [...]*list{&l.parked, &l.singles} {
		if q.head == 0 {
			continue
		}
		for n := l.freeBufs(q); n > 0 && q.head != 0; n = min(n-1, l.freeBufs(q)) {
			i := q.head
			l.remove(q, i)
			l.count(backends.Rearms)
			l.enqueue(i)
		}
		left = left || q.head != 0 && l.freeBufs(q) > 0
	}
	return left
}

// freeBufs is how many buffers there are for the receives that wait in q.
func (l *Loop) freeBufs(q *list) int {
	switch {
	case q == &l.singles:
		return l.single.Len()
	case l.bufs != nil:
		return l.bufs.free
	}
	return l.pool.Len()
}

func (l *Loop) scratchOf(e *uapi.SQE) *scratch {
	return &l.scratch[(l.ring.tail-1)&l.ring.sqMask]
}

func timespec(d time.Duration) uapi.Timespec {
	return uapi.Timespec{Sec: int64(d / time.Second), Nsec: int64(d % time.Second)}
}

// length caps what one request moves, as read(2) and send(2) do.
func length(b []byte) uint32 { return uint32(min(len(b), 1<<30)) }
