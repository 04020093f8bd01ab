package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// reap takes completions until dst is full or none are left.
func (l *Loop) reap(dst []backends.Completion) int {
	n := l.reapReady(dst)
	head, tail := l.ring.head, l.ring.cqTail.Load()
	for n < len(dst) {
		if l.bundle.left > 0 {
			l.handOut(&dst[n])
			n++
			continue
		}
		if head == tail {
			break
		}
		if l.straight && l.completeStraight(&dst[n], &l.ring.cqes[head&l.ring.cqMask]) {
			head++
			n++
			continue
		}
		e := l.ring.cqes[head&l.ring.cqMask]
		if l.chains != nil && l.chains.skipped != 0 && l.implied(&dst[n], e) {
			n++
			continue // e itself is next
		}
		head++
		if l.complete(&dst[n], e) {
			n++
		}
	}
	if head != l.ring.head {
		l.tally.Counters[backends.Completions] += uint64(head - l.ring.head)
		l.ring.head = head
		uapi.StoreRelease(l.ring.cqHead, head)
	}
	if l.hands != nil && len(l.hands.unsent) > 0 {
		l.sendNow()
	}
	return n
}

// reapReady takes what completed without the kernel. It comes first: a Close
// may be in the completion queue, and these are the ops that it cancelled.
func (l *Loop) reapReady(dst []backends.Completion) int {
	n := 0
	for n < len(dst) && l.ready.head != 0 {
		i := l.ready.head
		l.remove(&l.ready, i)
		s := &l.slots[i]
		dst[n] = backends.Completion{Op: s.op, Res: s.res}
		l.unlend(s)
		l.release(i)
		n++
	}
	return n
}

// complete turns a completion entry into the owner's Completion. It returns
// false when there is nothing for the owner in it.
func (l *Loop) complete(c *backends.Completion, e uapi.CQE) bool {
	i, s := l.find(e.UserData)
	if s != nil && e.UserData&pollMark != 0 {
		return l.watched(c, i, e)
	}
	if s == nil || s.state != flying {
		if s == nil && e.UserData&handMark != 0 {
			return l.handed(c, e)
		}
		if s == nil && l.feat.has(async) {
			l.cancelAgain(e.UserData)
		}
		if l.bufs != nil {
			l.bufs.unclaimed(e)
		}
		return false
	}
	if l.chains != nil && l.chained(i, e) {
		return false
	}
	if s.polling {
		return l.polled(c, i, e)
	}
	res := backends.Result(e.Res)
	if s.canceled && e.Res == -int32(unix.EINTR) {
		res = canceled // what a request in a kernel worker says when it is cancelled
	}
	if s.canceled && res == canceled && l.feat.has(async) {
		l.tellCancel(i) // which may have asked again, see escaped
	}
	switch s.op.Code {
	case backends.Recv:
		return l.recvDone(c, i, res, e.Flags)
	case backends.Accept:
		switch {
		case res < 0:
			return l.failed(c, i, res)
		case s.taker != 0:
			return l.accepted(c, i, e.Res, e.Flags)
		}
		return l.progress(c, i, res, nil, e.Flags)
	case backends.Send:
		if l.groups != nil && l.chains.of[i].group != 0 {
			return l.bundleDone(c, i, e)
		}
		if l.feat.has(zeroCopy) && (s.noting || e.Flags&uapi.CQEFMore != 0 || res < 0) {
			return l.zeroCopyDone(c, i, res, e.Flags)
		}
		if res < 0 {
			return l.failed(c, i, res)
		}
		l.sent(s.op, res)
	case backends.RecvFrom:
		return l.recvFromDone(c, i, res, e.Flags)
	case backends.SendTo:
		return l.sentTo(c, i, res)
	case backends.Splice:
		return l.spliceDone(c, i, res)
	case backends.Cancel:
		if l.feat.has(async) && res < 0 && l.escaped(s) {
			l.enqueue(i)
			return false
		}
		res = l.cancelDone(s, res)
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		return l.fileDone(c, i, res)
	case request:
		return l.requestDone(c, i, res, e.Flags)
	}
	return l.final(c, i, res)
}

// sent counts what a send has moved.
func (l *Loop) sent(op *backends.Op, res backends.Result) {
	l.tally.Counters[backends.BytesOut] += uint64(res)
	if int(res) < len(op.Buf) {
		l.count(backends.ShortSends)
	}
}

func (l *Loop) recvDone(c *backends.Completion, i uint32, res backends.Result, flags uint32) bool {
	s := &l.slots[i]
	if l.feat.has(pollThen) {
		l.read(s, res, flags)
	}
	if flags&uapi.CQEFBufMore != 0 {
		l.count(backends.BufParts)
	}
	var buf []byte
	if res > 0 && l.bundles(s.op) {
		l.tally.Counters[backends.BytesIn] += uint64(res)
		l.openBundle(i, res, flags)
		return false // the reaper goes on with it
	}
	if s.op.Flags&backends.SelectBuf != 0 {
		buf = l.received(s, res, flags)
	}
	switch {
	case res > 0:
		l.tally.Counters[backends.BytesIn] += uint64(res)
		return l.progress(c, i, res, buf, flags)
	case l.watches(s.op):
		return l.watchFailed(c, i, res)
	case res < 0:
		return l.failed(c, i, res)
	}
	return l.final(c, i, 0)
}

