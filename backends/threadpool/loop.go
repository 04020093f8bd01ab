package threadpool

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
)

// forever is a time that does not come, on the scale of backends.Nanotime.
const forever = 1<<63 - 1

// An entry is an op that is lent and not complete.
type entry struct {
	op      *backends.Op // nil: complete, to be swept
	tried   bool         // the first call was made
	polls   bool         // the call cannot block (O_NONBLOCK): ppoll must say when to make it
	restore bool         // Connect: O_NONBLOCK is the loop's doing, to be cleared
	pause   bool         // Connect: ppoll cannot tell; ask again a little later
	dry     bool         // Recv, RecvFrom: no buffer was left, and that was counted
}

type loop struct {
	calls
	raw    bool // enters raw for files, or will if there is a P for it
	seated bool // that was decided
	// scheduled: there was none, which each op on a file counts.
	scheduled bool
	config    backends.Config
	tally     backends.Tally

	ops      []entry // in order of submission
	fresh    bool    // some entry may not have been tried
	timers   backends.Timers
	done     fifo.Queue[backends.Completion] // beyond what dst had room for, or completed outside Wait
	dst      []backends.Completion           // what Wait fills, while it does
	filled   int
	nonblock []int32 // descriptors that the loop made O_NONBLOCK for a Splice or a Sendfile
	passed   int     // Waits in a row that asked no descriptor although ops were pending

	pool *backends.Pool // mapped at first use
	fds  []unix.PollFd
	ts   unix.Timespec
}

// Submit notes the op. Only what cannot block is done here.
func (l *loop) Submit(op *backends.Op) (done bool) {
	if op.Lent() {
		panic("backends: " + op.Code.String() + " submitted while it is lent")
	}
	op.Loan = backends.Loan{Slot: 1}
	switch op.Code {
	case backends.Nop:
		l.push(op, 0)
	case backends.Accept, backends.Connect, backends.Recv, backends.Send, backends.RecvFrom, backends.SendTo,
		backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		l.add(op)
	case backends.Splice, backends.Sendfile:
		l.addMove(op)
	case backends.Shutdown:
		l.tally.Counters[backends.SysOther]++
		l.push(op, result(unix.Shutdown(int(op.FD), int(op.Off))))
	case backends.Close:
		l.cancelAll(op.FD)
		l.forget(op.FD)
		l.add(op)
	case backends.Timeout:
		if op.Off < 0 {
			l.push(op, backends.Fail(unix.EINVAL))
			return false
		}
		l.timers.Add(op)
	case backends.Cancel:
		l.push(op, l.cancel(op.Target))
	default:
		l.push(op, backends.Fail(unix.EINVAL))
	}
	return false
}

func (l *loop) add(op *backends.Op) {
	selects := op.Flags&backends.SelectBuf != 0
	switch {
	case op.FD < 0: // ppoll would pass over it
		l.push(op, backends.Fail(unix.EBADF))
		return
	case op.Code == backends.Recv && op.Flags&backends.Multishot != 0 && !selects,
		op.Code == backends.Connect && op.Addr == nil, (op.Code == backends.ReadAt || op.Code == backends.WriteAt) && op.Off < 0:
		l.push(op, backends.Fail(unix.EINVAL))
		return
	case l.badDatagram(op) != 0:
		l.push(op, backends.Fail(l.badDatagram(op)))
		return
	case chooses(op):
		if errno := l.mapPool(); errno != 0 {
			l.push(op, backends.Fail(errno))
			return
		}
	case receives(op.Code), op.Code == backends.ReadAt:
		if l.config.Poison {
			backends.Poison(op.Buf)
		}
		backends.Lend(op.Buf, true)
	case op.Code == backends.Send, op.Code == backends.SendTo, op.Code == backends.WriteAt:
		backends.Lend(op.Buf, false)
	}
	l.ops = append(l.ops, entry{op: op})
	l.fresh = true
}

func (l *loop) mapPool() unix.Errno {
	if l.pool != nil {
		return 0
	}
	var err error
	if l.pool, err = backends.NewPool(l.config.Bufs, l.config.BufSize, l.config.Poison); err != nil {
		return unix.ENOMEM
	}
	return 0
}

// Wait makes the one call that is pending, or polls. See the package comment.
func (l *loop) Wait(dst []backends.Completion, atLeast int, timeout time.Duration) (int, error) {
	l.fill(dst)
	err := l.await(min(atLeast, len(dst)), timeout)
	l.dst = nil
	return l.filled, err
}

