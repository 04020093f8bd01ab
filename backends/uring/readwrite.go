package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A fileBufs is the buffers of the loop's that files are read into: a pool of
// their own, mapped at the first such read. Those of Loop.pool may all be with
// the kernel, for receives, and a read needs its buffer when it is submitted.
type fileBufs struct {
	pool    *backends.Pool // nil: nothing was read yet
	n, size int
	starved list // reads that wait for a buffer
}

// readsChosen reports whether op is a read into a buffer of the loop's.
func readsChosen(op *backends.Op) bool {
	return op.Code == backends.ReadAt && op.Flags&backends.SelectBuf != 0
}

// checkFile refuses what the kernel would take for something else: an offset of
// -1 is the descriptor's own position.
func (l *Loop) checkFile(op *backends.Op) unix.Errno {
	if op.Off < 0 && (op.Code == backends.ReadAt || op.Code == backends.WriteAt) {
		return unix.EINVAL
	}
	if readsChosen(op) && l.reads.pool == nil {
		return l.mapReads()
	}
	return 0
}

func (l *Loop) mapReads() unix.Errno {
	var err error
	if l.reads.pool, err = backends.NewPool(l.reads.n, l.reads.size, l.poison); err != nil {
		return unix.ENOMEM
	}
	return 0
}

// chooseRead gets slot i, a read, a buffer. It returns false, and parks the
// slot, when there is none.
func (l *Loop) chooseRead(i uint32) bool {
	s := &l.slots[i]
	if s.buf >= 0 {
		return true // from before, when it was tried and taken back
	}
	buf := l.reads.pool.Get()
	if buf == nil {
		l.count(backends.NoBufs)
		s.state = parked
		l.push(&l.reads.starved, i)
		return false
	}
	if l.poison {
		backends.Poison(buf)
	}
	backends.Lend(buf, true)
	s.buf = int32(l.reads.pool.Index(buf))
	return true
}

// parkedIn is the list in which slot i waits for a buffer.
func (l *Loop) parkedIn(i uint32) *list {
	switch op := l.slots[i].op; {
	case op.Code == backends.ReadAt:
		return &l.reads.starved
	case l.bufs != nil && l.takesOnce(op):
		return &l.singles
	}
	return &l.parked
}

// feedReads starts as many reads as buffers have come back for.
func (l *Loop) feedReads() {
	for n := l.reads.pool.Len(); n > 0 && l.reads.starved.head != 0; n-- {
		i := l.reads.starved.head
		l.remove(&l.reads.starved, i)
		l.enqueue(i)
	}
}

func (l *Loop) prepFile(e *uapi.SQE, s *slot) {
	op := s.op
	buf := op.Buf
	switch op.Code {
	case backends.Fsync:
		e.Opcode = uapi.OpFsync
		return
	case backends.Fdatasync:
		e.Opcode, e.OpFlags = uapi.OpFsync, uapi.FsyncDatasync
		return
	case backends.ReadAt:
		e.Opcode = uapi.OpRead
		if readsChosen(op) {
			buf = l.reads.pool.At(int(s.buf))
		}
	case backends.WriteAt:
		e.Opcode = uapi.OpWrite
	}
	e.Off, e.Addr, e.Len = uint64(op.Off), address(buf), uint32(min(len(buf), maxTransfer))
	if !l.feat.has(fixedBuffers) || len(buf) == 0 {
		return
	}
	if index, ok := l.fixed.index(buf); ok {
		if op.Code == backends.WriteAt {
			e.Opcode = uapi.OpWriteFixed
		} else {
			e.Opcode = uapi.OpReadFixed
		}
		e.BufIndex = index
	}
}

// onFixed reports whether op reads or writes a file by a registered buffer, as all
// are that a read may be given.
func (l *Loop) onFixed(op *backends.Op) bool {
	switch {
	case !l.feat.has(fixedBuffers) || op.Code != backends.ReadAt && op.Code != backends.WriteAt:
		return false
	case readsChosen(op):
		return true
	}
	_, ok := l.fixed.index(op.Buf)
	return ok && len(op.Buf) > 0
}

// maxTransfer is what a Result can tell of; the kernel moves no more than a page less.
const maxTransfer = 1<<31 - 1

// fileDone completes a file op.
func (l *Loop) fileDone(c *backends.Completion, i uint32, res backends.Result) bool {
	s := &l.slots[i]
	if l.onFixed(s.op) { // not before, as it may have been taken back
		l.count(backends.FixedFileOps)
	}
	var buf []byte
	switch {
	case s.op.Code == backends.WriteAt && res >= 0:
		l.sent(s.op, res)
	case s.op.Code == backends.ReadAt && res > 0:
		l.tally.Counters[backends.BytesIn] += uint64(res)
	}
	if s.buf >= 0 {
		buf = l.reads.pool.At(int(s.buf))
		backends.Unlend(buf, true)
		if res <= 0 {
			l.reads.pool.Put(buf)
			buf = nil
		} else {
			buf = buf[:res]
		}
	}
	l.final(c, i, res)
	c.Buf = buf
	return true
}

// movedAll reports whether a read or write has filled its buffer or emptied it,
// which is when the kernel starts what is linked to it.
func (l *Loop) movedAll(op *backends.Op, res backends.Result) bool {
	if readsChosen(op) {
		return int(res) == l.reads.size
	}
	return int(res) == len(op.Buf)
}
