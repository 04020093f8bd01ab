package uring

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The straight way is that of nearly every message: a send that needs an entry and
// nothing else, its success, what an armed receive brings, and a Wait for whatever
// comes. It does for these what Submit, complete and Wait do for all, without what
// they ask of others.

// otherSends are the features for which a send is more than an entry of its own.
const otherSends = naive | async | zeroCopy | links

// goesStraight decides, when all else of the loop is made, whether it has that way.
func (l *Loop) goesStraight() bool {
	return l.chains == nil && l.groups == nil && l.feat&otherSends == 0
}

// waitsStraight decides the same of Wait.
func (l *Loop) waitsStraight() bool {
	return l.straight && !l.ring.sqpoll && l.hands == nil && l.waits.batch == 0 && (l.bufs == nil || l.bufs.offers == nil)
}

// waitStraight is a Wait for one completion or more, without a time limit. It returns
// none when something stands in the way, which Wait deals with.
func (l *Loop) waitStraight(dst []backends.Completion) int {
	r := l.ring
	if l.queue.head|l.ready.head|l.parked.head|l.singles.head|l.reads.starved.head != 0 ||
		l.bundle.left > 0 || l.closed || l.untold != nil || r.overflowed() {
		return 0
	}
	have, submit := r.ready(), r.publish()
	if have > 0 && submit == 0 {
		if l.early {
			return 0
		}
		l.tally.Publish()
		return l.reap(dst)
	}
	if l.bufs != nil {
		l.bufs.publish()
	}
	need := uint32(1)
	if have > 0 {
		need = 0
	}
	l.count(backends.SysWait)
	l.tally.Publish()
	n, errno := l.enter(r.enterFD, submit, need, r.enterOr|uapi.EnterGetEvents, nil, 0)
	if errno != 0 || uint32(n) < submit {
		l.untold = l.entered(n, submit, errno)
		return 0
	}
	l.stalls = 0
	return l.reap(dst)
}

// sendStraight submits a send. It returns false, and has done nothing, when
// something stands in the way.
func (l *Loop) sendStraight(op *backends.Op) bool {
	i, fd := l.free, op.FD
	if i == 0 || uint(fd) >= uint(len(l.fds)) || l.fds[fd].closing != 0 || l.files != 0 || l.queue.head != 0 {
		return false
	}
	e := l.ring.next()
	if e == nil {
		return false
	}
	s := &l.slots[i]
	l.free = s.link.next
	l.live++
	s.op, s.buf, s.link, s.state = op, -1, link{}, flying // of a free slot all else is zero
	l.joinFD(i, fd)
	op.Loan = backends.Loan{Slot: i, Gen: s.gen}
	backends.Lend(op.Buf, false)
	e.Opcode, e.FD, e.Addr, e.Len = uapi.OpSend, fd, address(op.Buf), length(op.Buf)
	e.OpFlags, e.UserData = uint32(op.SendFlags()), userData(i, s.gen)
	l.count(backends.Submissions)
	if l.table != nil {
		l.byIndex(e)
	}
	return true
}

// completeStraight is complete for the success of a send, and for bytes in a buffer of
// the ring's after which the receive goes on. It returns false, and has done nothing,
// for all else.
func (l *Loop) completeStraight(c *backends.Completion, e *uapi.CQE) bool {
	i := uint32(e.UserData)
	if e.Res <= 0 || int(i) >= len(l.slots) {
		return false
	}
	s := &l.slots[i]
	if s.gen != uint32(e.UserData>>32) || s.state != flying || s.polling || s.canceled {
		return false
	}
	const goesOn = uapi.CQEFMore | uapi.CQEFBuffer
	switch op := s.op; {
	case op.Code == backends.Send:
		backends.Unlend(op.Buf, false)
		l.sent(op, backends.Result(e.Res))
		l.release(i)
		c.Op, c.Res, c.Buf, c.More = op, backends.Result(e.Res), nil, false
		return true
	case op.Code == backends.Recv && e.Flags&(goesOn|uapi.CQEFBufMore) == goesOn && l.feat&(recvBundles|pollThen) == 0:
		l.tally.Counters[backends.BytesIn] += uint64(e.Res)
		c.Op, c.Res, c.More = op, backends.Result(e.Res), true
		c.Buf = l.bufs.take(uint16(e.Flags>>uapi.CQEBufferShift), int(e.Res), e.Flags)
		return true
	}
	return false
}
