package epoll

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A burst is how many datagrams a socket is expected to hold when it is
// announced. A short read tells that a stream is drained; a datagram tells
// nothing of the next, and only asking in vain would. So the socket is watched
// level-triggered: the loop takes as many as it expects and leaves it to
// epoll_pwait2, which it calls anyway, to say that there are more. One that is
// expected in vain is an EAGAIN and corrects the figure; burstPatience bursts in
// a row that were all there double it. A socket that holds one datagram at a
// time costs a recvfrom each and two in vain every eighteenth, and one that is
// never empty an epoll_pwait2 every burstMax.
type burst struct {
	size uint8 // 0: the descriptor is not known to be a datagram socket
	left uint8 // of this announcement
	full uint8 // bursts in a row that were all there; it may wrap
}

const (
	burstMax      = 127 // twice that fits
	burstPatience = 16  // divides 256
)

// begin is for an announcement.
func (b *burst) begin() { b.left = b.size }

// took counts a datagram, and reports whether no more are expected.
func (b *burst) took() bool {
	if b.left--; b.left > 0 {
		return false
	}
	if b.full++; b.full%burstPatience == 0 {
		b.size = min(2*b.size, burstMax)
	}
	return true
}

// missed notes that the next datagram was expected in vain.
func (b *burst) missed() {
	n := b.size - b.left
	switch { // what came may be the rest of a burst before it that was all there
	case b.full == 0:
	case b.full%burstPatience == 0: // of half the size
		n += b.size / 2
	default:
		n += b.size
	}
	b.size, b.left, b.full = min(max(n, 1), burstMax), 0, 0
}

const datagramInterest = unix.EPOLLIN

// interest is what d is watched for while nobody waits for room.
func (d *desc) interest() uint32 {
	if d.burst.size > 0 {
		return datagramInterest
	}
	return readInterest
}

// submitDatagram begins a RecvFrom or a SendTo.
func (l *Loop) submitDatagram(op *backends.Op) (done bool) {
	if op.FD < 0 {
		l.finish(op, backends.Fail(unix.EBADF), nil, false)
		return false
	}
	if op.Code == backends.SendTo {
		if e := backends.CheckSendTo(op); e != 0 {
			l.finish(op, backends.Fail(e), nil, false)
			return false
		}
		backends.Lend(op.Buf, false)
		if l.batch != nil {
			l.gather(op)
			return false
		}
		return l.sendNow(op)
	}
	if e := backends.CheckRecvFrom(op, l.bufSize); e != 0 {
		l.finish(op, backends.Fail(e), nil, false)
		return false
	}
	if op.Flags&backends.SelectBuf == 0 {
		if l.poison {
			backends.Poison(op.Buf)
		}
		backends.Lend(op.Buf, true)
	}
	if d := l.at(op.FD); d.burst.size == 0 {
		l.expect(op, d)
	} else {
		d.in.push(op)
		l.schedule(op.FD, d)
	}
	return false
}

// expect watches a socket for datagrams that were not wanted until now.
func (l *Loop) expect(op *backends.Op, d *desc) {
	d.burst = burst{size: 1, left: 1}
	if e := l.wanted(op.FD, d); e != 0 {
		d.burst = burst{}
		l.finish(op, backends.Fail(e), nil, false)
		return
	}
	d.in.push(op)
	l.schedule(op.FD, d)
}

// wanted makes the kernel announce datagrams for as long as there are any.
func (l *Loop) wanted(fd int32, d *desc) unix.Errno {
	return l.watch(fd, d, datagramInterest|d.events&unix.EPOLLOUT)
}

// recvDatagram makes the first waiting RecvFrom of fd and returns the bytes it
// moved. MSG_TRUNC makes the kernel tell how long the datagram was, whether or
// not it fitted.
func (l *Loop) recvDatagram(fd int32, d *desc, op *backends.Op) int {
	if d.events&unix.EPOLLET != 0 {
		l.wanted(fd, d)
	}
	if l.batch != nil && op.Flags&backends.Multishot != 0 {
		return l.recvBatch(fd, d, op)
	}
	var name uapi.Name
	buf, data, chosen := op.Buf, op.Buf, op.Flags&backends.SelectBuf != 0
	switch {
	case chosen:
		if buf = l.pool.Get(); buf == nil {
			l.starve(fd, d)
			return 0
		}
		data = buf[backends.DatagramHead:]
		binary.NativeEndian.PutUint32(buf, backends.NameRoom)
		name = uapi.NameIn(buf, backends.NameAt)
	case op.Addr != nil:
		op.Addr.Len = unix.SizeofSockaddrAny
		name = uapi.NameOf(&op.Addr.Raw, &op.Addr.Len)
	}
	l.Tally.Counters[backends.SysRecv]++
	n, e := l.recvFrom(fd, data, unix.MSG_DONTWAIT|unix.MSG_TRUNC, name)
	if e != 0 {
		if chosen {
			l.pool.Put(buf)
		}
		switch e {
		case unix.EAGAIN:
			l.Tally.Counters[backends.Again]++
			d.burst.missed()
			d.ready = false
		case unix.EINTR:
			l.Tally.Counters[backends.Interrupts]++
		default:
			d.in.pop()
			l.finish(op, backends.Fail(e), nil, false)
		}
		return 0
	}
	fitted := min(n, len(data))
	l.Tally.Counters[backends.BytesIn] += uint64(fitted)
	if d.burst.took() {
		d.ready = false
	}
	multishot := op.Flags&backends.Multishot != 0
	if !multishot {
		d.in.pop()
	}
	if chosen {
		l.finish(op, backends.Result(n), buf[:backends.DatagramHead+fitted], multishot)
	} else {
		l.finish(op, backends.Result(n), nil, false)
	}
	return fitted
}

// sendDatagram sends the datagram of op.
func (l *Loop) sendDatagram(op *backends.Op) (int, unix.Errno) {
	return l.sendTo(op.FD, op.Payload(), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nameOf(op))
}

// nameOf is where a SendTo sends to.
func nameOf(op *backends.Op) uapi.Name {
	if op.Flags&backends.SelectBuf != 0 {
		return uapi.NameIn(op.Buf, backends.NameAt)
	}
	return uapi.NameOf(&op.Addr.Raw, &op.Addr.Len)
}
