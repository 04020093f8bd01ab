package uring

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// An enterFunc is io_uring_enter(2); tests put one in that fails.
type enterFunc func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno)

// A Loop is one ring. It implements backends.Loop.
type Loop struct {
	tally backends.Tally
	ring  *ring
	enter enterFunc
	feat  caps

	waits   gathering
	workers [2]uint32 // the thread's bounds of kernel workers before this loop
	slots   []slot
	free    uint32  // head of the free list
	live    int     // slots in use
	fds     []fdOps // by key
	files   int32   // slots of the table of accepted connections; 0: none
	queue   list    // ops that wait for a submission entry
	parked  list    // receives that wait for a buffer
	singles list    // those that wait for one of single
	ready   list    // ops that completed without the kernel

	chains *chains     // nil: the flag Link is ignored
	groups *sendGroups // nil: no send bundles
	fixed  fixedBufs   // nil: the kernel knows no pool
	reads  fileBufs
	table  *fileTable // nil: no descriptor is registered
	hands  *hands     // nil: loops accept each for itself

	pool    *backends.Pool
	bufs    *bufRing       // nil: the loop chooses from pool by itself
	single  *backends.Pool // where the kernel chooses from pool: for datagrams that are received once; mapped at first use
	reserve int            // buffers kept for receives that have data
	poison  bool

	arena   *backends.Arena
	scratch []scratch          // one a submission entry
	arg     *uapi.GetEventsArg // of a wait with a time limit; points to ts
	ts      *uapi.Timespec
	bundle  bundle         // being handed out
	stalls  int            // enters in a row that achieved nothing
	untold  error          // of the kernel's, met when there was something to hand out
	alone   backends.Flags // of ops that enter the kernel by themselves
	early   bool           // one has
	skipped int            // see overdue
	closed  bool

	straight      bool // see goesStraight
	straightWaits bool // see waitsStraight

	messages messages            // of receives from an address
	requests map[uint32]*Request // by slot
	known    *uapi.Probe         // the kernel's operations, once asked for
	draining bool                // Close is under way: completions have no owner
}

// Submit implements backends.Loop.
func (l *Loop) Submit(op *backends.Op) (done bool) {
	if op.Loan.Slot != 0 {
		panic("backends/uring: Submit of an op that is lent")
	}
	if l.closed {
		panic("backends/uring: Submit on a closed loop")
	}
	if l.straight && op.Code == backends.Send && l.sendStraight(op) {
		return false
	}
	i := l.take(op)
	if l.chains == nil || !l.gather(i) {
		l.launch(i)
	}
	if op.Flags&(l.alone|backends.Link) == backends.Prompt || l.feat.has(naive) {
		l.submitAlone()
	}
	return false
}

// launch starts slot i, which is in no list.
func (l *Loop) launch(i uint32) {
	op := l.slots[i].op
	if !l.admit(i) {
		return
	}
	switch op.Code {
	case backends.Shutdown:
		if l.inTable(op) {
			l.joinFD(i, l.key(op))
			l.enqueue(i)
			break
		}
		l.shutdown(i)
	case backends.Cancel:
		l.submitCancel(i)
	case backends.Close:
		l.submitClose(i)
	case backends.Accept:
		if l.hands != nil && op.Flags&backends.Multishot != 0 && !l.join(i) {
			l.slots[i].state = expecting
			break
		}
		l.enqueue(i)
	default:
		l.enqueue(i)
	}
}

// admit checks slot i and enters it where a Close will find it, unless gather
// has, and gives it what it needs. It returns false when the op has ended, in
// error.
func (l *Loop) admit(i uint32) bool {
	s := &l.slots[i]
	op, known := s.op, s.fd >= 0
	if !known {
		if errno := l.check(op); errno != 0 {
			l.finish(i, backends.Fail(errno))
			return false
		}
	}
	if op.Code == backends.RecvFrom && s.msg == nil && !l.staysArmed(op) && !l.provideOnce(i) {
		l.finish(i, backends.Fail(unix.ENOMEM))
		return false
	}
	if !known && usesFD(op.Code) {
		l.enroll(i)
	}
	return true
}

// usesFD reports whether the kernel has an op of that code in flight on its
// descriptor, for a Close to end.
func usesFD(code backends.Code) bool {
	switch code {
	case backends.Accept, backends.Connect, backends.Recv, backends.Send, backends.RecvFrom, backends.SendTo, backends.Splice:
		return true
	}
	return code.OnFile()
}

