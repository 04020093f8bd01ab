package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The feature poll uses io_uring as one uses epoll. A receive that completes
// once polls, and when that fires is a request that does not wait. A multishot
// one keeps a poll armed (Linux 5.13), which tells of what changes and not of
// what is: so it receives until it knows the socket to be empty, as with
// EPOLLET. Its slot then has two requests with the kernel, and the poll's
// user_data bears this mark.
const pollMark = 1 << 31

const hangUp = unix.POLLRDHUP | unix.POLLHUP | unix.POLLERR

// A watch is what a slot notes of the poll that its receive keeps armed.
type watch struct {
	armed   bool // the kernel has the poll
	reading bool // and a receive
	fired   bool // while that was so
	hungUp  bool // the end of the stream, or an error, is to be read
	full    bool // the last receive may have left something
	ending  bool // the op ends, with slot.res, when the poll is cancelled
}

// watches reports whether op keeps a poll armed.
func (l *Loop) watches(op *backends.Op) bool {
	return l.feat.has(pollMulti) && op.Code == backends.Recv && op.Flags&backends.Multishot != 0
}

// pollsFirst reports whether the next request for slot s is a poll that fires
// once.
func (l *Loop) pollsFirst(s *slot) bool {
	switch s.op.Code {
	case backends.Recv:
		return l.feat.has(pollThen) && !s.asked && !l.watches(s.op)
	case backends.Splice:
		return s.op.Off == backends.FromSocket && !s.asked
	}
	return false
}

// prepWatch writes the request of a watching slot where that is not a receive.
func (l *Loop) prepWatch(e *uapi.SQE, i uint32) bool {
	s := &l.slots[i]
	switch w := &s.watch; {
	case w.ending:
		*e = uapi.SQE{}
		prepCancel(e, userData(i|pollMark, s.gen))
	case !s.asked:
		w.armed = true
		e.Opcode = uapi.OpPollAdd
		e.Len = uapi.PollAddMulti
		e.OpFlags = pollEvents(unix.POLLIN | unix.POLLRDHUP)
		e.UserData = userData(i|pollMark, s.gen)
	default: // although the poll may have ended: then it is armed again when the socket is empty
		w.reading, w.fired = true, false
		return false
	}
	return true
}

// watched deals with a completion of slot i's poll.
func (l *Loop) watched(c *backends.Completion, i uint32, e uapi.CQE) bool {
	s := &l.slots[i]
	w := &s.watch
	w.armed = e.Flags&uapi.CQEFMore != 0
	switch {
	case w.armed && (s.canceled || w.ending):
		return false // the cancel is on its way
	case s.canceled || w.ending || e.Res < 0:
		return l.unwatch(c, i, e)
	}
	if e.Res&hangUp != 0 {
		w.hungUp = true
	}
	if w.reading || s.state != flying { // or waits for a buffer, or for an entry
		w.fired = true
		return false
	}
	s.asked = true
	l.enqueue(i)
	return false
}

// unwatch ends op i, whose poll has ended, unless a receive is still with the
// kernel: then it ends when that does.
func (l *Loop) unwatch(c *backends.Completion, i uint32, e uapi.CQE) bool {
	s := &l.slots[i]
	if s.watch.reading {
		if e.Res < 0 {
			s.canceled = true // or it would be armed again
		}
		return false
	}
	switch s.state {
	case queued:
		l.remove(&l.queue, i)
	case parked:
		l.remove(&l.parked, i)
	}
	switch {
	case s.watch.ending:
		return l.final(c, i, s.res)
	case s.canceled:
		l.tellCancel(i)
		return l.final(c, i, canceled)
	}
	return l.final(c, i, backends.Result(e.Res))
}

// read notes what a receive of slot s brought. It has emptied the socket when it
// left room in its buffer and the kernel does not say otherwise.
func (l *Loop) read(s *slot, res backends.Result, flags uint32) {
	size := len(s.op.Buf)
	if s.op.Flags&backends.SelectBuf != 0 {
		size = len(l.pool.At(0))
	}
	w := &s.watch
	w.reading = false
	w.full = int(res) >= size || flags&uapi.CQEFSockNonempty != 0
	if l.feat.has(incremental) && flags&(uapi.CQEFBuffer|uapi.CQEFBufMore) == uapi.CQEFBuffer {
		w.full = true // it had only the end of a buffer
	}
	s.asked = w.full
}

// watchOn goes on when a receive of slot i has brought something, or nothing:
// with another if there may be more, else when the poll fires.
func (l *Loop) watchOn(i uint32) {
	s := &l.slots[i]
	w := &s.watch
	switch {
	case s.canceled && w.armed:
		return // the poll's completion is the last
	case s.canceled:
		l.tellCancel(i)
		l.finish(i, canceled)
	case w.full || w.fired || w.hungUp:
		s.asked = true
		l.enqueue(i)
	case !w.armed:
		s.asked = false
		l.enqueue(i)
	}
}

// watchFailed deals with a receive of slot i that brought nothing.
func (l *Loop) watchFailed(c *backends.Completion, i uint32, res backends.Result) bool {
	s := &l.slots[i]
	switch {
	case res == backends.Fail(unix.EAGAIN):
		l.count(backends.Again)
		s.watch.hungUp = false
		l.watchOn(i)
		return false
	case res == backends.Fail(unix.ENOBUFS) && !s.canceled:
		l.count(backends.NoBufs)
		l.park(i)
		return false
	case !s.watch.armed:
		return l.failed(c, i, res)
	case s.canceled:
		return false // the poll's completion is the last
	}
	s.watch.ending, s.res = true, res
	l.enqueue(i)
	return false
}

// request is the user_data of what the kernel has of slot i: the poll, where
// there is one, since a receive beside it does not wait.
func (l *Loop) request(i uint32) uint64 {
	s := &l.slots[i]
	if s.watch.armed {
		i |= pollMark
	}
	return userData(i, s.gen)
}

// triesLate reports whether a multishot receive starts with one that completes
// once: the feature pollfirst. The flag matters for the first attempt only,
// and on Linux 6.18 a multishot receive that polls first does not see the end
// of a Unix stream whose last bytes and end were both there when it was armed.
func (l *Loop) triesLate(s *slot) bool { return l.feat.has(pollFirst) && !s.tried }

// prepLate writes what tells the kernel when to try a receive.
func (l *Loop) prepLate(e *uapi.SQE, s *slot) {
	switch {
	case l.feat.has(pollThen):
		e.OpFlags = unix.MSG_DONTWAIT // the poll has fired
	case !s.asked && e.Ioprio&uapi.RecvMultishot == 0:
		e.Ioprio |= uapi.RecvSendPollFirst
		s.tried = true
	}
}
