package null

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// MaxFD is the highest descriptor number that a loop knows.
const MaxFD = 1<<20 - 1

// What Loan.Gen says of an op that is lent.
const (
	ended   = iota // its last completion waits to be reaped
	pending        // it waits for bytes, room or time
)

var errDeadlock = errors.New("null: this wait can never end: nothing is due and no timeout is set")

type loop struct {
	tally   backends.Tally
	done    doneQueue
	streams []*stream // by descriptor number
	timers  backends.Timers
	pool    *backends.Pool
	bufSize int
	poison  bool
	reads   opList  // of files, wait for a buffer
	starved []int32 // descriptors whose receives wait for a buffer, oldest first
	sleep   unix.Timespec
}

func newLoop(pool *backends.Pool, cfg backends.Config) *loop {
	l := &loop{pool: pool, bufSize: cfg.BufSize, poison: cfg.Poison}
	l.done.grow()
	return l
}

// finish queues op's last completion.
func (l *loop) finish(op *backends.Op, res backends.Result) {
	op.Loan.Gen = ended
	l.done.push(backends.Completion{Op: op, Res: res})
}

// stream is what fd leads to, nil for a number that cannot be one.
func (l *loop) stream(fd int32) *stream {
	if uint32(fd) < uint32(len(l.streams)) {
		if s := l.streams[fd]; s != nil {
			return s
		}
	}
	return l.newStream(fd)
}

func (l *loop) newStream(fd int32) *stream {
	if fd < 0 || fd > MaxFD {
		return nil
	}
	for int(fd) >= len(l.streams) {
		l.streams = append(l.streams, make([]*stream, max(64, len(l.streams)))...)
	}
	l.streams[fd] = &stream{}
	return l.streams[fd]
}

func (l *loop) Submit(op *backends.Op) (done bool) {
	if op.Lent() {
		panic("backends: op submitted while lent: " + op.Code.String())
	}
	op.Loan = backends.Loan{Slot: 1, Gen: pending}
	switch op.Code {
	case backends.Nop:
		l.finish(op, 0)
	case backends.Timeout:
		l.timers.Add(op)
	case backends.Cancel:
		l.finish(op, l.cancel(op.Target))
	case backends.ReadAt, backends.WriteAt, backends.Fsync, backends.Fdatasync:
		l.file(op)
	case backends.Recv, backends.Send, backends.RecvFrom, backends.SendTo, backends.Connect, backends.Shutdown, backends.Close:
		if s := l.stream(op.FD); s != nil {
			l.perform(s, op)
		} else {
			l.finish(op, backends.Fail(unix.EBADF))
		}
	case backends.Splice, backends.Sendfile, backends.Copy:
		l.finish(op, backends.Fail(unix.EINVAL))
	default:
		l.finish(op, backends.Fail(unix.EOPNOTSUPP))
	}
	return false
}

// perform does what op asks of a stream, or leaves op waiting there.
func (l *loop) perform(s *stream, op *backends.Op) {
	switch op.Code {
	case backends.RecvFrom:
		if errno := backends.CheckRecvFrom(op, l.bufSize); errno != 0 {
			l.finish(op, backends.Fail(errno))
			return
		}
		s.recvs.push(op)
	case backends.SendTo:
		if errno := backends.CheckSendTo(op); errno != 0 {
			l.finish(op, backends.Fail(errno))
			return
		}
		l.sendDatagram(s, op)
	case backends.Recv:
		if l.poison && op.Flags&backends.SelectBuf == 0 {
			backends.Poison(op.Buf)
		}
		s.recvs.push(op)
		l.pump(s)
	case backends.Send:
		if s.sends.head != nil || !l.send(s, op) {
			s.sends.push(op)
		}
	case backends.Connect:
		s.reset()
		l.finish(op, 0)
	case backends.Shutdown:
		s.shutRd = s.shutRd || op.Off != unix.SHUT_WR
		s.shutWr = s.shutWr || op.Off != unix.SHUT_RD
		l.pump(s)
		l.finish(op, 0)
	case backends.Close:
		for s.recvs.head != nil {
			l.finish(s.recvs.pop(), backends.Fail(unix.ECANCELED))
		}
		for s.sends.head != nil {
			l.finish(s.sends.pop(), backends.Fail(unix.ECANCELED))
		}
		s.reset()
		l.finish(op, 0)
	}
}

