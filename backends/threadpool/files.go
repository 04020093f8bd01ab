package threadpool

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// chooses reports whether the loop chooses op's buffer.
func chooses(op *backends.Op) bool {
	return op.Flags&backends.SelectBuf != 0 && (receives(op.Code) || op.Code == backends.ReadAt)
}

// nextFile makes the call of the first file op that has what it needs; false
// when there is none. A run of them is broken by a look at the descriptors and
// at the clock.
func (l *loop) nextFile() (done bool, err error) {
	for i := range l.ops {
		e := &l.ops[i]
		if !e.op.Code.OnFile() || l.isDry(e) {
			continue
		}
		if l.passed++; l.passed >= maxPassed && (len(l.ops) > 1 || l.next() != forever) {
			_, err = l.poll(0)
			return true, err
		}
		l.attempt(i, true)
		l.sweep()
		return true, nil
	}
	return false, nil
}

// seats is how many loops of the process enter raw for files.
var seats atomic.Int32

// seat decides, when the loop has its first op on a file, how its calls are
// entered. Through the scheduler each gives up its P and takes one again: cached
// reads of 4 KiB took 1.04 and 1.24 of the CPU of fio's threads in pread, with depth
// 1 and 32, and take 0.95 and 1.02 raw (five rounds, TestFio -long). A loop that
// enters raw keeps its P while it blocks, so it needs one to itself, and one has to
// be left for everything else.
func (l *loop) seat() {
	l.seated = true
	if !l.raw {
		return
	}
	if int(seats.Add(1)) >= runtime.GOMAXPROCS(0) {
		seats.Add(-1)
		l.raw, l.scheduled = false, true
		return
	}
	l.pread, l.pwrite, l.fsync = uapi.PreadRaw, uapi.PwriteRaw, uapi.FsyncRaw
}

func (l *loop) leave() {
	if l.seated && l.raw {
		seats.Add(-1)
	}
}

// doFile makes the call of a file op, which always blocks and always ends it.
func (l *loop) doFile(e *entry) {
	if !l.seated {
		l.seat()
	}
	if l.scheduled {
		l.tally.Counters[backends.Scheduled]++
	}
	op := e.op
	switch op.Code {
	case backends.ReadAt:
		l.doRead(e)
	case backends.WriteAt:
		n, errno := 0, unix.EINTR
		for errno == unix.EINTR {
			l.enter(backends.SysSend, true)
			n, errno = l.pwrite(op.FD, capped(op.Buf), op.Off)
			l.interrupted(errno)
		}
		if errno == 0 {
			l.tally.Counters[backends.BytesOut] += uint64(n)
			if n < len(op.Buf) {
				l.tally.Counters[backends.ShortSends]++
			}
		}
		l.finish(e, moved(n, errno), nil)
	default:
		errno := unix.EINTR
		for errno == unix.EINTR {
			l.enter(backends.SysOther, true)
			errno = l.fsync(op.FD, op.Code == backends.Fdatasync)
			l.interrupted(errno)
		}
		l.finish(e, backends.Fail(errno), nil)
	}
}

func (l *loop) doRead(e *entry) {
	op := e.op
	buf, chosen := capped(op.Buf), chooses(op)
	if chosen {
		buf = l.pool.Get()
		if l.config.Poison {
			backends.Poison(buf)
		}
	}
	n, errno := 0, unix.EINTR
	for errno == unix.EINTR {
		l.enter(backends.SysRecv, true)
		n, errno = l.pread(op.FD, buf, op.Off)
		l.interrupted(errno)
	}
	if errno == 0 {
		l.tally.Counters[backends.BytesIn] += uint64(n)
	}
	switch {
	case !chosen:
		l.finish(e, moved(n, errno), nil)
	case errno != 0 || n == 0:
		l.pool.Put(buf)
		l.finish(e, moved(n, errno), nil)
	default:
		l.finish(e, backends.Result(n), buf[:n])
	}
}

// capped is as much of b as a Result can tell of.
func capped(b []byte) []byte { return b[:min(len(b), 1<<31-1)] }

// moved is the outcome of a call that gives a count.
func moved(n int, errno unix.Errno) backends.Result {
	if errno != 0 {
		return backends.Fail(errno)
	}
	return backends.Result(n)
}
