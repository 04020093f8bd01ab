package null

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// file completes an op on a file, of which there is none: all of the buffer is
// moved, and nothing is in it but what was there before.
func (l *loop) file(op *backends.Op) {
	c := backends.Completion{Op: op}
	switch {
	case op.FD < 0 || op.FD > MaxFD:
		c.Res = backends.Fail(unix.EBADF)
	case op.Off < 0 && (op.Code == backends.ReadAt || op.Code == backends.WriteAt):
		c.Res = backends.Fail(unix.EINVAL)
	case op.Code == backends.WriteAt:
		c.Res = moved(op.Buf)
		l.tally.Counters[backends.BytesOut] += uint64(c.Res)
	case op.Code == backends.ReadAt:
		buf := op.Buf
		if op.Flags&backends.SelectBuf != 0 {
			if buf = l.pool.Get(); buf == nil {
				l.tally.Counters[backends.NoBufs]++
				l.reads.push(op)
				return
			}
			c.Buf = buf
		}
		c.Res = moved(buf)
		l.tally.Counters[backends.BytesIn] += uint64(c.Res)
	}
	op.Loan.Gen = ended
	l.done.push(c)
}

// moved is the length of b, as far as a Result can tell of it.
func moved(b []byte) backends.Result { return backends.Result(min(len(b), 1<<31-1)) }
