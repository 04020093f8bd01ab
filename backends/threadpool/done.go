package threadpool

import (
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

func (l *loop) queued() int { return len(l.done) - l.head }

// push queues the final completion of an op that has no entry.
func (l *loop) push(op *backends.Op, res backends.Result) {
	l.queue(backends.Completion{Op: op, Res: res})
}

// queue makes room by moving what is left to the front, so that the queue stops
// growing once it has held the most that is ever complete at one time.
func (l *loop) queue(c backends.Completion) {
	if len(l.done) == cap(l.done) && l.head > 0 {
		l.done = l.done[:copy(l.done, l.done[l.head:])]
		l.head = 0
	}
	l.done = append(l.done, c)
}

// finish ends the loan of an entry's op; the owner learns of it from reap.
func (l *loop) finish(e *entry, res backends.Result, buf []byte) {
	op := e.op
	if op.Code == backends.Send || op.Code == backends.Recv && op.Flags&backends.SelectBuf == 0 {
		backends.Unlend(op.Buf, op.Code == backends.Recv)
	}
	if e.restore {
		l.setNonblock(op.FD, false)
	}
	e.op = nil
	l.queue(backends.Completion{Op: op, Res: res, Buf: buf})
}

// reap hands completions out.
func (l *loop) reap(dst []backends.Completion) int {
	n := copy(dst, l.done[l.head:])
	for i := range dst[:n] {
		if c := &dst[i]; !c.More {
			c.Op.Loan = backends.Loan{}
		}
	}
	if l.head += n; l.head == len(l.done) {
		l.done, l.head = l.done[:0], 0
	}
	return n
}
