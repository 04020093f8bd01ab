package epoll

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
)

// inPool is what Loan.Slot of an op exceeds the index of its job by.
const inPool = 2

// files is what a loop has once it has met a file.
type files struct {
	*pool
	free    []uint32                 // jobs
	waiting fifo.Queue[*backends.Op] // not with the pool yet; nil: cancelled
	starved fifo.Queue[*backends.Op] // of those, reads that found no buffer
	closing fifo.Queue[*backends.Op] // Close ops that wait for jobs on their descriptor
	busy    int                      // jobs with the pool
	started int                      // threads
	back    []uint32                 // finished jobs, while they are put in order
}

// openFiles makes the pool, without threads yet.
func (l *Loop) openFiles() unix.Errno {
	if backends.OwnsDescriptors() {
		return unix.EBADF // the pool's threads see other files by these numbers
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	l.Tally.Counters[backends.SysOther]++
	if err != nil {
		return err.(unix.Errno)
	}
	// Edge-triggered, so that nobody has to read it.
	l.forget(int32(fd))
	if errno := l.watch(int32(fd), l.at(int32(fd)), unix.EPOLLIN|unix.EPOLLET); errno != 0 {
		l.Tally.Counters[backends.SysOther]++
		unix.Close(fd)
		return errno
	}
	need := int32(l.threads + 1)
	raw := !l.through
	if raw && int(holders.Add(need)) >= runtime.GOMAXPROCS(0) {
		holders.Add(-need)
		raw = false
	}
	p := &pool{calls: l.fileCalls(raw), raw: raw, jobs: make([]job, l.entries), line: make([]atomic.Uint32, l.entries),
		threads: make([]thread, l.threads), eventfd: int32(fd)}
	f := &files{pool: p, back: make([]uint32, 0, l.entries), free: make([]uint32, l.entries)}
	for i := range f.free {
		f.free[i] = uint32(len(f.free) - 1 - i)
	}
	l.files = f
	l.shared.Store(p)
	return 0
}

// submitFile notes op. The pool gets it at the next Wait, with all others that
// are submitted until then, or at once if it is prompt.
func (l *Loop) submitFile(op *backends.Op) {
	errno := unix.Errno(0)
	switch {
	case op.FD < 0:
		errno = unix.EBADF
	case op.Off < 0 && (op.Code == backends.ReadAt || op.Code == backends.WriteAt):
		errno = unix.EINVAL
	case l.files == nil:
		errno = l.openFiles()
	}
	if errno != 0 {
		l.finish(op, backends.Fail(errno), nil, false)
		return
	}
	switch {
	case op.Code == backends.WriteAt:
		backends.Lend(op.Buf, false)
	case op.Code == backends.ReadAt && !chooses(op):
		if l.poison {
			backends.Poison(op.Buf)
		}
		backends.Lend(op.Buf, true)
	}
	l.files.waiting.Push(op)
	if op.Flags&backends.Prompt != 0 {
		l.turnFiles()
	}
}

// chooses reports whether the loop chooses the buffer of file op.
func chooses(op *backends.Op) bool {
	return op.Code == backends.ReadAt && op.Flags&backends.SelectBuf != 0
}

// turnFiles takes what has finished and gives the pool what waits.
func (l *Loop) turnFiles() {
	f := l.files
	if f.finished.Load() != 0 {
		l.reapFiles()
	}
	if f.waiting.Len() == 0 && f.starved.Len() == 0 {
		return
	}
	n := 0
	for f.starved.Len() > 0 && l.pool.Len() > 0 && len(f.free) > 0 {
		if op := f.starved.Pop(); op != nil {
			l.addJob(op, n)
			n++
		}
	}
	for f.waiting.Len() > 0 && len(f.free) > 0 {
		op := f.waiting.Pop()
		switch {
		case op == nil:
		case chooses(op) && l.pool.Len() == 0:
			l.Tally.Counters[backends.NoBufs]++
			f.starved.Push(op)
		default:
			l.addJob(op, n)
			n++
		}
	}
	if n == 0 {
		return
	}
	f.busy += n
	l.Tally.Counters[backends.SysThreads] += f.handOver(n)
	if !f.raw && !l.through {
		l.Tally.Counters[backends.Scheduled] += uint64(n)
	}
	for f.started < len(f.threads) && f.started < f.busy {
		f.done.Add(1)
		go f.work(&f.threads[f.started])
		f.started++
	}
}

// addJob puts op behind the n jobs that are about to be handed over.
func (l *Loop) addJob(op *backends.Op, n int) {
	f := l.files
	i := f.free[len(f.free)-1]
	f.free = f.free[:len(f.free)-1]
	j := &f.jobs[i]
	j.op, j.code, j.fd, j.off, j.buf = op, op.Code, op.FD, op.Off, op.Buf
	if chooses(op) {
		j.buf = l.pool.Get()
		if l.poison {
			backends.Poison(j.buf)
		}
		backends.Lend(j.buf, true)
	}
	if len(j.buf) > maxTransfer {
		j.buf = j.buf[:maxTransfer]
	}
	j.state.Store(queued)
	op.Loan.Slot = inPool + i
	f.line[(f.tail.Load()+uint32(n))&uint32(len(f.line)-1)].Store(i)
}

// maxTransfer is what a Result can tell of; read(2) moves no more than a page less.
const maxTransfer = 1<<31 - 1

// reapFiles ends the ops whose jobs have come back, first come first.
func (l *Loop) reapFiles() {
	f := l.files
	f.back = f.back[:0]
	for i := f.finished.Swap(0); i != 0; i = f.jobs[i-1].next {
		f.back = append(f.back, i-1)
	}
	f.busy -= len(f.back)
	for k := len(f.back) - 1; k >= 0; k-- {
		i := f.back[k]
		if j := &f.jobs[i]; j.op != nil {
			l.endJob(j, j.res)
		}
		f.free = append(f.free, i)
	}
	for n := f.closing.Len(); n > 0; n-- {
		if op := f.closing.Pop(); f.uses(op.FD) {
			f.closing.Push(op)
		} else {
			l.closeNow(op)
		}
	}
}

// endJob completes the op of a job that no thread has any more.
func (l *Loop) endJob(j *job, res backends.Result) {
	op, buf := j.op, j.buf
	j.op, j.buf = nil, nil
	switch {
	case res <= 0:
	case op.Code == backends.ReadAt:
		l.Tally.Counters[backends.BytesIn] += uint64(res)
	case op.Code == backends.WriteAt:
		l.Tally.Counters[backends.BytesOut] += uint64(res)
		if int(res) < len(op.Buf) {
			l.Tally.Counters[backends.ShortSends]++
		}
	}
	if !chooses(op) {
		l.endFile(op, res)
		return
	}
	backends.Unlend(buf, true)
	if res > 0 {
		l.finish(op, res, buf[:res], false)
		return
	}
	l.pool.Put(buf)
	l.finish(op, res, nil, false)
}

// endFile completes an op that has no buffer of the loop's.
func (l *Loop) endFile(op *backends.Op, res backends.Result) {
	if op.Code == backends.WriteAt || op.Code == backends.ReadAt && !chooses(op) {
		backends.Unlend(op.Buf, op.Code == backends.ReadAt)
	}
	l.finish(op, res, nil, false)
}

// cancelFile ends op unless a thread works on it.
func (l *Loop) cancelFile(op *backends.Op) backends.Result {
	f := l.files
	if op.Loan.Slot >= inPool {
		j := &f.jobs[op.Loan.Slot-inPool]
		if !j.state.CompareAndSwap(queued, cancelled) {
			return backends.Fail(unix.EALREADY)
		}
		l.endJob(j, backends.Fail(unix.ECANCELED))
		return 0
	}
	forgetOp(&f.waiting, op)
	forgetOp(&f.starved, op)
	l.endFile(op, backends.Fail(unix.ECANCELED))
	return 0
}

func forgetOp(q *fifo.Queue[*backends.Op], op *backends.Op) {
	for i := range q.Len() {
		if *q.At(i) == op {
			*q.At(i) = nil
		}
	}
}

// uses reports whether the pool has a job on fd that is not cancelled.
func (f *files) uses(fd int32) bool {
	for i := range f.jobs {
		if j := &f.jobs[i]; j.op != nil && j.fd == fd {
			return true
		}
	}
	return false
}

// cancelFiles ends the ops on fd, or with -1 all, that no thread works on.
func (l *Loop) cancelFiles(fd int32) {
	f := l.files
	for _, q := range []*fifo.Queue[*backends.Op]{&f.waiting, &f.starved} {
		for i := range q.Len() {
			if op := *q.At(i); op != nil && (fd < 0 || op.FD == fd) {
				l.cancelFile(op)
			}
		}
	}
	if f.busy == 0 {
		return
	}
	for i := range f.jobs {
		if op := f.jobs[i].op; op != nil && (fd < 0 || op.FD == fd) {
			l.cancelFile(op)
		}
	}
}

// holdClose cancels the file ops on op.FD, and keeps op, a Close, while a thread
// works on one that cannot be.
func (l *Loop) holdClose(op *backends.Op) bool {
	l.cancelFiles(op.FD)
	if l.files.busy == 0 || !l.files.uses(op.FD) {
		return false
	}
	l.files.closing.Push(op)
	return true
}

// closeFiles waits for what the threads do and ends them.
func (l *Loop) closeFiles() {
	f := l.files
	l.cancelFiles(-1)
	f.stop()
	l.reapFiles()
	l.Tally.Counters[backends.SysThreads]++ // to wake them
	l.Tally.Counters[backends.SysOther]++
	unix.Close(int(f.eventfd))
}
