package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A zero-copy send has two completion entries: one with the count, after which
// the next bytes may be sent, and a notification when the kernel has let go of
// the buffer (Linux 6.0). By IORING_SEND_ZC_REPORT_USAGE (Linux 6.2) the
// notification says whether the kernel copied after all, as it does wherever the
// bytes are received on the same machine.

// modifySend applies the flags of a Send to its submission entry.
func (l *Loop) modifySend(e *uapi.SQE, op *backends.Op) {
	if op.Flags&backends.Link != 0 && l.feat.has(links) {
		e.OpFlags |= unix.MSG_WAITALL // or a short send would not break the chain
	}
	if op.Flags&backends.ZeroCopy == 0 || !l.feat.has(zeroCopy) {
		return
	}
	if l.copies(op) {
		l.count(backends.NoZeroCopy)
		return
	}
	e.Opcode = uapi.OpSendZC
	e.Ioprio = uapi.SendZCReportUsage
	if l.feat.has(zcFixed) {
		if index, ok := l.fixed.index(op.Buf); ok {
			e.Ioprio |= uapi.RecvSendFixedBuf
			e.BufIndex = index
			l.count(backends.FixedSends)
		}
	}
}

// copies reports whether a zero-copy send was refused and is sent by copying.
func (l *Loop) copies(op *backends.Op) bool {
	return l.fds[l.key(op)].copies || l.slots[op.Loan.Slot].plain
}

// zeroCopyDone judges a completion entry, with result res, of a Send that may
// have been a zero-copy one.
func (l *Loop) zeroCopyDone(c *backends.Completion, i uint32, res backends.Result, flags uint32) bool {
	s := &l.slots[i]
	switch {
	case flags&uapi.CQEFNotif != 0:
		l.count(backends.Notifications)
		if uint32(res)&uapi.NotifUsageZCCopied != 0 {
			l.count(backends.Copied)
		}
		s.noting = false
		if s.res < 0 {
			return l.zeroCopyFailed(c, i, s.res)
		}
		return l.final(c, i, 0)
	case res < 0 && flags&uapi.CQEFMore != 0:
		s.noting, s.res = true, res // the owner hears of it when the buffer is free
		return false
	case res < 0:
		return l.zeroCopyFailed(c, i, res)
	}
	l.sent(s.op, res)
	if flags&uapi.CQEFMore == 0 {
		return l.final(c, i, res)
	}
	*c = backends.Completion{Op: s.op, Res: res, More: true}
	s.noting, s.res = true, 0
	// The request has ended and holds no file: a Close need not wait until a
	// peer has acknowledged the bytes.
	l.leaveFD(i)
	if l.chains != nil {
		l.follow(l.detach(i, res))
	}
	return true
}

// zeroCopyFailed sends by copying what could not be sent otherwise: on a socket
// that does not know how (EOPNOTSUPP, such as a Unix socket: all further sends
// too), or for want of lockable memory.
func (l *Loop) zeroCopyFailed(c *backends.Completion, i uint32, res backends.Result) bool {
	s := &l.slots[i]
	f := &l.fds[l.key(s.op)]
	if s.op.Flags&backends.ZeroCopy != 0 && !f.copies && !s.plain && !s.canceled {
		switch res {
		case backends.Fail(unix.EOPNOTSUPP):
			f.copies = true
			l.enqueue(i)
			return false
		case backends.Fail(unix.ENOMEM), backends.Fail(unix.ENOBUFS):
			s.plain = true
			l.enqueue(i)
			return false
		}
	}
	return l.failed(c, i, res)
}
