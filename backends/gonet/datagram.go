package gonet

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

func receives(c backends.Code) bool { return c == backends.Recv || c == backends.RecvFrom }

func sends(c backends.Code) bool { return c == backends.Send || c == backends.SendTo }

func isDatagram(c backends.Code) bool { return c == backends.RecvFrom || c == backends.SendTo }

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

// packets is the descriptor as a UDP socket, nil when it is none.
func (d *desc) packets() *net.UDPConn {
	c, _ := d.conn.(*net.UDPConn)
	return c
}

// recvFrom reads a datagram. Package net cuts what does not fit and does not
// say so.
func (e *entry) recvFrom() {
	data := e.buf
	if e.selects() {
		data = e.buf[backends.DatagramHead:]
	}
	e.n, e.sender, e.err = e.desc.packets().ReadFromUDPAddrPort(data)
}

func (e *entry) sendTo() {
	var name []byte
	if e.op.Flags&backends.SelectBuf != 0 {
		name, _ = backends.Datagram(e.op.Buf)
	} else {
		name = uapi.SockaddrBytes(&e.op.Addr.Raw)[:e.op.Addr.Len]
	}
	e.n, e.err = e.desc.packets().WriteToUDPAddrPort(e.op.Payload(), backends.AddrPort(name))
}

// arrived completes a RecvFrom. more: it goes on.
func (l *loop) arrived(e *entry) (more bool) {
	if e.err != nil {
		l.finish(e, result(e.err), nil)
		return false
	}
	op, res := e.op, backends.Result(e.n)
	l.tally.Counters[backends.BytesIn] += uint64(e.n)
	var buf []byte
	switch {
	case e.selects():
		buf, e.buf = e.buf[:backends.DatagramHead+e.n], nil
		binary.NativeEndian.PutUint32(buf, uint32(backends.PutAddrPort(buf[backends.NameAt:], e.sender)))
	case op.Addr != nil:
		op.Addr.Len = uint32(backends.PutAddrPort(uapi.SockaddrBytes(&op.Addr.Raw), e.sender))
	}
	e.n = 0
	if op.Flags&backends.Multishot != 0 {
		l.done.Push(backends.Completion{Op: op, Res: res, Buf: buf, More: true})
		return true
	}
	l.finish(e, res, buf)
	return false
}

func (l *loop) sentTo(e *entry) {
	if e.err != nil {
		l.finish(e, result(e.err), nil)
		return
	}
	l.tally.Counters[backends.BytesOut] += uint64(e.n)
	l.finish(e, backends.Result(e.n), nil)
}
