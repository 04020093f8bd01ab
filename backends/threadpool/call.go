package threadpool

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// attempt makes the call of entry i. Unless block is set the call returns at
// once, and the op stays pending when it was not ready.
func (l *loop) attempt(i int, block bool) {
	e := &l.ops[i]
	if e.op.Code != backends.Close && !e.op.Code.OnFile() && l.behind(i) {
		return
	}
	e.tried = true
	switch e.op.Code {
	case backends.Recv:
		l.doRecv(e, block)
	case backends.Send:
		l.doSend(e, block)
	case backends.RecvFrom:
		l.doRecvFrom(e, block)
	case backends.SendTo:
		l.doSendTo(e, block)
	case backends.Accept:
		l.doAccept(e, block)
	case backends.Connect:
		l.doConnect(e, block)
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		l.doFile(e)
	case backends.Splice, backends.Sendfile:
		l.doMove(e, block)
	case backends.Close:
		l.tally.Counters[backends.SysOther]++
		l.tally.Publish() // it blocks when the socket lingers
		l.finish(e, result(unix.Close(int(e.op.FD))), nil)
	}
}

// behind reports whether an earlier op of the same kind waits for the same
// descriptor, in the same direction. Its turn comes first, or a stream's bytes
// would change places.
func (l *loop) behind(i int) bool {
	op := l.ops[i].op
	for _, e := range l.ops[:i] {
		if e.op != nil && e.op.Socket() == op.Socket() && e.op.Code == op.Code && events(e.op) == events(op) {
			return true
		}
	}
	return false
}

// enter counts a call about to be made.
func (l *loop) enter(c backends.Counter, block bool) {
	l.tally.Counters[c]++
	if block {
		l.tally.Publish()
	}
}

// interrupted counts a call that a signal cut short; it is to be made again.
func (l *loop) interrupted(errno unix.Errno) bool {
	if errno != unix.EINTR {
		return false
	}
	l.tally.Counters[backends.Interrupts]++
	return true
}

// vain keeps an op pending whose call ended in EAGAIN. When the call was to
// block, the descriptor is O_NONBLOCK or has a time limit of its own, and ppoll
// does the waiting.
func (l *loop) vain(e *entry, block bool) {
	l.tally.Counters[backends.Again]++
	e.polls = e.polls || block
}

func dontWait(block bool) int {
	if block {
		return 0
	}
	return unix.MSG_DONTWAIT
}

// isDry reports whether a receive lacks a buffer, and counts each time that it
// begins to.
func (l *loop) isDry(e *entry) bool {
	if !chooses(e.op) {
		return false
	}
	if l.pool.Len() > 0 {
		e.dry = false
		return false
	}
	if !e.dry {
		e.dry = true
		l.tally.Counters[backends.NoBufs]++
	}
	return true
}

func (l *loop) doRecv(e *entry, block bool) {
	if l.isDry(e) {
		return
	}
	op := e.op
	buf, chosen := op.Buf, op.Flags&backends.SelectBuf != 0
	if chosen {
		buf = l.pool.Get()
		if l.config.Poison {
			backends.Poison(buf)
		}
	}
	l.enter(backends.SysRecv, block)
	n, errno := l.recv(op.FD, buf, dontWait(block))
	for l.interrupted(errno) {
		l.enter(backends.SysRecv, block)
		n, errno = l.recv(op.FD, buf, dontWait(block))
	}
	if chosen && (errno != 0 || n == 0) {
		l.pool.Put(buf)
	}
	switch {
	case errno == unix.EAGAIN:
		l.vain(e, block)
	case errno != 0:
		l.finish(e, backends.Fail(errno), nil)
	default:
		l.tally.Counters[backends.BytesIn] += uint64(n)
		l.received(e, buf[:n], chosen)
	}
}

func (l *loop) received(e *entry, data []byte, chosen bool) {
	res := backends.Result(len(data))
	if !chosen || len(data) == 0 {
		data = nil
	}
	if res == 0 {
		l.finish(e, 0, nil)
		return
	}
	l.arrived(e, res, data)
}

func (l *loop) doSend(e *entry, block bool) {
	op := e.op
	flags := op.SendFlags() | dontWait(block)
	l.enter(backends.SysSend, block)
	n, errno := l.send(op.FD, op.Buf, flags)
	for l.interrupted(errno) {
		l.enter(backends.SysSend, block)
		n, errno = l.send(op.FD, op.Buf, flags)
	}
	switch {
	case errno == unix.EAGAIN:
		l.vain(e, block)
	case errno != 0:
		l.finish(e, backends.Fail(errno), nil)
	default:
		l.tally.Counters[backends.BytesOut] += uint64(n)
		if n < len(op.Buf) {
			l.tally.Counters[backends.ShortSends]++
		}
		l.finish(e, backends.Result(n), nil)
	}
}

// doAccept takes a connection. accept4 has no MSG_DONTWAIT, and between ppoll
// and accept4 another worker on the same listener may take the connection that
// ppoll saw; a blocking accept4 would then hang with the worker's other ops. So
// a listener that must be polled becomes O_NONBLOCK. That flag belongs to the
// open file, which the workers share, so it is never cleared again: one worker
// would clear it under another. Workers that block in accept4 at that time stay
// blocked as they should (the kernel looks at the flag on entry), and later
// calls meet EAGAIN, which makes them poll.
func (l *loop) doAccept(e *entry, block bool) {
	op := e.op
	if !block && !e.polls {
		backends.SetNonblock(&l.tally.Counters, op.FD, true) // a descriptor that cannot be set fails in accept4 too
		e.polls = true
	}
	l.enter(backends.SysAccept, block)
	fd, errno := l.accept(op.FD, unix.SOCK_CLOEXEC)
	for l.interrupted(errno) {
		l.enter(backends.SysAccept, block)
		fd, errno = l.accept(op.FD, unix.SOCK_CLOEXEC)
	}
	switch {
	case errno == unix.EAGAIN:
		l.vain(e, block)
	case errno != 0:
		l.finish(e, backends.Fail(errno), nil)
	case op.Flags&backends.Multishot != 0:
		l.complete(op, backends.Result(fd), nil, true)
	default:
		l.finish(e, backends.Result(fd), nil)
	}
}

// doConnect connects, or asks how a connect under way is doing: connect(2) made
// again returns what became of the first.
func (l *loop) doConnect(e *entry, block bool) {
	op := e.op
	again := e.polls || e.pause // a connect was started before
	if !block && !e.polls {
		e.restore, _ = backends.SetNonblock(&l.tally.Counters, op.FD, true)
		e.polls = true
	}
	l.enter(backends.SysOther, block)
	errno := l.connect(op.FD, &op.Addr.Raw, op.Addr.Len)
	for l.interrupted(errno) {
		again = true // for TCP the connect goes on; the next call waits for it
		l.enter(backends.SysOther, block)
		errno = l.connect(op.FD, &op.Addr.Raw, op.Addr.Len)
	}
	e.pause = false
	switch {
	case errno == 0, errno == unix.EISCONN && again:
		l.finish(e, 0, nil)
	case errno == unix.EINPROGRESS, errno == unix.EALREADY && again:
		e.polls = true
	case errno == unix.EAGAIN && op.Addr.Raw.Addr.Family == unix.AF_UNIX:
		l.vain(e, block)
		e.pause = true
	default:
		l.finish(e, backends.Fail(errno), nil)
	}
}
