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

// push completes an op that has no entry.
func (l *loop) push(op *backends.Op, res backends.Result) { l.complete(op, res, nil, false) }

// finish ends the loan of an entry's op.
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
	l.complete(op, res, buf, false)
}

// complete hands out a completion: in the slice that Wait fills, where it stays,
// else by queueing it for the next.
func (l *loop) complete(op *backends.Op, res backends.Result, buf []byte, more bool) {
	var c *backends.Completion
	if l.filled < len(l.dst) && l.done.Len() == 0 {
		c = &l.dst[l.filled]
		l.filled++
		if !more {
			op.Loan = backends.Loan{}
		}
	} else {
		c = l.done.Add()
	}
	c.Op, c.Res, c.Buf, c.More = op, res, buf, more
}

// fill begins to fill dst: with what is queued.
func (l *loop) fill(dst []backends.Completion) {
	l.dst, l.filled = dst, 0
	for l.done.Len() > 0 && l.filled < len(dst) {
		c := l.done.Pop()
		if !c.More {
			c.Op.Loan = backends.Loan{}
		}
		dst[l.filled] = c
		l.filled++
	}
}
