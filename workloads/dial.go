package workloads

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
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
	d.domain = domain
	d.addr.Raw, d.addr.Len = uapi.RawSockaddr(sa)
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
