package threadpool

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// receives reports whether an op takes a buffer that may be of the loop's choice.
func receives(c backends.Code) bool { return c == backends.Recv || c == backends.RecvFrom }

// badDatagram is what is wrong with a RecvFrom or a SendTo, or 0.
func (l *loop) badDatagram(op *backends.Op) unix.Errno {
	switch op.Code {
	case backends.RecvFrom:
		return backends.CheckRecvFrom(op, l.config.BufSize)
	case backends.SendTo:
		return backends.CheckSendTo(op)
	}
	return 0
}

// doRecvFrom takes a datagram. MSG_TRUNC makes the kernel tell how long it was,
// whether or not it fitted.
func (l *loop) doRecvFrom(e *entry, block bool) {
	if l.isDry(e) {
		return
	}
	op := e.op
	var name uapi.Name
	buf, data, chosen := op.Buf, op.Buf, op.Flags&backends.SelectBuf != 0
	if chosen {
		buf = l.pool.Get()
		if l.config.Poison {
			backends.Poison(buf)
		}
		data = buf[backends.DatagramHead:]
	}
	flags := unix.MSG_TRUNC | dontWait(block)
	n, errno := 0, unix.EINTR
	for errno == unix.EINTR {
		switch {
		case chosen:
			binary.NativeEndian.PutUint32(buf, backends.NameRoom)
			name = uapi.NameIn(buf, backends.NameAt)
		case op.Addr != nil:
			op.Addr.Len = unix.SizeofSockaddrAny
			name = uapi.NameOf(&op.Addr.Raw, &op.Addr.Len)
		}
		l.enter(backends.SysRecv, block)
		n, errno = l.recvFrom(op.FD, data, flags, name)
		l.interrupted(errno)
	}
	if chosen && errno != 0 {
		l.pool.Put(buf)
	}
	switch {
	case errno == unix.EAGAIN:
		l.vain(e, block)
	case errno != 0:
		l.finish(e, backends.Fail(errno), nil)
	default:
		fitted := min(n, len(data))
		l.tally.Counters[backends.BytesIn] += uint64(fitted)
		if chosen {
			buf = buf[:backends.DatagramHead+fitted]
		} else {
			buf = nil
		}
		l.arrived(e, backends.Result(n), buf)
	}
}

// arrived completes a receive that brought something.
func (l *loop) arrived(e *entry, res backends.Result, buf []byte) {
	if e.op.Flags&backends.Multishot != 0 {
		l.complete(e.op, res, buf, true)
		return
	}
	l.finish(e, res, buf)
}

func (l *loop) doSendTo(e *entry, block bool) {
	op := e.op
	var name uapi.Name
	if op.Flags&backends.SelectBuf != 0 {
		name = uapi.NameIn(op.Buf, backends.NameAt)
	} else {
		name = uapi.NameOf(&op.Addr.Raw, &op.Addr.Len)
	}
	flags := unix.MSG_NOSIGNAL | dontWait(block)
	l.enter(backends.SysSend, block)
	n, errno := l.sendTo(op.FD, op.Payload(), flags, name)
	for l.interrupted(errno) {
		l.enter(backends.SysSend, block)
		n, errno = l.sendTo(op.FD, op.Payload(), flags, name)
	}
	switch {
	case errno == unix.EAGAIN:
		l.vain(e, block)
	case errno != 0:
		l.finish(e, backends.Fail(errno), nil)
	default:
		l.tally.Counters[backends.BytesOut] += uint64(n)
		l.finish(e, backends.Result(n), nil)
	}
}
