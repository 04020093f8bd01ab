package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// mover is the calls that move bytes within the kernel.
type mover struct {
	splice   func(in int32, off int64, out int32, n, flags int) (int, unix.Errno)
	sendfile func(out, in int32, off int64, n int) (int, unix.Errno)
}

var (
	rawMover       = mover{uapi.SpliceRaw, uapi.SendfileRaw}
	scheduledMover = mover{uapi.Splice, uapi.Sendfile}
)

// submitMove starts a Splice or a Sendfile. SPLICE_F_NONBLOCK speaks of the pipe,
// O_NONBLOCK of the socket (tcp_splice_read in net/ipv4/tcp.c, splice_to_socket
// in fs/splice.c), and sendfile(2) has no flags.
func (l *Loop) submitMove(op *backends.Op) (done bool) {
	if e := op.BadMove(); e != 0 {
		l.finish(op, backends.Fail(e), nil, false)
		return false
	}
	fd := op.Socket()
	d := l.at(fd)
	switch {
	case op.Code == backends.Sendfile || op.Off == backends.FromPipe:
		l.unblock(fd)
		return l.moveNow(op, d)
	case op.Off == backends.FromSocket:
		l.unblock(fd)
		l.read(op, fd)
		return false
	}
	n, e := l.move(op) // a file is always ready
	for e == unix.EINTR {
		l.Tally.Counters[backends.Interrupts]++
		n, e = l.move(op)
	}
	return l.moved(op, n, e)
}

// moveNow is sendNow for bytes that do not pass through the program.
func (l *Loop) moveNow(op *backends.Op, d *desc) (done bool) {
	if d.out.head != nil || d.blocked {
		l.sendLater(op, d)
		return false
	}
	n, e := l.move(op)
	if e == 0 && n == int(op.Len) {
		l.Tally.Counters[backends.BytesOut] += uint64(n)
		return l.moved(op, n, 0)
	}
	l.fellShort(op, d, n, e)
	return false
}

// moved finishes an op whose call was made on submission.
func (l *Loop) moved(op *backends.Op, n int, e unix.Errno) (done bool) {
	if e == 0 && n == int(op.Len) && op.Flags&backends.Inline != 0 {
		op.Loan.Slot = 0
		return true
	}
	l.finish(op, result(n, e), nil, false)
	return false
}

// move makes the call of a Splice or a Sendfile.
func (l *Loop) move(op *backends.Op) (int, unix.Errno) {
	l.Tally.Counters[backends.SysSplice]++
	if op.Code == backends.Sendfile {
		corked := op.Corks() && l.cork(op.FD, 1)
		n, e := l.sendfile(op.FD, op.In, op.Off, int(op.Len))
		if corked {
			l.cork(op.FD, 0)
		}
		return n, e
	}
	return l.splice(op.In, op.Off, op.FD, int(op.Len), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
}

// cork sets or clears TCP_CORK; false for a socket that has no such thing.
func (l *Loop) cork(fd, on int32) bool {
	l.Tally.Counters[backends.SysOther]++
	return uapi.SetsockoptRaw(fd, unix.IPPROTO_TCP, unix.TCP_CORK, on) == 0
}

// spliceOne makes the first waiting splice from a socket and returns the bytes that
// it moved. That it comes back short does not tell, as it does of a receive, that the
// socket is drained: it ends when the slots of the pipe are used up, whatever is left
// in the socket. EAGAIN, from a pipe that was empty, tells; but asking until it comes
// makes three calls of the two that pass a message on. A socket that brought a message
// is therefore watched by level, and the next wait tells.
func (l *Loop) spliceOne(d *desc, op *backends.Op) int {
	n, e := l.move(op)
	switch e {
	case unix.EAGAIN:
		l.Tally.Counters[backends.Again]++
		d.ready, d.last = false, false
		return 0
	case unix.EINTR:
		l.Tally.Counters[backends.Interrupts]++
		return 0
	case 0:
		l.Tally.Counters[backends.BytesIn] += uint64(n)
		if 0 < n && n <= backends.PageSize && n < int(op.Len) && l.byLevel(op.In, d) {
			d.ready = false
		}
	}
	d.in.pop()
	l.finish(op, result(n, e), nil, false)
	return n
}

// byLevel has fd announced for as long as it holds anything, until nobody wants that
// (unwanted). It returns false, and does nothing, while room at fd is waited for.
func (l *Loop) byLevel(fd int32, d *desc) bool {
	return d.out.head == nil && !d.blocked && l.watch(fd, d, readInterest&^unix.EPOLLET) == 0
}
