package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// States of an op, kept in Loan.Gen.
const (
	waiting   uint32 = iota // in a queue of its descriptor, or among the timers
	completed               // its final completion waits to be handed out
)

// Submit implements backends.Loop. Sends are made at once.
func (l *Loop) Submit(op *backends.Op) (done bool) {
	if op.Lent() {
		panic("epoll: op submitted while it is lent")
	}
	if op.Code == backends.Send && op.Flags&backends.Inline != 0 && uint(op.FD) < uint(len(l.fds)) {
		if d := &l.fds[op.FD]; d.out.head == nil && !d.blocked && (d.events != 0 || !l.noFlag) {
			return l.sendInline(op, d)
		}
	}
	op.Loan = backends.Loan{Slot: 1}
	if op.FD < 0 && op.Code >= backends.Accept && op.Code <= backends.Close {
		l.finish(op, backends.Fail(unix.EBADF), nil, false)
		return false
	}
	switch op.Code {
	case backends.Send:
		backends.Lend(op.Buf, false)
		return l.sendNow(op)
	case backends.Recv:
		if op.Flags&backends.SelectBuf == 0 {
			if l.poison {
				backends.Poison(op.Buf)
			}
			backends.Lend(op.Buf, true)
		}
		l.read(op, op.FD)
	case backends.RecvFrom, backends.SendTo:
		return l.submitDatagram(op)
	case backends.Splice, backends.Sendfile:
		return l.submitMove(op)
	default:
		l.submitOther(op)
	}
	return false
}

// sendInline makes a send before which none waits, as for nearly every message: only
// one that falls short is lent.
func (l *Loop) sendInline(op *backends.Op, d *desc) (done bool) {
	l.Tally.Counters[backends.SysSend]++
	n, e := l.send(op.FD, op.Buf, unix.MSG_DONTWAIT|op.SendFlags())
	if e == 0 && n == len(op.Buf) {
		l.Tally.Counters[backends.BytesOut] += uint64(n)
		return true
	}
	op.Loan = backends.Loan{Slot: 1}
	backends.Lend(op.Buf, false)
	l.fellShort(op, d, n, e)
	return false
}

// submitOther is what is not done for every message.
func (l *Loop) submitOther(op *backends.Op) {
	l.sendGathered() // before it: sends are made on submission
	switch op.Code {
	case backends.Accept:
		l.read(op, op.FD)
	case backends.Connect:
		l.connect(op)
	case backends.Timeout:
		l.timers.Add(op)
	case backends.Cancel:
		l.finish(op, l.cancel(op.Target), nil, false)
	case backends.Close:
		l.at(op.FD)
		l.cancelAll(op.FD)
		if l.files == nil || !l.holdClose(op) {
			l.closeNow(op)
		}
	case backends.Shutdown:
		l.direct(op, l.shutdown(op.FD, int(op.Off)))
	case backends.Nop:
		l.finish(op, 0, nil, false)
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		l.submitFile(op)
	default:
		l.finish(op, backends.Fail(unix.EINVAL), nil, false)
	}
}

// closeNow closes op.FD, on which nothing is in flight.
func (l *Loop) closeNow(op *backends.Op) {
	l.forget(op.FD)
	l.direct(op, l.close(op.FD))
}

// direct finishes op with the outcome of a call that never waits.
func (l *Loop) direct(op *backends.Op, e unix.Errno) {
	l.Tally.Counters[backends.SysOther]++
	l.finish(op, backends.Fail(e), nil, false)
}

// read queues an op until fd, which it reads, is announced as ready. Epoll does
// that on adding one that is ready already.
func (l *Loop) read(op *backends.Op, fd int32) {
	d := l.at(fd)
	if d.events == 0 {
		if op.Code == backends.Accept || l.noFlag {
			l.unblock(fd) // accept4 knows no MSG_DONTWAIT, nor do read and write
		}
		if e := l.watch(fd, d, readInterest); e != 0 {
			l.finish(op, backends.Fail(e), nil, false)
			return
		}
	}
	d.in.push(op)
	l.schedule(fd, d)
}

