package gonet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// An entry is an op that is lent and not complete.
type entry struct {
	op        *backends.Op
	desc      *desc
	from      *desc  // Copy, Sendfile: where the bytes come from
	buf       []byte // Recv, RecvFrom, ReadAt: where the bytes go
	running   bool   // on a goroutine, which alone touches n, err and conn
	cancelled bool
	cancels   *backends.Op // Cancel ops that wait to hear what became of it, linked by Loan.Next
	ready     bool         // Recv: input is there
	dry       bool         // Recv: no buffer was left, and that was counted
	peek      [1]byte

	n      int
	err    error
	conn   net.Conn       // what Accept brought
	sender netip.AddrPort // and who sent what RecvFrom did
}

// call makes the entry's call and blocks as long as it does.
func (e *entry) call() {
	switch e.op.Code {
	case backends.Recv:
		e.n, e.err = e.desc.conn.Read(e.buf)
	case backends.Send:
		e.n, e.err = e.desc.conn.Write(e.op.Buf)
	case backends.RecvFrom:
		e.recvFrom()
	case backends.SendTo:
		e.sendTo()
	case backends.Accept:
		e.conn, e.err = e.desc.ln.Accept()
	case backends.Connect:
		e.err = e.desc.connect(e.op.Addr)
	case backends.Copy, backends.Sendfile:
		e.move()
	default:
		e.callFile()
	}
}

// run makes the call on a goroutine of its own. A receive only waits for input
// there, so that idle connections hold no buffer of the loop's.
func (e *entry) run(back chan<- *entry) {
	if e.awaits() {
		e.err = e.awaitInput()
	} else {
		e.call()
	}
	back <- e
}

// awaitInput blocks until a Read would not. An error that looking brings is the
// Read's: the kernel tells a reset once.
func (e *entry) awaitInput() error {
	raw, err := e.desc.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	errno := unix.EINTR
	err = raw.Read(func(fd uintptr) bool {
		for errno = unix.EINTR; errno == unix.EINTR; {
			_, errno = uapi.RecvRaw(int32(fd), e.peek[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		}
		return errno != unix.EAGAIN
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// kicked reports whether the call ended because of the deadline that kick set.
func (e *entry) kicked() bool { return e.err != nil && errors.Is(e.err, os.ErrDeadlineExceeded) }

// selects reports whether the loop chooses the entry's buffer.
func (e *entry) selects() bool {
	return (receives(e.op.Code) || e.op.Code == backends.ReadAt) && e.op.Flags&backends.SelectBuf != 0
}

// awaits reports whether the entry, on a goroutine, waits for input and leaves
// the Read to the loop. A receive of no bytes has nothing to wait for.
func (e *entry) awaits() bool {
	return receives(e.op.Code) && (e.selects() || len(e.buf) > 0)
}

// result is the outcome of a call in the contract's terms.
func result(err error) backends.Result {
	if err == nil || err == io.EOF {
		return 0
	}
	var errno unix.Errno // moved to the heap by errors.As
	switch {
	case errors.As(err, &errno):
		return backends.Fail(errno)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return backends.Fail(unix.ECANCELED)
	case errors.Is(err, net.ErrClosed):
		return backends.Fail(unix.EBADF)
	}
	return backends.Fail(unix.EIO)
}