// received is the loop's own buffer that holds res bytes; one that holds none
// goes back.
func (l *Loop) received(s *slot, res backends.Result, flags uint32) []byte {
	if l.bufs != nil && s.buf < 0 {
		if flags&uapi.CQEFBuffer == 0 {
			return nil
		}
		return l.bufs.take(uint16(flags>>uapi.CQEBufferShift), int(res), flags)
	}
	pool := l.choices(s.op)
	buf := pool.At(int(s.buf))
	backends.Unlend(buf, true)
	s.buf, s.asked = -1, false
	if res <= 0 {
		pool.Put(buf)
		return nil
	}
	return buf[:res]
}

// progress delivers one outcome of an op that may have more: a multishot op
// goes on, by the kernel or by being started again, for whichever reason the
// kernel ended it (an overflow of the completion queue among them).
func (l *Loop) progress(c *backends.Completion, i uint32, res backends.Result, buf []byte, flags uint32) bool {
	s := &l.slots[i]
	if s.op.Flags&backends.Multishot == 0 {
		l.final(c, i, res)
		c.Buf = buf
		return true
	}
	*c = backends.Completion{Op: s.op, Res: res, Buf: buf, More: true}
	if flags&uapi.CQEFMore == 0 {
		l.again(i)
	}
	return true
}

// again starts op i once more, unless it was cancelled meanwhile.
func (l *Loop) again(i uint32) {
	s := &l.slots[i]
	if l.watches(s.op) {
		l.watchOn(i)
		return
	}
	if !s.canceled {
		l.count(backends.Rearms)
		l.enqueue(i)
		return
	}
	l.tellCancel(i)
	l.finish(i, canceled)
}

// tellCancel lets the Cancel in flight for op i know that it had effect: the
// kernel did not find the request, which had ended, but the op would have gone
// on and does not.
func (l *Loop) tellCancel(i uint32) {
	by := l.slots[i].by
	if by != 0 && l.slots[by].op != nil && l.slots[by].target&^pollMark == userData(i, l.slots[i].gen) {
		l.slots[by].hit = true
	}
}

// failed judges an error of a socket op: some are the loop's own business.
func (l *Loop) failed(c *backends.Completion, i uint32, res backends.Result) bool {
	s := &l.slots[i]
	switch {
	case s.canceled && (res == backends.Fail(unix.ENOBUFS) || res == backends.Fail(unix.EAGAIN)):
		l.tellCancel(i)
		return l.final(c, i, canceled)
	case res == backends.Fail(unix.ENOBUFS) && s.op.Flags&backends.SelectBuf != 0:
		l.count(backends.NoBufs)
		l.park(i)
		return false
	case res == backends.Fail(unix.EAGAIN):
		// A socket with O_NONBLOCK on some kernels, or a poll that cried wolf.
		l.count(backends.Again)
		s.polling = true
		l.enqueue(i)
		return false
	case res == canceled && !s.canceled && s.op.Flags&backends.Multishot != 0:
		// Linux 5.19 ends a multishot accept so when the completion queue overflows.
		l.again(i)
		return false
	}
	return l.final(c, i, res)
}

// polled goes on with an op whose poll has fired.
func (l *Loop) polled(c *backends.Completion, i uint32, e uapi.CQE) bool {
	s := &l.slots[i]
	s.polling = false
	if s.canceled {
		l.tellCancel(i)
		return l.final(c, i, canceled)
	}
	if e.Res < 0 {
		return l.final(c, i, backends.Result(e.Res))
	}
	s.asked = true
	l.enqueue(i)
	return false
}

// final delivers the last outcome of op i and returns its loan.
func (l *Loop) final(c *backends.Completion, i uint32, res backends.Result) bool {
	s := &l.slots[i]
	*c = backends.Completion{Op: s.op, Res: res}
	l.unlend(s)
	if l.chains != nil {
		next, ok := l.detach(i, res)
		l.release(i)
		l.follow(next, ok)
		return true
	}
	l.release(i)
	return true
}

func (l *Loop) unlend(s *slot) {
	switch {
	case sends(s.op.Code) || s.op.Code == backends.WriteAt:
		backends.Unlend(s.op.Buf, false)
	case (receives(s.op.Code) || s.op.Code == backends.ReadAt) && s.op.Flags&backends.SelectBuf == 0:
		backends.Unlend(s.op.Buf, true)
	case s.op.Code == request:
		l.returnRequest(s.op)
	}
}