// sendNow tries the send unless an earlier one waits for room.
func (l *Loop) sendNow(op *backends.Op) (done bool) {
	d := l.at(op.FD)
	if d.out.head != nil || d.blocked {
		l.sendLater(op, d)
		return false
	}
	if l.noFlag && d.events == 0 {
		l.unblock(op.FD)
	}
	n, e := l.transmit(op)
	if e == 0 && (n == len(op.Buf) || op.Code == backends.SendTo) {
		l.Tally.Counters[backends.BytesOut] += uint64(n)
		if op.Flags&backends.Inline != 0 {
			op.Loan.Slot = 0
			backends.Unlend(op.Buf, false)
			return true
		}
		l.finish(op, backends.Result(n), nil, false)
		return false
	}
	l.fellShort(op, d, n, e)
	return false
}

// fellShort judges a send that was made on submission and did not move all.
func (l *Loop) fellShort(op *backends.Op, d *desc, n int, e unix.Errno) {
	d.out.push(op)
	l.wrote(op, d, n, e)
	for d.out.head == op && !d.blocked { // interrupted
		l.write(op.FD, d)
	}
}

// unblock makes fd O_NONBLOCK, once; a connection that the loop has accepted is.
func (l *Loop) unblock(fd int32) {
	if w := int(fd) / 64; w < len(l.nonblock) && l.nonblock[w]&(1<<(fd%64)) != 0 {
		return
	}
	if _, err := backends.SetNonblock(&l.Tally.Counters, fd, true); err == nil { // else the call says what is wrong
		l.unblocks(fd)
	}
}

// unblocks takes note that fd is O_NONBLOCK.
func (l *Loop) unblocks(fd int32) {
	w := int(fd) / 64
	if n := w + 1 - len(l.nonblock); n > 0 {
		l.nonblock = append(l.nonblock, make([]uint64, n)...)
	}
	l.nonblock[w] |= 1 << (fd % 64)
}

func (l *Loop) sendLater(op *backends.Op, d *desc) {
	d.out.push(op)
	if e := l.watch(op.FD, d, d.interest()|unix.EPOLLOUT); e != 0 {
		d.out.remove(op)
		l.finish(op, backends.Fail(e), nil, false)
	}
}

func (l *Loop) connect(op *backends.Op) {
	d := l.at(op.FD)
	l.unblock(op.FD)
	l.Tally.Counters[backends.SysOther]++
	e := uapi.ConnectRaw(op.FD, &op.Addr.Raw, op.Addr.Len)
	if e == unix.EINPROGRESS || e == unix.EINTR {
		d.out.push(op)
		d.blocked = true
		if e = l.watch(op.FD, d, readInterest|unix.EPOLLOUT); e == 0 {
			return
		}
		d.out.remove(op)
	}
	d.blocked = false
	l.finish(op, backends.Fail(e), nil, false)
}

// cancel ends target if it still waits.
func (l *Loop) cancel(target *backends.Op) backends.Result {
	if target == nil || !target.Lent() || target.Loan.Gen == completed {
		return backends.Fail(unix.ENOENT)
	}
	found := false
	switch target.Code {
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		return l.cancelFile(target)
	case backends.Close:
		return backends.Fail(unix.EALREADY) // it waits for a file op, see holdClose
	case backends.Timeout:
		found = l.timers.Cancel(target)
	case backends.Recv, backends.RecvFrom, backends.Accept:
		found = l.at(target.FD).in.remove(target)
	case backends.Send, backends.SendTo, backends.Connect:
		found = l.at(target.FD).out.remove(target)
	case backends.Splice, backends.Sendfile:
		d := l.at(target.Socket())
		found = d.in.remove(target) || d.out.remove(target)
	}
	if !found {
		return backends.Fail(unix.ENOENT)
	}
	l.finish(target, backends.Fail(unix.ECANCELED), nil, false)
	return 0
}

// Recycle implements backends.Loop.
func (l *Loop) Recycle(buf []byte) { l.pool.Put(buf) }
