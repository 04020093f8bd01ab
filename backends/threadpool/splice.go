package threadpool

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// addMove notes a Splice or a Sendfile.
func (l *loop) addMove(op *backends.Op) {
	if e := op.BadMove(); e != 0 {
		l.push(op, backends.Fail(e))
		return
	}
	// A splice from a socket that does not block would be made in vain.
	polls := events(op) == unix.POLLIN && slices.Contains(l.nonblock, op.In)
	l.ops = append(l.ops, entry{op: op, polls: polls})
	l.fresh = true
}

// doMove makes the call of a Splice or a Sendfile. Neither has a flag that keeps
// the socket from blocking (SPLICE_F_NONBLOCK speaks of the pipe), so a socket
// that has to share Wait with other ops becomes O_NONBLOCK until it is closed.
func (l *loop) doMove(e *entry, block bool) {
	op := e.op
	if !block {
		l.unblock(op)
	}
	n, errno := l.move(op, block)
	for l.interrupted(errno) {
		n, errno = l.move(op, block)
	}
	switch {
	case errno == unix.EAGAIN:
		l.vain(e, block)
		return
	case errno != 0:
		l.finish(e, backends.Fail(errno), nil)
		return
	case op.Code == backends.Splice && op.Off == backends.FromSocket:
		l.tally.Counters[backends.BytesIn] += uint64(n)
	case op.Code == backends.Sendfile || op.Off == backends.FromPipe:
		l.tally.Counters[backends.BytesOut] += uint64(n)
		if n < int(op.Len) && n > 0 {
			l.tally.Counters[backends.ShortSends]++
		}
	}
	l.finish(e, backends.Result(n), nil)
}

func (l *loop) move(op *backends.Op, block bool) (int, unix.Errno) {
	corked := op.Corks() && l.cork(op.FD, 1)
	l.enter(backends.SysSplice, block)
	if op.Code == backends.Sendfile {
		n, errno := l.sendfile(op.FD, op.In, op.Off, int(op.Len))
		if corked {
			l.cork(op.FD, 0)
		}
		return n, errno
	}
	flags := unix.SPLICE_F_MOVE
	if !block {
		flags |= unix.SPLICE_F_NONBLOCK
	}
	return l.splice(op.In, op.Off, op.FD, int(op.Len), flags)
}

// cork sets or clears TCP_CORK; false for a socket that has no such thing.
func (l *loop) cork(fd, on int32) bool {
	l.tally.Counters[backends.SysOther]++
	return uapi.SetsockoptRaw(fd, unix.IPPROTO_TCP, unix.TCP_CORK, on) == 0
}

// unblock makes op's socket O_NONBLOCK, once. A splice from a file has none.
func (l *loop) unblock(op *backends.Op) {
	fd := op.Socket()
	if op.Code == backends.Splice && op.Off >= 0 || slices.Contains(l.nonblock, fd) {
		return
	}
	if _, err := backends.SetNonblock(&l.tally.Counters, fd, true); err == nil { // else the call says what is wrong
		l.nonblock = append(l.nonblock, fd)
	}
}

// forget drops what the loop remembers of a descriptor that is being closed.
func (l *loop) forget(fd int32) {
	l.nonblock = slices.DeleteFunc(l.nonblock, func(n int32) bool { return n == fd })
}
