package load

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A source opens the sockets of short connections to one address.
type source struct {
	domain int
	to     backends.Addr
	spread int  // over how many source addresses; 0: the kernel chooses
	resets bool // connections that the server has closed are reset, see open
}

// spreadOver is how many source addresses short connections to 127.0.0.0/8 take
// turns at. A connection that its client closes keeps its port for a minute
// (TCP_TIMEWAIT_LEN, include/net/tcp.h), so that many hold a minute of 100,000
// connections a second, which no machine of today makes over loopback on the
// CPUs of one client.
func spreadOver() int {
	const perSecond, timeWait = 100_000, 60
	return min(perSecond*timeWait/perSource()+1, 1<<16)
}

func newSource(network, address string) (s source, err error) {
	sa, domain, err := resolve(network, address)
	if err != nil {
		return s, err
	}
	s.domain = domain
	if v4, ok := sa.(*unix.SockaddrInet4); ok && v4.Addr[0] == 127 {
		s.spread = spreadOver()
	}
	s.to.Raw, s.to.Len = uapi.RawSockaddr(sa)
	return s, nil
}

// open makes a blocking socket for connection number serial. One that resets sends
// a reset when it is closed, by which the server's side, which was closed first,
// does not stay in TIME_WAIT: thousands a second would fill its table of those
// (tcp_max_tw_buckets, tcp(7)).
func (s *source) open(serial int) (int32, error) {
	n, e := uapi.SocketRaw(s.domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, fmt.Errorf("open the socket of connection %d: %w", serial, e)
	}
	fd := int32(n)
	if s.domain == unix.AF_UNIX {
		return fd, nil
	}
	if s.resets {
		if e = uapi.LingerRaw(fd); e != 0 {
			unix.Close(n)
			return -1, fmt.Errorf("set SO_LINGER: %w", e)
		}
	}
	if e = uapi.SetsockoptRaw(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); e == 0 && s.spread > 0 {
		i := serial % s.spread
		// The port is chosen when connecting, with the destination known.
		if e = uapi.SetsockoptRaw(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); e == 0 {
			e = uapi.BindRaw(fd, [4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)})
		}
	}
	if e != 0 {
		unix.Close(n)
		return -1, fmt.Errorf("prepare the socket of connection %d: %w", serial, e)
	}
	return fd, nil
}