// await goes on until at least so many completions are there or the time is over.
func (l *loop) await(atLeast int, timeout time.Duration) error {
	limit := int64(forever)
	if timeout >= 0 {
		limit = backends.After(timeout)
	}
	ready := l.mayBlock(atLeast, limit)
	if !ready {
		l.begin()
		ready = l.mayBlock(atLeast, limit)
	}
	asked := l.filled < atLeast
	for ; l.filled < atLeast; ready = l.mayBlock(atLeast, limit) {
		if ready {
			l.attempt(0, true)
			l.sweep()
			continue
		}
		if done, err := l.nextFile(); err != nil {
			return err
		} else if done {
			continue
		}
		if late, err := l.poll(limit); late || err != nil {
			return err
		}
	}
	if !asked {
		return l.glance(atLeast)
	}
	return nil
}

// mayBlock reports whether a blocking call is all that Wait has to do.
func (l *loop) mayBlock(atLeast int, limit int64) bool {
	if l.filled >= atLeast || limit != forever || len(l.ops) != 1 || l.next() != forever {
		return false
	}
	e := &l.ops[0]
	return !e.polls && !l.isDry(e)
}

// maxPassed is how many Waits in a row may be content with what was complete
// anyway. Asking each time would cost the echo of a multishot receive a third
// system call a message; never asking would starve it beside an op that always
// completes at once.
const maxPassed = 64

// glance is what a Wait does that need not block: it looks at the descriptors
// without waiting, when it was told to or has not for long.
func (l *loop) glance(atLeast int) error {
	l.tally.Publish()
	if len(l.ops) == 0 && l.next() == forever {
		return nil
	}
	if l.passed++; l.passed < maxPassed && atLeast > 0 {
		return nil
	}
	if _, err := l.nextFile(); err != nil {
		return err
	}
	_, err := l.poll(0)
	return err
}

// begin makes the first call of the ops that need not wait to be ready.
func (l *loop) begin() {
	if !l.fresh {
		return
	}
	l.fresh = false
	for i := range l.ops {
		if e := &l.ops[i]; !e.tried && events(e.op) != unix.POLLIN && !e.op.Code.OnFile() {
			l.attempt(i, false)
		}
	}
	l.sweep()
}

// sweep forgets the entries that are complete.
func (l *loop) sweep() {
	kept := l.ops[:0]
	for _, e := range l.ops {
		if e.op != nil {
			kept = append(kept, e)
		}
	}
	clear(l.ops[len(kept):])
	l.ops = kept
}

// Recycle gives a buffer back.
func (l *loop) Recycle(buf []byte) { l.pool.Put(buf) }

// cancel ends target if it is still pending.
func (l *loop) cancel(target *backends.Op) backends.Result {
	if target == nil {
		return backends.Fail(unix.ENOENT)
	}
	if l.timers.Cancel(target) {
		l.push(target, backends.Fail(unix.ECANCELED))
		return 0
	}
	for i := range l.ops {
		if l.ops[i].op != target {
			continue
		}
		if target.Code == backends.Close {
			return backends.Fail(unix.EALREADY)
		}
		l.finish(&l.ops[i], backends.Fail(unix.ECANCELED), nil)
		l.sweep()
		return 0
	}
	return backends.Fail(unix.ENOENT)
}

// cancelAll ends every op on fd.
func (l *loop) cancelAll(fd int32) {
	for i := range l.ops {
		if e := &l.ops[i]; e.op.Socket() == fd && e.op.Code != backends.Close {
			l.finish(e, backends.Fail(unix.ECANCELED), nil)
		}
	}
	l.sweep()
}

// Close returns every loan. Nothing is in flight in the kernel but a connect,
// which goes on by itself until its descriptor is closed.
func (l *loop) Close() error {
	for i := range l.ops {
		l.finish(&l.ops[i], backends.Fail(unix.ECANCELED), nil)
	}
	for op := l.timers.Pop(); op != nil; op = l.timers.Pop() {
		op.Loan = backends.Loan{}
	}
	for l.done.Len() > 0 {
		c := l.done.Pop()
		if c.Op.Code == backends.Accept && c.Res >= 0 { // no one will ever know this descriptor
			l.tally.Counters[backends.SysOther]++
			unix.Close(int(c.Res))
		}
		c.Op.Loan = backends.Loan{}
	}
	l.ops = nil
	l.leave()
	l.tally.Publish()
	if l.pool == nil {
		return nil
	}
	err := l.pool.Close()
	l.pool = nil
	if err != nil {
		return fmt.Errorf("unmap the buffers of a threadpool loop: %w", err)
	}
	return nil
}

// Counters is the work done so far.
func (l *loop) Counters() backends.Counters { return l.tally.Read() }
