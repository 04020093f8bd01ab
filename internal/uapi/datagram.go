package uapi

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Name is where an address of a datagram lies, and its length. The zero Name
// is none.
type Name struct {
	at   unsafe.Pointer
	size *uint32
}

// NameOf is an address in memory of its own.
func NameOf(addr *unix.RawSockaddrAny, size *uint32) Name {
	return Name{unsafe.Pointer(addr), size}
}

// NameIn is an address within b, with its length in the first bytes of b, which
// must be aligned for that.
func NameIn(b []byte, at int) Name {
	return Name{unsafe.Pointer(&b[at]), (*uint32)(unsafe.Pointer(&b[0]))}
}

// SockaddrBytes is the memory of an address.
func SockaddrBytes(addr *unix.RawSockaddrAny) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(addr)), unsafe.Sizeof(*addr))
}

func (n Name) length() uintptr {
	if n.size == nil {
		return 0
	}
	return uintptr(*n.size)
}

// RecvFromRaw is recvfrom(2) entered raw. The sender's address goes to from,
// whose length says how much room there is.
func RecvFromRaw(fd int32, b []byte, flags int, from Name) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), uintptr(from.at), uintptr(unsafe.Pointer(from.size)))
	return int(n), e
}

// RecvFrom is RecvFromRaw entered through the scheduler.
func RecvFrom(fd int32, b []byte, flags int, from Name) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), uintptr(from.at), uintptr(unsafe.Pointer(from.size)))
	return int(n), e
}

// SendToRaw is sendto(2) entered raw.
func SendToRaw(fd int32, b []byte, flags int, to Name) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), uintptr(to.at), to.length())
	return int(n), e
}

// SendTo is SendToRaw entered through the scheduler.
func SendTo(fd int32, b []byte, flags int, to Name) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags), uintptr(to.at), to.length())
	return int(n), e
}
