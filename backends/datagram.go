package backends

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// DatagramHead is how many bytes of a loop's buffer a RecvFrom with SelectBuf
// takes for the sender's address:
//
//	 0  bytes of the address, in the machine's order
//	 4  the loop's
//	16  the address, in the kernel's form
//	64  the datagram, at the start of a cache line
//
// It is what a multishot IORING_OP_RECVMSG makes of a buffer when 48 bytes are
// asked for the address (struct io_uring_recvmsg_out), and recvfrom(2) can put
// both where they belong, so that no loop copies an address.
const DatagramHead = 64

// NameAt is where the address begins, and NameRoom how long it may be: more
// than that of IPv6.
const (
	NameAt   = 16
	NameRoom = DatagramHead - NameAt
)

// MaxDatagram is the most that UDP carries over IPv4: 65,535 bytes less the two
// headers (RFC 768, RFC 791). Over IPv6 it is 20 bytes more.
const MaxDatagram = 65_535 - 20 - 8

// Datagram takes the Buf of a RecvFrom with SelectBuf apart: the sender's
// address in the kernel's form, and what it sent. Both lie in buf.
func Datagram(buf []byte) (from, data []byte) {
	n := min(binary.NativeEndian.Uint32(buf), NameRoom)
	return buf[NameAt : NameAt+n], buf[DatagramHead:]
}

// PutAddrPort writes an address in the kernel's form to b, which has NameRoom
// bytes, and returns its length; 0 for one that is not valid.
func PutAddrPort(b []byte, a netip.AddrPort) int {
	switch ip := a.Addr(); {
	case ip.Is4():
		at := ip.As4()
		binary.NativeEndian.PutUint16(b, unix.AF_INET)
		binary.BigEndian.PutUint16(b[2:], a.Port())
		copy(b[4:8], at[:])
		clear(b[8:unix.SizeofSockaddrInet4])
		return unix.SizeofSockaddrInet4
	case ip.Is6():
		at := ip.As16()
		binary.NativeEndian.PutUint16(b, unix.AF_INET6)
		binary.BigEndian.PutUint16(b[2:], a.Port())
		clear(b[4:8])
		copy(b[8:24], at[:])
		clear(b[24:unix.SizeofSockaddrInet6])
		return unix.SizeofSockaddrInet6
	}
	return 0
}

// AddrPort reads an address in the kernel's form; the zero AddrPort is one that
// is neither of IPv4 nor of IPv6. The zone of an IPv6 address is left out.
func AddrPort(b []byte) netip.AddrPort {
	if len(b) < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port)
	case family == unix.AF_INET6 && len(b) >= unix.SizeofSockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), port)
	}
	return netip.AddrPort{}
}

// CheckSendTo is EINVAL when a SendTo says no address, or one that is longer
// than the room for it.
func CheckSendTo(op *Op) unix.Errno {
	switch {
	case op.Flags&SelectBuf == 0 && (op.Addr == nil || op.Addr.Len > unix.SizeofSockaddrAny):
		return unix.EINVAL
	case op.Flags&SelectBuf != 0 && (len(op.Buf) < DatagramHead || binary.NativeEndian.Uint32(op.Buf) > NameRoom):
		return unix.EINVAL
	}
	return 0
}

// CheckRecvFrom is EINVAL when a RecvFrom has nowhere to put a datagram, on a
// loop whose own buffers have size bytes.
func CheckRecvFrom(op *Op, size int) unix.Errno {
	switch {
	case op.Flags&SelectBuf != 0 && size <= DatagramHead:
		return unix.EINVAL
	case op.Flags&SelectBuf == 0 && (op.Flags&Multishot != 0 || len(op.Buf) == 0):
		return unix.EINVAL
	}
	return 0
}

// Payload is the datagram of a SendTo: all of Buf, or with SelectBuf what
// follows its head.
func (o *Op) Payload() []byte {
	if o.Flags&SelectBuf != 0 {
		return o.Buf[DatagramHead:]
	}
	return o.Buf
}
