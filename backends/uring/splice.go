package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The kernel hands every splice to a worker thread, whatever its flags
// (REQ_F_FORCE_ASYNC in io_uring/splice.c; before Linux 6.0 the request was
// tried and refused at once, to the same end). A worker must not wait there for
// the network, or a thousand idle connections would be a thousand threads: so a
// splice from a socket is submitted when a poll of that has fired, and no
// splice blocks.

// fromFile reports whether op is a Splice without a socket.
func fromFile(op *backends.Op) bool { return op.Code == backends.Splice && op.Off >= 0 }

// prepSplice writes a splice. SPLICE_F_NONBLOCK speaks of the pipe.
func (l *Loop) prepSplice(e *uapi.SQE, op *backends.Op) {
	const none = ^uint64(0)
	e.Opcode = uapi.OpSplice
	e.OpFlags = unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK
	e.Len, e.FileIndex = uint32(op.Len), uint32(op.In)
	e.Off, e.Addr = none, none
	switch {
	case op.Off >= 0:
		e.Addr = uint64(op.Off)
	case op.Off == backends.FromSocket && l.inTable(op):
		e.Flags &^= uapi.SQEFixedFile
		e.OpFlags |= uapi.SpliceFDInFixed
	}
}

// unblock makes op's socket O_NONBLOCK, once. What the table holds was accepted
// so.
func (l *Loop) unblock(op *backends.Op) {
	if op.Off >= 0 || l.inTable(op) {
		return
	}
	fd := op.Socket()
	if f := l.opsOn(l.place(fd)); !f.nonblock {
		_, err := backends.SetNonblock(&l.tally.Counters, fd, true)
		f.nonblock = err == nil // else the splice says what is wrong
	}
}

// spliceDone judges a splice. One that came too early polls; one with a file has
// nothing to wait for.
func (l *Loop) spliceDone(c *backends.Completion, i uint32, res backends.Result) bool {
	op := l.slots[i].op
	switch {
	case res < 0 && op.Off < 0:
		return l.failed(c, i, res)
	case res < 0:
	case op.Off == backends.FromSocket:
		l.tally.Counters[backends.BytesIn] += uint64(res)
	case op.Off == backends.FromPipe:
		l.tally.Counters[backends.BytesOut] += uint64(res)
		if res > 0 && int32(res) < op.Len {
			l.count(backends.ShortSends)
		}
	}
	return l.final(c, i, res)
}
