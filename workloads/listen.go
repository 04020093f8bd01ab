package workloads

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Networks are those that a server can be reached by; Streams are those of them
// that have connections.
var (
	Networks = append(slices.Clip(Streams), "udp", "udp6")
	Streams  = []string{"tcp", "tcp6", "unix"}
)

// backlog asks for the longest queue of connections not yet accepted; the
// kernel caps it at net.core.somaxconn.
const backlog = 1 << 16

// listen opens n sockets that listen on one address: with more than one, TCP
// spreads connections over them (SO_REUSEPORT); a Unix socket is one socket
// that all share. It returns the address with the port that was chosen.
func listen(network, address string, n int) (fds []int, addr string, err error) {
	defer func() {
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			fds = nil
		}
	}()
	sa, domain, err := sockaddr(network, address)
	if err != nil {
		return nil, "", err
	}
	if domain != unix.AF_UNIX && n > 1 {
		if err := free(sa, domain); err != nil {
			return nil, "", bindError(network, address, err)
		}
	}
	for range n {
		if domain == unix.AF_UNIX && len(fds) > 0 {
			fds = append(fds, fds[0])
			continue
		}
		fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fds, "", fmt.Errorf("open a socket: %w", err)
		}
		fds = append(fds, fd)
		if domain != unix.AF_UNIX {
			if err := prepare(fd, n > 1); err != nil {
				return fds, "", fmt.Errorf("prepare a listening socket: %w", err)
			}
		}
		if err := unix.Bind(fd, sa); err != nil {
			return fds, "", bindError(network, address, err)
		}
		if err := unix.Listen(fd, backlog); err != nil {
			return fds, "", bindError(network, address, err)
		}
		if len(fds) == 1 { // the others join the port that the first was given
			if sa, err = unix.Getsockname(fd); err != nil {
				return fds, "", fmt.Errorf("getsockname: %w", err)
			}
		}
	}
	return fds, format(sa), nil
}

// free is EADDRINUSE when another server has the address: SO_REUSEPORT would let
// us share it, and each of the two get some of the connections.
func free(sa unix.Sockaddr, domain int) error {
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := prepare(fd, false); err != nil {
		return err
	}
	return unix.Bind(fd, sa)
}

// prepare sets what accepted sockets inherit. TCP_NODELAY is what a server of
// small replies sets, and what package net sets by itself.
func prepare(fd int, shared bool) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if shared {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

func bindError(network, address string, err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE) && network == "unix":
		return fmt.Errorf("cannot listen on unix %s: the path exists; remove it if no server uses it, or choose another", address)
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s %s: the address is in use; stop what listens there or choose another port (0 takes a free one)", network, address)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("cannot listen on %s %s: not permitted; choose a port of 1024 or above", network, address)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s %s: this machine has no such address; is IPv6 switched off, or the address another machine's?", network, address)
	}
	return fmt.Errorf("cannot listen on %s %s: %w", network, address, err)
}

func sockaddr(network, address string) (unix.Sockaddr, int, error) {
	if network == "unix" {
		if len(address) == 0 || len(address) > 107 { // sun_path, with its terminating zero
			return nil, 0, fmt.Errorf("unix socket path %q must have 1 to 107 bytes", address)
		}
		return &unix.SockaddrUnix{Name: address}, unix.AF_UNIX, nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, 0, fmt.Errorf("address %q must be IP:PORT: %w", address, err)
	}
	switch {
	case (network == "tcp" || network == "udp") && ap.Addr().Is4():
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, unix.AF_INET, nil
	case (network == "tcp6" || network == "udp6") && ap.Addr().Is6():
		return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}, unix.AF_INET6, nil
	case slices.Contains(Networks, network):
		return nil, 0, fmt.Errorf("address %s does not fit network %s: tcp and udp take IPv4, tcp6 and udp6 take IPv6", address, network)
	}
	return nil, 0, fmt.Errorf("unknown network %q: known are %s", network, strings.Join(Networks, ", "))
}

func format(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrUnix:
		return sa.Name
	}
	return ""
}

// LoopbackAddress is where a server of that network listens unless told
// otherwise: a free port of the loopback interface, or an abstract Unix socket
// (unix(7)), which has no file that a killed process could leave behind.
func LoopbackAddress(network string) string {
	switch network {
	case "unix":
		return fmt.Sprintf("@ringbench-%016x", rand.Uint64())
	case "tcp6", "udp6":
		return net.JoinHostPort("::1", "0")
	}
	return "127.0.0.1:0"
}
