package backendtest

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// networks are the kinds of connection that every check of streams uses.
var networks = []string{"tcp", "unix"}

// A peer is the far end of a connection, in the hands of package net.
type peer interface {
	net.Conn
	CloseRead() error
	CloseWrite() error
}

// pair makes a connection: a blocking descriptor for the loop and its peer.
func (r *rig) pair(network string) (int32, peer) {
	r.Helper()
	var fd int
	var conn net.Conn
	var err error
	if network == "tcp" {
		fd, conn, err = tcpPair()
	} else {
		fd, conn, err = unixPair()
	}
	if err != nil {
		r.Fatalf("%s pair: %v", network, err)
	}
	r.own(int32(fd), conn)
	return int32(fd), conn.(peer)
}

// own notes what to close when the test is over.
func (r *rig) own(fd int32, conn net.Conn) {
	r.fds[fd] = false
	if conn != nil {
		// A peer that waits in vain ends before the watchdog does.
		conn.SetDeadline(time.Now().Add(patience / 2))
		r.peers = append(r.peers, conn)
	}
}

func tcpPair() (int, net.Conn, error) {
	l, addr, err := listenTCP(8)
	if err != nil {
		return -1, nil, err
	}
	defer unix.Close(l)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return -1, nil, err
	}
	fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	noDelay(fd)
	return fd, conn, err
}

// noDelay keeps tests from waiting for delayed acknowledgements. It does
// nothing to a Unix socket.
func noDelay(fd int) { unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

func unixPair() (int, net.Conn, error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	f := os.NewFile(uintptr(p[1]), "peer")
	defer f.Close()
	conn, err := net.FileConn(f) // a duplicate
	return p[0], conn, err
}

// rawPair makes a socketpair whose far end is a plain descriptor too.
func (r *rig) rawPair() (fd, far int32) {
	r.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.own(int32(p[0]), nil)
	r.own(int32(p[1]), nil)
	return int32(p[0]), int32(p[1])
}

// listenTCP is a blocking listener on a port of the kernel's choice.
func listenTCP(backlog int) (fd int, addr string, err error) {
	fd, port, err := bindTCP()
	if err != nil {
		return -1, "", err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return -1, "", err
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", port), nil
}

func bindTCP() (fd, port int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	return fd, sa.(*unix.SockaddrInet4).Port, nil
}

// listen makes a listener for the loop to accept from.
func (r *rig) listen() (fd int32, addr string) {
	r.Helper()
	l, addr, err := listenTCP(256)
	if err != nil {
		r.Fatal(err)
	}
	r.own(int32(l), nil)
	return int32(l), addr
}

// dial connects a peer to a listener.
func (r *rig) dial(addr string) peer {
	r.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		r.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience / 2))
	r.peers = append(r.peers, conn)
	return conn.(peer)
}

// addrOf is an IPv4 address in the kernel's form.
func addrOf(t testing.TB, addr string) *backends.Addr {
	t.Helper()
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	a := &backends.Addr{Len: unix.SizeofSockaddrInet4}
	a.Raw.Addr.Family = unix.AF_INET
	a.Raw.Addr.Data[0], a.Raw.Addr.Data[1] = int8(ap.Port()>>8), int8(ap.Port())
	for i, b := range ap.Addr().As4() {
		a.Raw.Addr.Data[2+i] = int8(b)
	}
	return a
}

// unixAddrOf is the address of a Unix socket in the kernel's form. The path
// must fit the 14 bytes of a bare sockaddr.
func unixAddrOf(t testing.TB, path string) *backends.Addr {
	t.Helper()
	a := &backends.Addr{}
	a.Raw.Addr.Family = unix.AF_UNIX
	if len(path) >= len(a.Raw.Addr.Data)+len(a.Raw.Pad) {
		t.Fatalf("path %q is too long for a socket", path)
	}
	for i, c := range []byte(path) {
		if i < len(a.Raw.Addr.Data) {
			a.Raw.Addr.Data[i] = int8(c)
		} else {
			a.Raw.Pad[i-len(a.Raw.Addr.Data)] = int8(c)
		}
	}
	a.Len = uint32(2 + len(path) + 1)
	return a
}

func isOpen(fd int32) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

// pattern fills b with the bytes of a stream from offset on, which depend on
// the stream and on the position, with no period that a buffer size divides.
func pattern(b []byte, stream, offset int) {
	for i := range b {
		p := offset + i
		b[i] = byte(p) ^ byte(p>>8)*29 ^ byte(p/251) ^ byte(stream*101)
	}
}

// differs is nil when b is the stream's bytes from offset on.
func differs(b []byte, stream, offset int) error {
	want := make([]byte, len(b))
	pattern(want, stream, offset)
	if bytes.Equal(b, want) {
		return nil
	}
	for i := range b {
		if b[i] != want[i] {
			return fmt.Errorf("byte %d of stream %d is %#02x, not %#02x", offset+i, stream, b[i], want[i])
		}
	}
	return nil
}

// put sends n bytes of a stream from a peer; they must fit the socket.
func (r *rig) put(p net.Conn, stream, offset, n int) {
	r.Helper()
	b := make([]byte, n)
	pattern(b, stream, offset)
	if _, err := p.Write(b); err != nil {
		r.Fatal(err)
	}
}

// same demands that b is the stream's bytes from offset on.
func (r *rig) same(b []byte, stream, offset int) {
	r.Helper()
	if err := differs(b, stream, offset); err != nil {
		r.Fatal(err)
	}
}
