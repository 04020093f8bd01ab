package gonet

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// report takes an entry back from its goroutine.
func (l *loop) report(e *entry) {
	e.running = false
	l.running--
	e.desc.ended(e.op.Code)
	if e.from != nil {
		e.from.ended(backends.Recv)
	}
	switch {
	case !e.awaits() || e.err != nil:
		l.conclude(e)
	case e.cancelled: // the input stays where it is
		e.err = os.ErrDeadlineExceeded
		l.conclude(e)
	default:
		e.ready = true
		l.read(e)
	}
}

// conclude turns the outcome of a call into completions.
func (l *loop) conclude(e *entry) {
	op := e.op
	kicked := e.kicked()
	if kicked && e.n == 0 && !e.cancelled && op.Code != backends.Copy {
		e.err = nil // meant for another op; this one goes on
		return
	}
	more := false
	switch op.Code {
	case backends.Accept:
		more = l.accepted(e)
	case backends.Recv, backends.ReadAt:
		more = l.received(e)
	case backends.Send, backends.WriteAt:
		l.sent(e)
	case backends.RecvFrom:
		more = l.arrived(e)
	case backends.SendTo:
		l.sentTo(e)
	case backends.Copy, backends.Sendfile:
		l.movedOn(e)
	default:
		l.finish(e, result(e.err), nil)
	}
	if !e.cancelled {
		return
	}
	answer := backends.Fail(unix.ENOENT) // it had ended by itself
	if kicked || more {
		answer = 0
	}
	cancels := e.cancels
	if more {
		l.finish(e, backends.Fail(unix.ECANCELED), nil)
	}
	for cancels != nil {
		c := cancels
		cancels, c.Loan.Next = c.Loan.Next, nil
		l.push(c, answer)
	}
}

// accepted hands a connection out by its descriptor's number. more: the accept
// goes on.
func (l *loop) accepted(e *entry) (more bool) {
	if e.err != nil {
		l.finish(e, result(e.err), nil)
		return false
	}
	conn := e.conn
	e.conn = nil
	fd, err := number(conn)
	if err != nil {
		conn.Close()
		l.finish(e, result(err), nil)
		return false
	}
	accepted.put(fd, conn)
	if e.op.Flags&backends.Multishot == 0 {
		l.finish(e, backends.Result(fd), nil)
		return false
	}
	l.done.Push(backends.Completion{Op: e.op, Res: backends.Result(fd), More: true})
	return true
}

func (l *loop) received(e *entry) (more bool) {
	if e.n <= 0 {
		l.finish(e, result(e.err), nil)
		return false
	}
	c := l.moved(e)
	if e.op.Flags&backends.Multishot != 0 && e.op.Code == backends.Recv {
		c.More = true
		l.done.Push(c)
		return true
	}
	l.finish(e, c.Res, c.Buf)
	return false
}

func (l *loop) sent(e *entry) {
	if e.n <= 0 && e.err != nil {
		l.finish(e, result(e.err), nil)
		return
	}
	c := l.moved(e)
	l.finish(e, c.Res, nil)
}

// moved is the completion of a Read or Write that moved bytes.
func (l *loop) moved(e *entry) backends.Completion {
	c := backends.Completion{Op: e.op, Res: backends.Result(e.n)}
	if e.op.Code == backends.Send || e.op.Code == backends.WriteAt {
		l.tally.Counters[backends.BytesOut] += uint64(e.n)
		if e.n < len(e.op.Buf) {
			l.tally.Counters[backends.ShortSends]++
		}
	} else {
		l.tally.Counters[backends.BytesIn] += uint64(e.n)
		if e.selects() {
			c.Buf, e.buf = e.buf[:e.n], nil
		}
	}
	e.n = 0
	return c
}

// push queues the final completion of an op that has no entry.
func (l *loop) push(op *backends.Op, res backends.Result) {
	l.done.Push(backends.Completion{Op: op, Res: res})
}

// finish ends the loan of an entry's op; the owner learns of it from reap.
func (l *loop) finish(e *entry, res backends.Result, buf []byte) {
	op := e.op
	l.drop(e)
	l.done.Push(backends.Completion{Op: op, Res: res, Buf: buf})
}

// drop takes an entry out.
func (l *loop) drop(e *entry) {
	if e.desc.corked {
		l.uncork(e)
	}
	switch {
	case e.selects():
		if e.buf != nil {
			l.pool.Put(e.buf)
		}
	case receives(e.op.Code) || e.op.Code == backends.ReadAt:
		backends.Unlend(e.op.Buf, true)
	case sends(e.op.Code) || e.op.Code == backends.WriteAt:
		backends.Unlend(e.op.Buf, false)
	}
	if len(l.ops) == 1 {
		l.ops = l.ops[:0] // as nearly always
	} else {
		i := slices.Index(l.ops, e)
		l.ops = slices.Delete(l.ops, i, i+1)
	}
	l.free = append(l.free, e)
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
