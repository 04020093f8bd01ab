package backendtest_test

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A line is one connection of a game: the model, the ops, the far end.
type line struct {
	model
	index    int
	fd       int32
	peer     net.Conn
	recv     backends.Op
	recvBuf  []byte
	sent     int // by the peer, ever
	got      int // by the owner, ever
	returned int // by the owner, ever
}

// connect gives a line a fresh connection.
func (g *game) connect(l *line) {
	l.model = model{tcp: l.index == 1}
	l.sent, l.got, l.returned = 0, 0, 0
	var err error
	if l.tcp {
		l.fd, l.peer, err = tcpLine()
	} else {
		l.fd, l.peer, err = unixLine()
	}
	if err != nil {
		g.Fatal(err)
	}
	l.peer.SetDeadline(time.Now().Add(deadline))
}

func tcpLine() (int32, net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return -1, nil, err
	}
	defer l.Close()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	to := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: l.Addr().(*net.TCPAddr).Port}
	if err := unix.Connect(fd, to); err != nil {
		return -1, nil, err
	}
	conn, err := l.Accept()
	return int32(fd), conn, err
}

func unixLine() (int32, net.Conn, error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	f := os.NewFile(uintptr(p[1]), "peer")
	defer f.Close()
	conn, err := net.FileConn(f)
	return int32(p[0]), conn, err
}

// visible waits until what the peer did has reached the owner's socket, by
// asking the kernel and not the loop.
func (g *game) visible(l *line) {
	end := time.Now().Add(deadline)
	for time.Now().Before(end) {
		n, err := unix.IoctlGetInt(int(l.fd), unix.TIOCINQ)
		p := []unix.PollFd{{Fd: l.fd, Events: unix.POLLRDHUP}}
		unix.Poll(p, 0)
		hup := p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
		gone := p[0].Revents&(unix.POLLHUP) != 0 || !l.peerGone
		if err == nil && n == l.inbox && gone && (hup || !l.peerEOF) {
			return
		}
		if err != nil && hup {
			return // a connection that was reset cannot be asked
		}
		time.Sleep(20 * time.Microsecond)
	}
	g.fail("line %d: what the peer did never arrived", l.index)
}

// fill writes the bytes of a stream from offset on.
func fill(b []byte, stream, offset int) {
	for i := range b {
		p := offset + i
		b[i] = byte(p) ^ byte(p>>8)*37 ^ byte(stream*59)
	}
}