// enroll lends slot i's buffer and lists the op with its descriptor.
func (l *Loop) enroll(i uint32) {
	op := l.slots[i].op
	l.lend(op)
	l.joinFD(i, l.key(op))
	if op.Code == backends.Splice {
		l.unblock(op)
	}
}

// check refuses what the kernel must not see.
func (l *Loop) check(op *backends.Op) unix.Errno {
	switch op.Code {
	case backends.Nop, backends.Timeout, backends.Cancel:
		return 0
	case backends.Shutdown:
		if !l.inTable(op) {
			return 0
		}
	case backends.Connect:
		if op.Addr == nil || op.Addr.Len > uint32(unsafe.Sizeof(op.Addr.Raw)) {
			return unix.EINVAL
		}
	case backends.Recv:
		if op.Flags&backends.SelectBuf == 0 && (op.Flags&backends.Multishot != 0 || len(op.Buf) == 0) {
			return unix.EINVAL
		}
	case backends.RecvFrom, backends.SendTo:
		if errno := l.checkDatagram(op); errno != 0 {
			return errno
		}
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		if errno := l.checkFile(op); errno != 0 {
			return errno
		}
	case backends.Splice:
		if errno := op.BadMove(); errno != 0 {
			return errno
		}
	case backends.Accept, backends.Send, backends.Close:
	default: // LinkTimeout too, where it is not part of a chain
		return unix.EINVAL
	}
	if fd := op.Socket(); fd < 0 || fd >= maxFD || l.inTable(op) && fd >= l.files {
		return unix.EBADF
	}
	if k := l.key(op); int(k) < len(l.fds) && l.fds[k].closing != 0 {
		return unix.EBADF
	}
	return 0
}

func (l *Loop) lend(op *backends.Op) {
	switch {
	case sends(op.Code) || op.Code == backends.WriteAt:
		backends.Lend(op.Buf, false)
	case (receives(op.Code) || op.Code == backends.ReadAt) && op.Flags&backends.SelectBuf == 0:
		if l.poison {
			backends.Poison(op.Buf)
		}
		backends.Lend(op.Buf, true)
	}
}

// Wait implements backends.Loop: in the steady state one io_uring_enter, or
// none when enough has completed already and nothing is to be submitted.
func (l *Loop) Wait(dst []backends.Completion, min int, timeout time.Duration) (int, error) {
	if l.straightWaits && min == 1 && timeout < 0 && len(dst) > 0 {
		if n := l.waitStraight(dst); n > 0 {
			return n, nil
		}
	}
	if l.closed {
		return 0, errors.New("uring: Wait on a closed loop")
	}
	if err := l.untold; err != nil {
		l.untold = nil
		return 0, err
	}
	if min > len(dst) {
		min = len(dst)
	}
	var deadline time.Time
	switch {
	case timeout == 0:
		min = 0
	case timeout > 0:
		deadline = time.Now().Add(timeout)
	}
	want := l.waits.want(min, len(dst))
	n := 0
	for entered := false; ; entered = true {
		if l.chains != nil {
			l.settle()
		}
		if l.reads.starved.head != 0 {
			l.feedReads()
		}
		starving := l.unpark()
		l.flush()
		n += l.reapReady(dst[n:])
		over := l.ring.overflowed()
		if over {
			l.count(backends.Overflows)
			n += l.reap(dst[n:]) // makes room for what the kernel holds
		}
		have := n + l.ring.ready()
		if l.bundle.left > 0 {
			have++
		}
		if !over && !starving && l.idle() && have >= want && (have > 0 || entered) && !l.overdue() {
			l.tally.Publish()
			return n + l.reap(dst[n:]), nil
		}
		need, limit := want-have, timeout
		if want > min {
			want, limit = min, l.waits.limit(timeout) // for the batch once, then for what must be
		}
		if starving || l.queue.head != 0 {
			need = 0
		}
		err := l.turn(need, limit)
		rest := l.queue.head != 0 || l.ring.unsubmitted() != 0
		n += l.reap(dst[n:])
		switch {
		case err != nil && n == 0:
			return 0, err
		case err != nil: // of completions that were dropped the kernel tells once
			l.untold = err
			return n, nil
		case n >= min && (!rest || l.ring.ready() > len(l.ring.cqes)/2):
			return n, nil
		}
		if timeout > 0 {
			switch timeout = time.Until(deadline); {
			case timeout <= 0 && !rest && !starving:
				return n, nil // the kernel has just been asked
			case timeout <= 0:
				timeout, min = 0, 0
			}
		}
	}
}

