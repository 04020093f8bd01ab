package uring

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// streamOnly are the features that say how streams are received and sent, or
// where accepted connections are kept or go. Datagrams are received without them. With
// the first they are not received at all: a buffer that is used up piece by
// piece would cut one short that is larger than what is left of it.
const streamOnly = incremental | async | recvBundles | pollFirst | pollThen | fixedFiles | msgRing | sending

// A message is what an IORING_OP_RECVMSG that completes once writes to besides
// the data: unlike what is only read, it must stay until then.
type message struct {
	hdr  unix.Msghdr
	iov  unix.Iovec
	name unix.RawSockaddrAny
	next *message // in Loop.messages.free
}

// messages are those of a loop, outside the Go heap. There are as many as have
// been in flight at one time.
type messages struct {
	free   *message
	arenas []*backends.Arena
}

func (m *messages) get() *message {
	if m.free == nil && !m.grow() {
		return nil
	}
	x := m.free
	m.free = x.next
	return x
}

func (m *messages) put(x *message) { x.next, m.free = m.free, x }

func (m *messages) grow() bool {
	a, err := backends.NewArena(backends.PageSize)
	if err != nil {
		return false
	}
	m.arenas = append(m.arenas, a)
	page := a.Bytes(backends.PageSize)
	for at := 0; at+int(unsafe.Sizeof(message{})) <= len(page); at += int(unsafe.Sizeof(message{})) {
		m.put((*message)(unsafe.Pointer(&page[at])))
	}
	return true
}

func (m *messages) close() {
	for _, a := range m.arenas {
		_ = a.Free()
	}
	*m = messages{}
}

// receives reports whether an op takes a buffer that may be of the loop's choice.
func receives(c backends.Code) bool { return c == backends.Recv || c == backends.RecvFrom }

// sends reports whether an op gives its buffer to be sent.
func sends(c backends.Code) bool { return c == backends.Send || c == backends.SendTo }

// checkDatagram refuses what the kernel must not see.
func (l *Loop) checkDatagram(op *backends.Op) unix.Errno {
	switch {
	case op.Code == backends.SendTo:
		return backends.CheckSendTo(op)
	case l.feat.has(incremental):
		return unix.EINVAL
	}
	return backends.CheckRecvFrom(op, len(l.pool.At(0)))
}

// staysArmed reports whether the kernel keeps a RecvFrom armed (Linux 6.0). It
// ends one nevertheless that has brought an empty datagram, which it takes for
// the end of a stream.
func (l *Loop) staysArmed(op *backends.Op) bool {
	return op.Flags&(backends.Multishot|backends.SelectBuf) == backends.Multishot|backends.SelectBuf && l.bufs != nil && l.feat.has(recvMulti)
}

// takesOnce reports whether an op is a RecvFrom that completes once, for which
// the loop chooses the buffer even where the kernel could: the kernel would
// leave no room for the sender, and give none for an empty datagram.
func (l *Loop) takesOnce(op *backends.Op) bool {
	return op.Code == backends.RecvFrom && op.Flags&backends.SelectBuf != 0 && !l.staysArmed(op)
}

// choices are the buffers from which the loop chooses for an op.
func (l *Loop) choices(op *backends.Op) *backends.Pool {
	if l.bufs != nil && op.Code == backends.RecvFrom {
		return l.single
	}
	return l.pool
}

// provideOnce gives slot i what a RecvFrom that completes once needs.
func (l *Loop) provideOnce(i uint32) bool {
	s := &l.slots[i]
	if l.bufs != nil && l.single == nil && s.op.Flags&backends.SelectBuf != 0 {
		var err error
		if l.single, err = backends.NewPool(l.pool.Cap(), len(l.pool.At(0)), l.poison); err != nil {
			return false
		}
	}
	s.msg = l.messages.get()
	return s.msg != nil
}

// prepRecvFrom writes the request of slot i. MSG_TRUNC makes the kernel tell
// how long the datagram was, whether or not it fitted.
func (l *Loop) prepRecvFrom(e *uapi.SQE, i uint32) {
	s := &l.slots[i]
	e.Opcode = uapi.OpRecvmsg
	e.OpFlags = unix.MSG_TRUNC
	if l.staysArmed(s.op) {
		t := l.scratchOf(e)
		t.hdr = unix.Msghdr{Namelen: backends.NameRoom}
		e.Flags |= uapi.SQEBufferSelect
		e.BufIndex = bufGroup
		e.Ioprio = uapi.RecvMultishot
		e.Addr = uint64(uintptr(unsafe.Pointer(&t.hdr)))
		return
	}
	m := s.msg
	m.hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&m.name)), Namelen: unix.SizeofSockaddrAny, Iov: &m.iov}
	m.hdr.SetIovlen(1)
	data := s.op.Buf
	if s.op.Flags&backends.SelectBuf != 0 {
		data = l.choices(s.op).At(int(s.buf))[backends.DatagramHead:]
		if s.asked {
			e.OpFlags |= unix.MSG_DONTWAIT // see prepRecv
		}
	}
	m.iov.Base = unsafe.SliceData(data)
	m.iov.SetLen(len(data))
	e.Addr = uint64(uintptr(unsafe.Pointer(&m.hdr)))
}

