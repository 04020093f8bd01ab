package threadpool

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// result is the outcome of a call that gives no count.
func result(err error) backends.Result {
	if err == nil {
		return 0
	}
	if errno, ok := err.(unix.Errno); ok {
		return backends.Fail(errno)
	}
	return backends.Fail(unix.EIO)
}

// push queues the final completion of an op that has no entry.
func (l *loop) push(op *backends.Op, res backends.Result) {
	l.done.Push(backends.Completion{Op: op, Res: res})
}

// finish ends the loan of an entry's op; the owner learns of it from reap.
func (l *loop) finish(e *entry, res backends.Result, buf []byte) {
	op := e.op
	switch op.Code {
	case backends.Send, backends.SendTo, backends.WriteAt:
		backends.Unlend(op.Buf, false)
	case backends.Recv, backends.RecvFrom, backends.ReadAt:
		if op.Flags&backends.SelectBuf == 0 {
			backends.Unlend(op.Buf, true)
		}
	}
	if e.restore && !slices.Contains(l.nonblock, op.FD) { // else a Splice or a Sendfile relies on it
		backends.SetNonblock(&l.tally.Counters, op.FD, false)
	}
	e.op = nil
	l.done.Push(backends.Completion{Op: op, Res: res, Buf: buf})
}

// reap hands completions out.
func (l *loop) reap(dst []backends.Completion) int {
	n := min(len(dst), l.done.Len())
	for i := range dst[:n] {
		dst[i] = l.done.Pop()
		if !dst[i].More {
			dst[i].Op.Loan = backends.Loan{}
		}
	}
	return n
}
