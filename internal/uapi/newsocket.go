package uapi

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SocketRaw is socket(2) entered raw.
func SocketRaw(domain, typ, proto int) (int, unix.Errno) {
	fd, _, e := syscall.RawSyscall(unix.SYS_SOCKET, uintptr(domain), uintptr(typ), uintptr(proto))
	return int(fd), e
}

// SetsockoptRaw is setsockopt(2) of an option that is an int, entered raw.
func SetsockoptRaw(fd int32, level, option int, value int32) unix.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
	return e
}

// LingerRaw is setsockopt(2) of SO_LINGER, entered raw: a close of the socket resets
// the connection.
func LingerRaw(fd int32) unix.Errno {
	on := unix.Linger{Onoff: 1}
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER, uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
	return e
}

// BindRaw is bind(2) to an IPv4 address and port 0, entered raw.
func BindRaw(fd int32, ip [4]byte) unix.Errno {
	addr := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip}
	_, _, e := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&addr)), unsafe.Sizeof(addr))
	return e
}

// RawSockaddr is an address in the kernel's own form, and its length; 0 for one
// that is neither of IPv4, IPv6 nor a Unix socket's. A name that begins with @ is
// abstract (unix(7)).
func RawSockaddr(sa unix.Sockaddr) (raw unix.RawSockaddrAny, size uint32) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		p := (*unix.RawSockaddrInet4)(unsafe.Pointer(&raw))
		p.Family, p.Port, p.Addr = unix.AF_INET, networkOrder(sa.Port), sa.Addr
		return raw, unix.SizeofSockaddrInet4
	case *unix.SockaddrInet6:
		p := (*unix.RawSockaddrInet6)(unsafe.Pointer(&raw))
		p.Family, p.Port, p.Addr, p.Scope_id = unix.AF_INET6, networkOrder(sa.Port), sa.Addr, sa.ZoneId
		return raw, unix.SizeofSockaddrInet6
	case *unix.SockaddrUnix:
		p := (*unix.RawSockaddrUnix)(unsafe.Pointer(&raw))
		p.Family = unix.AF_UNIX
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&p.Path)), len(p.Path)), sa.Name)
		size = uint32(unsafe.Offsetof(p.Path)) + uint32(len(sa.Name))
		if sa.Name[0] == '@' {
			p.Path[0] = 0
			return raw, size
		}
		return raw, size + 1 // the terminating zero
	}
	return raw, 0
}

func networkOrder(port int) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(port >> 8), byte(port)})
}
