package epoll

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

const mmsgDoc = "up to 32 datagrams by one recvmmsg or sendmmsg, in place of a recvfrom and a sendto each"

// A batch is what a loop with the feature mmsg has to move datagrams by the
// dozen. Sends of one turn, which is from one Wait to the next, gather until it ends.
type batch struct {
	in, out *uapi.Messages
	bufs    [batchMax][]byte       // of in
	sends   [batchMax]*backends.Op // of out: gathered, not made
	n       int                    // of sends
	fd      int32                  // which they are all for
}

// batchMax is how many datagrams one call moves at most.
const batchMax = 32

func newBatch() *batch {
	return &batch{in: uapi.NewMessages(batchMax), out: uapi.NewMessages(batchMax)}
}

// recvBatch receives datagrams for op, a multishot RecvFrom, and returns the bytes
// they moved, of each a page at least. A call that brings fewer than it has room
// for tells, as a short read does, that the socket is drained. There is room for
// twice as many as came before, which fewer make less of by a quarter at a time:
// buffers that are not filled are taken and put back for nothing.
func (l *Loop) recvBatch(fd int32, d *desc, op *backends.Op) (moved int) {
	b := l.batch
	n := min(2*int(d.burst.size), batchMax, l.pool.Len(), len(l.dst)-l.filled)
	if n == 0 {
		l.starve(fd, d)
		return 0
	}
	for i := range n {
		buf := l.pool.Get()
		binary.NativeEndian.PutUint32(buf, backends.NameRoom)
		b.bufs[i] = buf
		b.in.Put(i, buf[backends.DatagramHead:], uapi.NameIn(buf, backends.NameAt))
	}
	l.Tally.Counters[backends.SysRecv]++
	got, e := l.recvMany(b.in, fd, n, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	if e != 0 {
		got = 0
	}
	for i := n - 1; i >= got; i-- {
		l.pool.Put(b.bufs[i])
	}
	switch {
	case e == unix.EINTR:
		l.Tally.Counters[backends.Interrupts]++
		return 0
	case e == unix.EAGAIN:
		l.Tally.Counters[backends.Again]++
	case e != 0:
		d.in.pop()
		l.finish(op, backends.Fail(e), nil, false)
		return 0
	}
	if got < n {
		d.ready = false
	}
	if got > 0 {
		d.burst.size = uint8(max(got, int(d.burst.size)*3/4))
	}
	for i, buf := range b.bufs[:got] {
		size, name := b.in.Got(i)
		binary.NativeEndian.PutUint32(buf, name)
		fitted := min(size, len(buf)-backends.DatagramHead)
		l.Tally.Counters[backends.BytesIn] += uint64(fitted)
		moved += max(fitted, backends.PageSize)
		l.finish(op, backends.Result(size), buf[:backends.DatagramHead+fitted], true)
	}
	return moved
}

// gather keeps a SendTo until the turn ends, or until there is no room for more.
func (l *Loop) gather(op *backends.Op) {
	b := l.batch
	if b.n == batchMax || b.n > 0 && b.fd != op.FD {
		l.sendGathered()
	}
	b.fd = op.FD
	b.sends[b.n] = op
	b.out.Put(b.n, op.Payload(), nameOf(op))
	b.n++
}

// sendGathered makes the sends that have gathered, if there are any.
func (l *Loop) sendGathered() {
	b := l.batch
	if b == nil || b.n == 0 {
		return
	}
	sends, d := b.sends[:b.n], l.at(b.fd)
	b.n = 0
	for i := 0; i < len(sends); {
		if op := sends[i]; d.out.head != nil {
			d.out.push(op)
			i++
			continue
		} else if d.blocked {
			l.sendLater(op, d)
			i++
			continue
		}
		l.Tally.Counters[backends.SysSend]++
		sent, e := l.sendMany(b.out, b.fd, i, len(sends)-i, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if e != 0 {
			l.fellShort(sends[i], d, 0, e)
			i++
			continue
		}
		for _, op := range sends[i : i+sent] {
			n := len(op.Payload())
			l.Tally.Counters[backends.BytesOut] += uint64(n)
			l.finish(op, backends.Result(n), nil, false)
		}
		i += sent
	}
}