// idle reports whether the kernel has been given everything.
func (l *Loop) idle() bool {
	return l.queue.head == 0 && l.ring.tail == l.ring.sqTail.Load() && (l.ring.sqpoll || l.ring.unsubmitted() == 0)
}

// turn enters the kernel once: submits, runs deferred work and waits for need
// completions, at most for timeout where it is not negative.
func (l *Loop) turn(need int, timeout time.Duration) error {
	if l.bufs != nil {
		l.bufs.publish()
	}
	submit := l.ring.publish()
	flags := l.ring.enterOr | uapi.EnterGetEvents
	if l.ring.sqpoll {
		switch {
		case submit > 0 && l.ring.sqFlags.Load()&uapi.SQNeedWakeup != 0:
			flags |= uapi.EnterSQWakeup
		case need <= 0 && l.queue.head == 0 && !l.ring.overflowed():
			l.tally.Publish()
			return nil // the polling thread needs no call
		}
		if l.queue.head != 0 {
			flags |= uapi.EnterSQWait
		}
	}
	var arg unsafe.Pointer
	var size uintptr
	if need > 0 && timeout >= 0 {
		var more uint32
		more, arg, size = l.timed(timeout)
		flags |= more
	}
	l.count(backends.SysWait)
	l.tally.Publish()
	n, errno := l.enter(l.ring.enterFD, submit, uint32(max(need, 0)), flags, arg, size)
	return l.entered(n, submit, errno)
}

// entered judges an enter that was to submit so many and has submitted n.
func (l *Loop) entered(n int, submit uint32, errno unix.Errno) error {
	if errno == 0 && (n > 0 || submit == 0) || errno == unix.ETIME {
		l.stalls = 0
		if l.chains != nil && uint32(n) < submit && !l.ring.sqpoll {
			return l.mend()
		}
		return nil
	}
	return l.hindered(errno)
}

// maxStalls bounds how often the kernel may refuse in a row before the loop
// gives up: about half a second.
const maxStalls = 500

// hindered decides on an enter that achieved nothing. Completions that wait to
// be reaped may be the cause, so the caller reaps and tries again.
func (l *Loop) hindered(errno unix.Errno) error {
	switch errno {
	case unix.EINTR:
		// Perhaps the runtime asks the goroutine to stop; a raw call does not see it.
		l.count(backends.Interrupts)
		runtime.Gosched()
		return nil
	case 0, unix.EAGAIN, unix.EBUSY, unix.ENOMEM:
		if errno == unix.EAGAIN {
			l.count(backends.Again)
		}
		if l.ring.ready() > 0 {
			return nil
		}
		if l.stalls++; l.stalls <= maxStalls {
			if l.stalls > 10 {
				time.Sleep(time.Millisecond)
			}
			return nil
		}
		l.stalls = 0
		return fmt.Errorf("uring: the kernel takes no more requests (%w): lower the load or raise the memory limit of this process", errno)
	case unix.EEXIST:
		return fmt.Errorf("uring: Wait on a thread other than the one that opened the loop (%w): call all its methods from the goroutine of Open", errno)
	case unix.EBADR:
		return fmt.Errorf("uring: the kernel had no memory for completions and dropped some (%w): lower the load", errno)
	}
	return fmt.Errorf("uring: io_uring_enter: %w", errno)
}

// submitNow gives the kernel everything that was submitted, without waiting for
// completions. It gives up where a Wait would report an error, which the next does.
func (l *Loop) submitNow() {
	for range len(l.slots) { // each turn submits something
		l.flush()
		if l.idle() {
			break
		}
		if err := l.turn(0, -1); err != nil {
			l.untold = err
			break
		}
	}
	for i := range 2000 { // a polling thread takes a moment, or longer where it has no CPU to itself
		if !l.ring.sqpoll || l.ring.unsubmitted() == 0 {
			return
		}
		if i < 1000 {
			runtime.Gosched()
		} else {
			time.Sleep(time.Millisecond)
		}
	}
}

// Recycle implements backends.Loop.
func (l *Loop) Recycle(buf []byte) {
	switch {
	case l.reads.pool != nil && l.reads.pool.Has(buf):
		l.reads.pool.Put(buf)
	case l.single != nil && l.single.Has(buf):
		l.single.Put(buf)
	case l.bufs != nil:
		l.bufs.giveBack(buf)
	default:
		l.pool.Put(buf)
	}
}

// Counters implements backends.Loop.
func (l *Loop) Counters() backends.Counters { return l.tally.Read() }

func (l *Loop) count(c backends.Counter) { l.tally.Counters[c]++ }