// prepSendTo writes the request of an op. A send with an address (Linux 6.1)
// needs no message to be read for it.
func (l *Loop) prepSendTo(e *uapi.SQE, op *backends.Op) {
	data := op.Payload()
	t := l.scratchOf(e)
	name, size := unsafe.Pointer(&t.addr), uint32(0)
	if op.Flags&backends.SelectBuf != 0 {
		name, size = unsafe.Pointer(&op.Buf[backends.NameAt]), binary.NativeEndian.Uint32(op.Buf)
	} else {
		t.addr, size = op.Addr.Raw, op.Addr.Len
	}
	e.OpFlags = unix.MSG_NOSIGNAL
	if l.feat.has(sendAddr) {
		e.Opcode = uapi.OpSend
		e.Addr, e.Len = address(data), length(data)
		e.Off, e.FileIndex = uint64(uintptr(name)), addrLen(size)
		return
	}
	t.iov.Base = unsafe.SliceData(data)
	t.iov.SetLen(len(data))
	t.hdr = unix.Msghdr{Name: (*byte)(name), Namelen: size, Iov: &t.iov}
	t.hdr.SetIovlen(1)
	e.Opcode = uapi.OpSendmsg
	e.Addr = uint64(uintptr(unsafe.Pointer(&t.hdr)))
}

// addrLen is the field addr_len of an entry, the first half of what it shares
// with file_index.
func addrLen(n uint32) uint32 {
	if bigEndian {
		n <<= 16
	}
	return n
}

// recvFromDone delivers a datagram, which may be empty.
func (l *Loop) recvFromDone(c *backends.Completion, i uint32, res backends.Result, flags uint32) bool {
	s := &l.slots[i]
	op := s.op
	switch {
	case res < 0:
		if op.Flags&backends.SelectBuf != 0 {
			l.received(s, res, flags)
		}
		return l.failed(c, i, res)
	case op.Flags&backends.SelectBuf == 0:
		l.tally.Counters[backends.BytesIn] += uint64(min(int(res), len(op.Buf)))
		if op.Addr != nil {
			op.Addr.Raw, op.Addr.Len = s.msg.name, s.msg.hdr.Namelen
		}
		return l.progress(c, i, res, nil, flags)
	case l.staysArmed(op):
		buf := l.received(s, res, flags)
		l.tally.Counters[backends.BytesIn] += uint64(len(buf) - backends.DatagramHead)
		return l.progress(c, i, backends.Result(payloadLen(buf)), buf, flags)
	}
	fitted := min(int(res), len(l.pool.At(0))-backends.DatagramHead)
	buf := l.received(s, backends.Result(backends.DatagramHead+fitted), flags)
	binary.NativeEndian.PutUint32(buf, s.msg.hdr.Namelen)
	copy(buf[backends.NameAt:backends.DatagramHead], uapi.SockaddrBytes(&s.msg.name))
	l.tally.Counters[backends.BytesIn] += uint64(fitted)
	return l.progress(c, i, res, buf, flags)
}

// The kernel puts the address where the contract says.
var _ = [1]byte{}[unsafe.Sizeof(uapi.RecvmsgOut{})-backends.NameAt]

// payloadLen is how long the datagram was in a buffer that the kernel filled.
func payloadLen(buf []byte) uint32 {
	return (*uapi.RecvmsgOut)(unsafe.Pointer(unsafe.SliceData(buf))).PayloadLen
}

// sentTo ends a SendTo.
func (l *Loop) sentTo(c *backends.Completion, i uint32, res backends.Result) bool {
	if res < 0 {
		return l.failed(c, i, res)
	}
	l.tally.Counters[backends.BytesOut] += uint64(res)
	return l.final(c, i, res)
}

// trySendAddr sends to an address; kernels before Linux 6.1 reject one.
func trySendAddr(*ring) (bool, unix.Errno) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, errnoOf(err)
	}
	defer closeAll([]int{fd})
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	defer r.close()
	a, err := backends.NewArena(backends.PageSize)
	if err != nil {
		return false, unix.ENOMEM
	}
	defer func() { _ = a.Free() }()
	name := a.Bytes(backends.PageSize)
	binary.NativeEndian.PutUint16(name, unix.AF_UNIX)
	copy(name[2:], "\x00ringbench asks for nobody")
	c, errno := trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD = uapi.OpSend, int32(fd)
		e.Addr, e.Len = address(name), 1
		e.Off, e.FileIndex = address(name), addrLen(2+26)
	})
	// Nobody has that name; without it the answer would be ENOTCONN.
	return c.Res == -int32(unix.ECONNREFUSED), errno
}
