package workloads

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A dialer opens sockets to one address.
type dialer struct {
	domain int
	addr   backends.Addr
}

func newDialer(network, address string) (d dialer, err error) {
	sa, domain, err := sockaddr(network, address)
	if err != nil {
		return d, err
	}
	d.domain, d.addr = domain, rawAddr(sa)
	return d, nil
}

// socket opens one that is yet to be connected to addr. TCP_NODELAY: what it
// sends may be the rest of a message whose first part is not acknowledged yet.
func (d *dialer) socket() (fd int, err error) {
	if fd, err = unix.Socket(d.domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("open a socket: %w", err)
	}
	if d.domain == unix.AF_UNIX {
		return fd, nil
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("set TCP_NODELAY: %w", err)
	}
	return fd, nil
}

// rawAddr is an address in the kernel's form: ip(7), ipv6(7), unix(7).
func rawAddr(sa unix.Sockaddr) (a backends.Addr) {
	var data []byte // behind the family
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		a.Raw.Addr.Family, a.Len = unix.AF_INET, unix.SizeofSockaddrInet4
		data = append([]byte{byte(sa.Port >> 8), byte(sa.Port)}, sa.Addr[:]...)
	case *unix.SockaddrInet6:
		a.Raw.Addr.Family, a.Len = unix.AF_INET6, unix.SizeofSockaddrInet6
		data = append([]byte{byte(sa.Port >> 8), byte(sa.Port), 0, 0, 0, 0}, sa.Addr[:]...)
	case *unix.SockaddrUnix:
		a.Raw.Addr.Family = unix.AF_UNIX
		data = append([]byte(sa.Name), 0)
		if sa.Name[0] == '@' { // abstract: a zero in front, and none behind
			data[0], data = 0, data[:len(sa.Name)]
		}
		a.Len = uint32(2 + len(data))
	}
	for i, b := range data {
		if at := i - len(a.Raw.Addr.Data); at < 0 {
			a.Raw.Addr.Data[i] = int8(b)
		} else {
			a.Raw.Pad[at] = int8(b)
		}
	}
	return a
}