// cancel ends target if it still waits.
func (l *loop) cancel(target *backends.Op) backends.Result {
	if target == nil || !target.Lent() || target.Loan.Gen == ended {
		return backends.Fail(unix.ENOENT)
	}
	if target.Code == backends.Timeout {
		l.timers.Cancel(target)
	} else if target.Code == backends.ReadAt {
		l.reads.remove(target)
	} else if s := l.stream(target.FD); !s.recvs.remove(target) {
		s.sends.remove(target)
	}
	l.finish(target, backends.Fail(unix.ECANCELED))
	return 0
}

func (l *loop) Wait(dst []backends.Completion, min int, timeout time.Duration) (int, error) {
	l.tally.Publish()
	n := l.reap(dst)
	if n >= min || n == len(dst) {
		return n, nil
	}
	if timeout == 0 {
		return n, nil
	}
	end := int64(-1)
	if timeout > 0 {
		end = backends.After(timeout)
	}
	for n < min && n < len(dst) {
		more, err := l.nap(end)
		if !more || err != nil {
			return n, err
		}
		n += l.reap(dst[n:])
	}
	return n, nil
}

// reap moves what is done, and what is due by now, to dst.
func (l *loop) reap(dst []backends.Completion) (n int) {
	if _, some := l.timers.Next(); some {
		now := backends.Nanotime()
		for op := l.timers.Expire(now); op != nil; op = l.timers.Expire(now) {
			l.finish(op, backends.Fail(unix.ETIME))
		}
	}
	for n < len(dst) && l.done.len() > 0 {
		dst[n] = l.done.pop()
		if !dst[n].More {
			dst[n].Op.Loan.Slot = 0
		}
		n++
	}
	return n
}

// nap sleeps until the first timer or end, a time on Nanotime's scale or -1;
// false when end has come.
func (l *loop) nap(end int64) (bool, error) {
	until := end
	if due, some := l.timers.Next(); some && (end < 0 || due < end) {
		until = due
	}
	if until < 0 {
		return false, errDeadlock
	}
	now := backends.Nanotime()
	if end >= 0 && now >= end {
		return false, nil
	}
	if now >= until {
		return true, nil
	}
	l.sleep = unix.NsecToTimespec(until - now)
	l.tally.Counters[backends.SysWait]++
	l.tally.Publish()
	// Not time.Sleep: the floor must not be coarser than a loop that waits in
	// the kernel.
	if _, errno := uapi.Poll(nil, &l.sleep); errno == unix.EINTR {
		l.tally.Counters[backends.Interrupts]++
	}
	return true, nil
}

func (l *loop) Recycle(buf []byte) {
	l.pool.Put(buf)
	for l.reads.head != nil && l.pool.Len() > 0 {
		l.file(l.reads.pop())
	}
	for len(l.starved) > 0 && l.pool.Len() > 0 {
		s := l.stream(l.starved[0])
		l.starved = l.starved[:copy(l.starved, l.starved[1:])]
		s.starving = false
		l.pump(s)
	}
}

func (l *loop) Close() error {
	for _, s := range l.streams {
		for s != nil && s.recvs.head != nil {
			s.recvs.pop().Loan = backends.Loan{}
		}
		for s != nil && s.sends.head != nil {
			s.sends.pop().Loan = backends.Loan{}
		}
	}
	for l.reads.head != nil {
		l.reads.pop().Loan = backends.Loan{}
	}
	for op := l.timers.Pop(); op != nil; op = l.timers.Pop() {
		op.Loan = backends.Loan{}
	}
	for l.done.len() > 0 {
		l.done.pop().Op.Loan = backends.Loan{}
	}
	l.streams, l.starved = nil, nil
	return l.pool.Close()
}

func (l *loop) Counters() backends.Counters { return l.tally.Read() }
