package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Socket is socket(2). Res is the descriptor.
func Socket(domain, typ, protocol int) *Request {
	r := newRequest(uapi.OpSocket, domain)
	r.onFD, r.opens = false, true
	r.sqe.Off, r.sqe.Len = uint64(typ), uint32(protocol)
	return r
}

// Bind is bind(2).
func Bind(fd int, addr *backends.Addr) *Request { return newRequest(uapi.OpBind, fd).to(addr) }

// Connect is connect(2), as the contract's.
func Connect(fd int, addr *backends.Addr) *Request { return newRequest(uapi.OpConnect, fd).to(addr) }

func (r *Request) to(addr *backends.Addr) *Request {
	r.addr, r.sqe.Off = unsafe.Pointer(&addr.Raw), uint64(addr.Len)
	return r
}

// Listen is listen(2).
func Listen(fd, backlog int) *Request {
	r := newRequest(uapi.OpListen, fd)
	r.sqe.Len = uint32(backlog)
	return r
}

// Accept is accept4(2), which unlike the contract's tells the peer's address: it
// goes to addr, whose Len is set. Res is the descriptor.
func Accept(fd int, addr *backends.Addr, flags int) *Request {
	r := newRequest(uapi.OpAccept, fd)
	r.before = func() { addr.Len = uint32(unsafe.Sizeof(addr.Raw)) }
	r.addr, r.addr2 = unsafe.Pointer(&addr.Raw), unsafe.Pointer(&addr.Len)
	r.sqe.OpFlags, r.opens = uint32(flags), true
	return r
}

// ShutdownFD is shutdown(2), in its turn among the requests of the ring; the
// contract's Shutdown is a call at once. how is unix.SHUT_*.
func ShutdownFD(fd, how int) *Request {
	r := newRequest(uapi.OpShutdown, fd)
	r.sqe.Len = uint32(how)
	return r
}

// A Message is what sendmsg(2) and recvmsg(2) move.
type Message struct {
	Bufs    [][]byte
	Addr    *backends.Addr // where to, or, filled in, where from; nil: not wanted
	Control []byte         // ancillary data, see cmsg(3); to receive, room for it, cut to what came
	Flags   int            // received: unix.MSG_TRUNC, MSG_CTRUNC, …
}

// SendMsg is sendmsg(2); flags are unix.MSG_*. Res is the number of bytes.
func SendMsg(fd int, m *Message, flags int) *Request {
	r, _ := newMessageRequest(uapi.OpSendmsg, fd, m, flags)
	r.bufs = m.Bufs
	return r
}

// RecvMsg is recvmsg(2). Res is the number of bytes.
func RecvMsg(fd int, m *Message, flags int) *Request {
	r, hdr := newMessageRequest(uapi.OpRecvmsg, fd, m, flags)
	r.bufs, r.fills = m.Bufs, true
	room := m.Control
	r.before = func() { // the kernel writes over them
		if m.Addr != nil {
			hdr.Namelen = uint32(unsafe.Sizeof(m.Addr.Raw))
		}
		hdr.SetControllen(len(room))
	}
	r.after = func() {
		if m.Addr != nil {
			m.Addr.Len = hdr.Namelen
		}
		m.Control = room[:hdr.Controllen]
		m.Flags = int(hdr.Flags)
	}
	return r
}

func newMessageRequest(opcode uint8, fd int, m *Message, flags int) (*Request, *unix.Msghdr) {
	iov := iovecs(m.Bufs)
	hdr := &unix.Msghdr{Iov: unsafe.SliceData(iov), Control: unsafe.SliceData(m.Control)}
	hdr.SetIovlen(len(iov))
	hdr.SetControllen(len(m.Control))
	if m.Addr != nil {
		hdr.Name, hdr.Namelen = (*byte)(unsafe.Pointer(&m.Addr.Raw)), m.Addr.Len
	}
	r := newRequest(opcode, fd)
	r.addr, r.sqe.Len, r.sqe.OpFlags = unsafe.Pointer(hdr), 1, uint32(flags)
	return r, hdr
}

// ZeroCopy has a SendMsg use the buffers themselves (IORING_OP_SENDMSG_ZC). The
// completion with the count has More set; the one after it says that the buffers
// are no longer in use.
func (r *Request) ZeroCopy() *Request {
	if r.sqe.Opcode == uapi.OpSendmsg {
		r.sqe.Opcode = uapi.OpSendmsgZC
	}
	return r
}

// SocketInq is ioctl SIOCINQ: Res is how many bytes wait to be received.
func SocketInq(fd int) *Request { return newSocketCommand(fd, uapi.SocketSiocinq) }

// SocketOutq is ioctl SIOCOUTQ: Res is how many bytes wait to be sent.
func SocketOutq(fd int) *Request { return newSocketCommand(fd, uapi.SocketSiocoutq) }

// Getsockopt is getsockopt(2) for options of level unix.SOL_SOCKET. Res is the
// length of the value, which goes to dst.
func Getsockopt(fd, level, name int, dst []byte) *Request {
	return newSocketCommand(fd, uapi.SocketGetsockopt).option(level, name, dst, true)
}

// Setsockopt is setsockopt(2).
func Setsockopt(fd, level, name int, value []byte) *Request {
	return newSocketCommand(fd, uapi.SocketSetsockopt).option(level, name, value, false)
}

// Getsockname is getsockname(2), or with peer getpeername(2), to addr (Linux
// 6.19; one before answers EOPNOTSUPP).
func Getsockname(fd int, addr *backends.Addr, peer bool) *Request {
	r := newSocketCommand(fd, uapi.SocketGetsockname)
	r.before = func() { addr.Len = uint32(unsafe.Sizeof(addr.Raw)) }
	r.addr, r.addr3 = unsafe.Pointer(&addr.Raw), unsafe.Pointer(&addr.Len)
	if peer {
		r.sqe.FileIndex = 1
	}
	return r
}

func newSocketCommand(fd int, command uint32) *Request {
	r := newRequest(uapi.OpUringCmd, fd)
	r.sqe.Off = words(command, 0)
	return r
}

func (r *Request) option(level, name int, value []byte, fills bool) *Request {
	r.bufs, r.fills = [][]byte{value}, fills
	r.addr3, r.sqe.FileIndex = unsafe.Pointer(unsafe.SliceData(value)), uint32(len(value))
	r.sqe.Addr = words(uint32(level), uint32(name))
	return r
}
