package backendtest

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var acceptChecks = []check{
	{"accept", false, acceptOne},
	{"accept-multishot", false, acceptMany},
	{"accept-unix", false, acceptUnix},
	{"accept-after-error", false, acceptAfterError},
	{"accept-never-reaped", false, acceptUnreaped},
}

// acceptors are a TCP and a Unix listener in the hands of package net.
func acceptors(r *rig) (tcp, ul net.Listener) {
	r.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.peers = append(r.peers, tcp)
	ul, err = net.Listen("unix", filepath.Join(r.TempDir(), "s"))
	if err != nil {
		r.Fatal(err)
	}
	r.peers = append(r.peers, ul)
	return tcp, ul
}

// accepted is the peer of a connection that the loop made.
func (r *rig) accepted(l net.Listener) peer {
	r.Helper()
	conn, err := l.Accept()
	if err != nil {
		r.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience / 2))
	r.peers = append(r.peers, conn)
	return conn.(peer)
}

// adopt checks the descriptor that an accept brought and owns it.
func (r *rig) adopt(c backends.Completion) int32 {
	r.Helper()
	if c.Res < 0 {
		r.Fatalf("accept: %v", c.Res.Err())
	}
	fd := int32(c.Res)
	if _, owned := r.fds[fd]; owned {
		r.Fatalf("accept brought descriptor %d, which is another's", fd)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		r.Fatalf("accept brought descriptor %d: %v", fd, err)
	}
	if flags&unix.FD_CLOEXEC == 0 {
		r.Errorf("accepted descriptor %d is not close-on-exec", fd)
	}
	r.fds[fd] = true
	noDelay(int(fd))
	return fd
}

// peerOf tells which of the dialled peers fd is connected to.
func (r *rig) peerOf(fd int32, peers map[string]peer) peer {
	r.Helper()
	sa, err := unix.Getpeername(int(fd))
	if err != nil {
		r.Fatalf("accepted descriptor %d: %v", fd, err)
	}
	in := sa.(*unix.SockaddrInet4)
	addr := net.TCPAddr{IP: in.Addr[:], Port: in.Port}
	p := peers[addr.String()]
	if p == nil {
		r.Fatalf("accepted descriptor %d is connected to %v, whom nobody dialled from", fd, &addr)
	}
	return p
}

// talk exchanges a few bytes over an accepted connection and closes it.
func (r *rig) talk(fd int32, p peer, stream int) {
	r.Helper()
	r.put(p, stream, 0, 200)
	op := r.recvOp(fd, selectBuf, 0)
	r.submit(op)
	r.received(op, selectBuf, stream, 0, 200)
	r.closeFD(fd)
	if n, err := p.Read(make([]byte, 1)); n != 0 || err == nil {
		r.Fatalf("after the close the peer read %d bytes, %v", n, err)
	}
}

func acceptOne(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	l, addr := r.listen()
	op := &backends.Op{Code: backends.Accept, FD: l}
	for i, waiting := range []bool{true, false, true} {
		var p peer
		if waiting {
			p = r.dial(addr)
			r.submit(op)
		} else {
			r.submit(op)
			r.silence()
			p = r.dial(addr)
		}
		c := r.nextOf(op)
		if c.More {
			t.Fatal("a one-shot accept goes on")
		}
		r.talk(r.adopt(c), p, i)
	}
	r.silence()
	r.closeFD(l)
}

func acceptMany(t *testing.T, b backends.Backend) {
	const conns = 60
	r := open(t, b, backends.Config{Entries: 8})
	l, addr := r.listen()
	op := &backends.Op{Code: backends.Accept, FD: l, Flags: backends.Multishot}
	peers := map[string]peer{}
	dial := func() {
		p := r.dial(addr)
		peers[p.LocalAddr().String()] = p
	}
	for range conns / 3 {
		dial() // before it is armed
	}
	r.submit(op)
	got := 0
	take := func() {
		c := r.nextOf(op)
		if !c.More {
			t.Fatalf("a multishot accept ended with %d (%v) after %d connections", c.Res, c.Res.Err(), got)
		}
		got++
		fd := r.adopt(c)
		p := r.peerOf(fd, peers)
		delete(peers, p.LocalAddr().String())
	}
	for range conns / 3 {
		take()
	}
	for range conns / 3 {
		dial() // one by one while it is armed
		take()
	}
	for range conns / 3 {
		dial() // a crowd while it is armed
	}
	for range conns / 3 {
		take()
	}
	if len(peers) != 0 {
		t.Errorf("%d connections were never accepted", len(peers))
	}
	r.silence()
	cancel := &backends.Op{Code: backends.Cancel, Target: op}
	r.submit(cancel)
	last := r.final(op, cancel)
	r.fails(last[op], unix.ECANCELED)
	r.want(last[cancel], 0)
	// Armed again it goes on.
	p := r.dial(addr)
	r.submit(op)
	c := r.nextOf(op)
	if !c.More {
		t.Fatal("the multishot accept, armed again, ended")
	}
	r.talk(r.adopt(c), p, 1)
}

func acceptUnix(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	path := filepath.Join(t.TempDir(), "s")
	l, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.own(int32(l), nil)
	if err := unix.Bind(l, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 16); err != nil {
		t.Fatal(err)
	}
	op := &backends.Op{Code: backends.Accept, FD: int32(l), Flags: backends.Multishot}
	r.submit(op)
	for i := range 5 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience / 2))
		r.peers = append(r.peers, conn)
		r.talk(r.adopt(r.nextOf(op)), conn.(peer), i)
	}
}

// acceptAfterError runs out of descriptors while a connection waits: the accept
// says so, and the connection is there for the next one.
func acceptAfterError(t *testing.T, b backends.Backend) {
	for _, flags := range []backends.Flags{0, backends.Multishot} {
		name := "one-shot"
		if flags != 0 {
			name = "multishot"
		}
		t.Run(name, func(t *testing.T) {
			r := open(t, b, backends.Config{})
			l, addr := r.listen()
			// The loop has met the listener before the shortage.
			op := &backends.Op{Code: backends.Accept, FD: l, Flags: flags}
			p := r.dial(addr)
			r.submit(op)
			c := r.nextOf(op)
			r.talk(r.adopt(c), p, 1)
			if c.More {
				cancel := &backends.Op{Code: backends.Cancel, Target: op}
				r.submit(cancel)
				r.final(op, cancel)
			}
			p = r.dial(addr)
			restore := limitDescriptors(t)
			c = r.do(op)
			restore()
			r.fails(c, unix.EMFILE)
			r.submit(op)
			r.talk(r.adopt(r.nextOf(op)), p, 2)
		})
	}
}

// limitDescriptors lowers the soft limit to what is open.
func limitDescriptors(t *testing.T) (restore func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	free, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	low := old
	low.Cur = uint64(free) // the lowest free number is the first that is too high
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
	}
}

// acceptUnreaped closes the loop while accepted connections wait to be reaped:
// nobody knows those descriptors, so the loop must close them. The rig's census
// tells.
func acceptUnreaped(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	r.dst = r.dst[:1]
	l, addr := r.listen()
	op := &backends.Op{Code: backends.Accept, FD: l, Flags: backends.Multishot}
	r.submit(op)
	r.silence()
	for range 5 {
		r.dial(addr)
	}
	r.adopt(r.nextOf(op))
	r.shut()
}
