package gonet

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A listener is what package net's listeners can do.
type listener interface {
	net.Listener
	SetDeadline(time.Time) error
}

// A desc is a descriptor in use: what package net made of it.
type desc struct {
	fd      int32
	conn    net.Conn // nil until used as a connection
	ln      listener // nil until used as a listener
	file    *os.File // nil until used as a file
	anew    *os.File // the same file with a position of its own, nil until used by Sendfile
	files   half     // file ops
	own     bool     // conn's descriptor is fd itself, no duplicate
	corked  bool     // TCP_CORK is set
	lin     half     // Accept
	in, out half     // Recv and RecvFrom; Send, SendTo and Connect
}

// A half is the calls on goroutines that share a deadline. One in the past ends
// them all, and is lifted when the last has ended; until then none may start.
type half struct {
	running int
	kicked  bool
}

// past is a deadline that makes package net's calls end at once.
var past = time.Unix(1, 0)

// wrap makes what code needs of the descriptor, and returns how many system
// calls that took besides package net's own.
func (d *desc) wrap(code backends.Code) (calls uint64, err error) {
	if code.OnFile() {
		return d.wrapFile()
	}
	if code == backends.Accept && d.ln != nil || code != backends.Accept && d.conn != nil {
		return 0, nil
	}
	// An os.File closes its descriptor when it is collected, so that it must
	// have one of its own.
	dup, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 1, err
	}
	f := os.NewFile(uintptr(dup), "socket")
	defer f.Close()
	if code != backends.Accept {
		d.conn, err = net.FileConn(f)
		return 2, err
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return 2, err
	}
	d.ln = ln.(listener) // those for TCP and Unix sockets are; others cannot be made
	return 2, nil
}

// release lets go of what package net has, except of a connection that is the
// owner's descriptor itself.
func (d *desc) release() error {
	var errs []error
	if d.ln != nil {
		errs = append(errs, d.ln.Close())
	}
	if d.file != nil {
		errs = append(errs, d.file.Close())
	}
	if d.conn != nil && !d.own {
		errs = append(errs, d.conn.Close())
	}
	if d.anew != nil {
		errs = append(errs, d.anew.Close())
	}
	return errors.Join(errs...)
}

// close closes everything, the owner's descriptor too, and returns how many
// descriptors that were.
func (d *desc) close() (calls uint64, err error) {
	if d.file != nil {
		calls++
		d.file.Close()
	}
	if d.anew != nil {
		calls++
		d.anew.Close()
	}
	if d.own {
		return calls + 1, d.conn.Close()
	}
	calls++
	if d.conn != nil {
		calls++
		d.conn.Close()
	}
	if d.ln != nil {
		calls++
		d.ln.Close()
	}
	return calls, unix.Close(int(d.fd))
}

// half is the calls that an op shares a deadline with.
func (d *desc) half(c backends.Code) *half {
	if c.OnFile() {
		return &d.files
	}
	switch c {
	case backends.Accept:
		return &d.lin
	case backends.Recv, backends.RecvFrom:
		return &d.in
	}
	return &d.out
}

// busy reports whether a goroutine uses the descriptor.
func (d *desc) busy() bool { return d.lin.running+d.in.running+d.out.running+d.files.running > 0 }

// setDeadline sets the deadline that c has.
func (d *desc) setDeadline(c backends.Code, t time.Time) {
	switch {
	case c == backends.Accept:
		d.ln.SetDeadline(t)
	case receives(c):
		d.conn.SetReadDeadline(t)
	default:
		d.conn.SetWriteDeadline(t)
	}
}

// kick ends the running calls of a half.
func (d *desc) kick(c backends.Code) {
	d.half(c).kicked = true
	d.setDeadline(c, past)
}

// ended notes that a call of a half is over.
func (d *desc) ended(c backends.Code) {
	h := d.half(c)
	if h.running--; h.running == 0 && h.kicked {
		h.kicked = false
		d.setDeadline(c, time.Time{})
	}
}

// connect connects the socket that conn wraps. Package net dials with sockets
// of its own only, so this is the call that it would make, with its poller to
// wait: connect(2) made again tells what became of the first.
func (d *desc) connect(a *backends.Addr) error {
	raw, err := d.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var errno unix.Errno
	again := false
	err = raw.Write(func(fd uintptr) bool {
		errno = uapi.Connect(int32(fd), &a.Raw, a.Len)
		for errno == unix.EINTR {
			again = true
			errno = uapi.Connect(int32(fd), &a.Raw, a.Len)
		}
		wait := errno == unix.EINPROGRESS || errno == unix.EALREADY && again
		if errno == unix.EISCONN && again {
			errno = 0
		}
		again = true
		return !wait
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// number is the descriptor of an accepted connection.
func number(conn net.Conn) (fd int32, err error) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	err = raw.Control(func(n uintptr) { fd = int32(n) })
	return fd, err
}
