package uring

import (
	"encoding/binary"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// loopback is 127.0.0.1 with that port, in the kernel's form.
func loopback(port int) *backends.Addr {
	a := &backends.Addr{Len: unix.SizeofSockaddrInet4}
	binary.NativeEndian.PutUint16(rawBytes(a), unix.AF_INET)
	binary.BigEndian.PutUint16(rawBytes(a)[2:], uint16(port))
	copy(rawBytes(a)[4:], []byte{127, 0, 0, 1})
	return a
}

func portOf(t *testing.T, fd int) int {
	t.Helper()
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return sa.(*unix.SockaddrInet4).Port
}

func samePort(a *backends.Addr, port int) bool {
	return a.Len == unix.SizeofSockaddrInet4 && binary.BigEndian.Uint16(rawBytes(a)[2:]) == uint16(port)
}

// A connection from socket to end of file, by requests alone.
func TestSocketRequests(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	socket := func() int {
		fd := must(t, l, Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
		t.Cleanup(func() { closeFD(t, fd) })
		return fd
	}
	ln := socket()
	if typ, err := unix.GetsockoptInt(ln, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || typ != unix.SOCK_STREAM {
		t.Errorf("type %d, %v", typ, err)
	}
	must(t, l, Bind(ln, loopback(0)))
	port := portOf(t, ln)
	if port == 0 {
		t.Fatal("not bound")
	}
	far := socket()
	fails(t, l, Connect(far, loopback(port)), unix.ECONNREFUSED)
	must(t, l, Listen(ln, 5))
	if on, err := unix.GetsockoptInt(ln, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || on != 1 {
		t.Errorf("listening %d, %v", on, err)
	}
	must(t, l, Connect(far, loopback(port)))
	peer := new(backends.Addr)
	here := must(t, l, Accept(ln, peer, unix.SOCK_CLOEXEC))
	t.Cleanup(func() { closeFD(t, here) })
	if !samePort(peer, portOf(t, far)) {
		t.Errorf("accepted from %+v, not from port %d", peer, portOf(t, far))
	}
	if n := must(t, l, SendMsg(here, &Message{Bufs: [][]byte{[]byte("good "), []byte("bye")}}, 0)); n != 8 {
		t.Fatalf("%d bytes sent", n)
	}
	must(t, l, ShutdownFD(here, unix.SHUT_WR))
	buf := make([]byte, 20)
	m := &Message{Bufs: [][]byte{buf}}
	if n := must(t, l, RecvMsg(far, m, unix.MSG_WAITALL)); string(buf[:n]) != "good bye" {
		t.Errorf("%q arrived", buf[:n])
	}
	if n := must(t, l, RecvMsg(far, m, 0)); n != 0 {
		t.Errorf("%d bytes after the end", n)
	}
}

// A datagram goes where it is addressed to, and tells where it is from and that
// it was cut.
func TestDatagrams(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	var fds [2]int
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer closeFD(t, fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		fds[i] = fd
	}
	if n := must(t, l, SendMsg(fds[0], &Message{Bufs: [][]byte{[]byte("0123456789")}, Addr: loopback(portOf(t, fds[1]))}, 0)); n != 10 {
		t.Fatalf("%d bytes sent", n)
	}
	buf := make([]byte, 4)
	m := &Message{Bufs: [][]byte{buf}, Addr: new(backends.Addr)}
	recv := RecvMsg(fds[1], m, 0)
	if n := must(t, l, recv); n != 4 || string(buf) != "0123" || m.Flags&unix.MSG_TRUNC == 0 || !samePort(m.Addr, portOf(t, fds[0])) {
		t.Errorf("%d bytes %q, flags %#x, from %+v", n, buf, m.Flags, m.Addr)
	}
	// What the first time left in them does not tell on the second.
	*m.Addr = backends.Addr{}
	if err := unix.Sendto(fds[0], []byte("abc"), 0, &unix.SockaddrInet4{Port: portOf(t, fds[1]), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if n := must(t, l, recv); n != 3 || string(buf[:3]) != "abc" || m.Flags != 0 || !samePort(m.Addr, portOf(t, fds[0])) {
		t.Errorf("%d bytes %q, flags %#x, from %+v", n, buf, m.Flags, m.Addr)
	}
}

// A descriptor travels as ancillary data.
func TestAncillaryData(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	here, far := socketpair(t)
	f := tempFile(t, "sent along")
	m := &Message{Bufs: [][]byte{[]byte("x")}, Control: unix.UnixRights(int(f.Fd()))}
	got := &Message{Bufs: [][]byte{make([]byte, 1)}, Control: make([]byte, 200)}
	recv := RecvMsg(int(far), got, unix.MSG_CMSG_CLOEXEC)
	must(t, l, SendMsg(int(here), &Message{Bufs: m.Bufs}, 0))
	if must(t, l, recv); len(got.Control) != 0 {
		t.Errorf("%d bytes of ancillary data that nobody sent", len(got.Control))
	}
	must(t, l, SendMsg(int(here), m, 0))
	must(t, l, recv)
	if len(got.Control) != len(m.Control) {
		t.Errorf("%d bytes of ancillary data rather than %d", len(got.Control), len(m.Control))
	}
	msgs, err := unix.ParseSocketControlMessage(got.Control)
	if err != nil || len(msgs) != 1 {
		t.Fatal(msgs, err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		t.Fatal(fds, err)
	}
	twin := os.NewFile(uintptr(fds[0]), "twin")
	defer twin.Close()
	buf := make([]byte, 20)
	if n, err := twin.ReadAt(buf, 0); string(buf[:n]) != "sent along" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// A message without copies completes twice: with the count and when its buffers
// are free.
func TestZeroCopyMessage(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(t, ln)
	if err := unix.Listen(ln, 1); err != nil { // binds, to any address
		t.Fatal(err)
	}
	far := must(t, l, Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	defer closeFD(t, far)
	must(t, l, Connect(far, loopback(portOf(t, ln))))
	here := must(t, l, Accept(ln, new(backends.Addr), unix.SOCK_CLOEXEC))
	defer closeFD(t, here)
	op := begin(t, l, SendMsg(here, &Message{Bufs: [][]byte{[]byte("in "), []byte("place")}}, 0).ZeroCopy())
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 8 || !c.More || !op.Lent() {
		t.Fatalf("%+v", c)
	}
	buf := make([]byte, 20)
	if n, err := unix.Read(far, buf); err != nil || string(buf[:n]) != "in place" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 0 || c.More || op.Lent() {
		t.Errorf("%+v", c)
	}
}

func TestSocketCommands(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(t, ln)
	word := func(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
	must(t, l, Setsockopt(ln, unix.SOL_SOCKET, unix.SO_REUSEADDR, word(1)))
	must(t, l, Setsockopt(ln, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, word(0)))
	must(t, l, Setsockopt(ln, unix.IPPROTO_TCP, unix.TCP_NODELAY, word(1)))
	for name, level := range map[int]int{unix.SO_REUSEADDR: unix.SOL_SOCKET, unix.TCP_NODELAY: unix.IPPROTO_TCP} {
		if v, err := unix.GetsockoptInt(ln, level, name); err != nil || v != 1 {
			t.Errorf("option %d of level %d is %d, %v", name, level, v, err)
		}
	}
	value := make([]byte, 8)
	if n := must(t, l, Getsockopt(ln, unix.SOL_SOCKET, unix.SO_DOMAIN, value)); n != 4 || binary.NativeEndian.Uint32(value) != unix.AF_INET {
		t.Errorf("%d bytes: %v", n, value)
	}
	must(t, l, Bind(ln, loopback(0)))
	addr := new(backends.Addr)
	switch res := do(t, l, Getsockname(ln, addr, false)); {
	case res == backends.Fail(unix.EOPNOTSUPP): // before Linux 6.19
		t.Logf("getsockname: %v", res.Err())
	case res != 0 || !samePort(addr, portOf(t, ln)):
		t.Errorf("%d, %+v", res, addr)
	}
}

func TestSocketQueues(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(t, ln)
	must(t, l, Listen(ln, 1))
	far := must(t, l, Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	defer closeFD(t, far)
	must(t, l, Connect(far, loopback(portOf(t, ln))))
	here := must(t, l, Accept(ln, new(backends.Addr), unix.SOCK_CLOEXEC))
	defer closeFD(t, here)
	if _, err := unix.Write(here, []byte("12345")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []unix.PollFd{{Fd: int32(far), Events: unix.POLLIN}} {
		if n, err := unix.Poll([]unix.PollFd{p}, 5000); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if n := must(t, l, SocketInq(far)); n != 5 {
		t.Errorf("%d bytes wait", n)
	}
	// The peer's buffer is small and nobody reads, so that what does not fit waits here.
	if err := unix.SetNonblock(here, true); err != nil {
		t.Fatal(err)
	}
	sent, chunk := 5, make([]byte, 1<<16)
	for {
		n, err := unix.Write(here, chunk)
		if err == unix.EAGAIN {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	in, out := must(t, l, SocketInq(far)), must(t, l, SocketOutq(here))
	if out == 0 || out > sent || in == 0 || in > sent {
		t.Errorf("of %d bytes %d wait to be received and %d to be sent", sent, in, out)
	}
}
