package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// perSource is how many connections share a source address: fewer than the
// ephemeral ports, since some of those may be taken.
func perSource() int {
	lo, hi := EphemeralPorts()
	return max(1, (hi-lo+1)*3/4)
}

// EphemeralPorts is the range that the kernel takes a port from where none is asked
// for.
func EphemeralPorts() (lo, hi int) {
	lo, hi = 32768, 60999 // the kernel's default
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(strings.TrimSpace(string(b)), &lo, &hi)
	}
	return lo, hi
}

// MaxConns is how many connections this machine can make to one loopback
// address of that network: each needs a port of its own, of which every source
// address has one range.
func MaxConns(network string) int {
	switch network {
	case "tcp", "udp":
		return 250 * perSource() // sources 127.0.0.1 to 127.0.0.250
	case "tcp6", "udp6":
		return perSource() // ::1 is the only address
	}
	return 1 << 30
}

// dial opens n connections, blocking sockets with TCP_NODELAY set, beside so many
// that there are already; of datagrams, sockets that have the server as their
// peer.
func dial(network, address string, already, n int) (fds []int32, err error) {
	defer func() {
		if err != nil {
			for _, fd := range fds {
				unix.Close(int(fd))
			}
			fds = nil
		}
	}()
	sa, domain, err := resolve(network, address)
	if err != nil {
		return nil, err
	}
	share, kind := perSource(), unix.SOCK_STREAM
	if Datagrams(network) {
		kind = unix.SOCK_DGRAM
	}
	for i := range n {
		fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fds, fmt.Errorf("open socket %d of %d: %w", i+1, n, err)
		}
		fds = append(fds, int32(fd))
		switch {
		case kind == unix.SOCK_DGRAM: // what the kernel cannot hold shows in what is lost
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
		case domain != unix.AF_UNIX:
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
				return fds, fmt.Errorf("set TCP_NODELAY: %w", err)
			}
		}
		if host := (already + i) / share; host > 0 {
			if err := bindSource(fd, sa, 1+host); err != nil {
				return fds, err
			}
		}
		if err := connect(fd, sa); err != nil {
			return fds, fmt.Errorf("connection %d of %d to %s: %w%s", i+1, n, address, err, advice(err))
		}
	}
	return fds, nil
}

func connect(fd int, sa unix.Sockaddr) error {
	err := unix.Connect(fd, sa)
	if !errors.Is(err, unix.EINTR) {
		return err
	}
	// An interrupted connect goes on by itself.
	pfd := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		if _, err := unix.Poll(pfd, -1); err == nil {
			break
		} else if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		return err
	} else if code != 0 {
		return unix.Errno(code)
	}
	return nil
}

// bindSource makes fd come from 127.0.0.host, for the ports of 127.0.0.1 are used up.
func bindSource(fd int, to unix.Sockaddr, host int) error {
	v4, ok := to.(*unix.SockaddrInet4)
	if !ok || v4.Addr[0] != 127 || host > 250 {
		return errors.New("more connections than this address has ephemeral ports; use an IPv4 address of loopback, which spreads over 127.0.0.0/8, or --network=unix")
	}
	// The port is chosen when connecting, with the destination known, so that
	// the range is not used up by bind alone.
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("set IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(host)}}); err != nil {
		return fmt.Errorf("bind to 127.0.0.%d: %w", host, err)
	}
	return nil
}

func advice(err error) string {
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return "; no ephemeral port is free: widen net.ipv4.ip_local_port_range or wait until connections have left TIME_WAIT"
	case errors.Is(err, unix.ECONNREFUSED):
		return "; nothing listens there"
	case errors.Is(err, unix.EAGAIN):
		return "; the server's backlog is full: raise net.core.somaxconn"
	case errors.Is(err, unix.ENETUNREACH):
		return "; in a network namespace of its own: ip link set lo up"
	}
	return ""
}

func resolve(network, address string) (unix.Sockaddr, int, error) {
	if network == "unix" {
		return &unix.SockaddrUnix{Name: address}, unix.AF_UNIX, nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, 0, fmt.Errorf("address %q must be IP:PORT: %w", address, err)
	}
	if ap.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, unix.AF_INET, nil
	}
	return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}, unix.AF_INET6, nil
}

// hangUp closes a connection at once: the kernel keeps nothing of it, where an
// orderly close would leave it in TIME_WAIT for a minute.
func hangUp(fd int32) {
	unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(int(fd))
}
