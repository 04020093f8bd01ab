package gonet

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// forever is a time that does not come, on the scale of backends.Nanotime.
const forever = 1<<63 - 1

// Wait makes the one call that is pending, or waits for goroutines that make
// several. See the package comment.
func (l *loop) Wait(dst []backends.Completion, atLeast int, timeout time.Duration) (int, error) {
	atLeast = min(atLeast, len(dst))
	limit := int64(forever)
	if timeout >= 0 {
		limit = backends.After(timeout)
	}
	idle := true // no call was made or waited for
	for {
		l.collect()
		if l.done.Len() >= atLeast {
			break
		}
		idle = false
		if limit == forever && l.alone() && l.begin(l.ops[0]) {
			if l.inline(l.ops[0], dst, atLeast) {
				return 1, nil
			}
			continue
		}
		l.spawn()
		if l.done.Len() < atLeast && l.sleep(limit) {
			break
		}
	}
	if idle {
		l.tally.Publish()
		l.glance(atLeast)
	}
	return l.reap(dst), nil
}

// alone reports whether a single call is all that Wait has to do.
func (l *loop) alone() bool {
	return len(l.ops) == 1 && l.running == 0 && l.ops[0].op.Code != backends.Close && l.next() == forever
}

// inline makes the one call that is pending. A Read or Write that moved bytes,
// which is the hot path, completes into dst at once when nothing else is wanted.
func (l *loop) inline(e *entry, dst []backends.Completion, atLeast int) bool {
	l.tally.Publish()
	e.call()
	if e.n <= 0 || e.err != nil || e.from != nil || atLeast != 1 || e.op.Flags&backends.Multishot != 0 || isDatagram(e.op.Code) {
		l.conclude(e)
		return false
	}
	dst[0] = l.moved(e)
	l.drop(e)
	e.op.Loan = backends.Loan{}
	return true
}

// maxPassed is how many Waits in a row may be content with what was complete
// anyway before the calls that are pending get goroutines.
const maxPassed = 64

// glance is what a Wait does that need not block: it starts what is pending,
// when it was told to or has not for long.
func (l *loop) glance(atLeast int) {
	if len(l.ops) == 0 && l.next() == forever {
		return
	}
	if l.passed++; l.passed < maxPassed && atLeast > 0 {
		return
	}
	l.passed = 0
	l.spawn()
	l.collect()
	l.expire()
}

// begin readies an entry for its call; false when it must wait for a buffer.
func (l *loop) begin(e *entry) bool {
	if e.selects() {
		if e.buf = l.pool.Get(); e.buf == nil {
			if !e.dry {
				e.dry = true
				l.tally.Counters[backends.NoBufs]++
			}
			return false
		}
		e.dry = false
		if l.config.Poison {
			backends.Poison(e.buf)
		}
	}
	e.ready = false
	if l.corks {
		l.cork(e)
	}
	l.tally.Counters[syscallOf[e.op.Code]]++
	return true
}

// syscallOf is the system call that package net makes at least once.
var syscallOf = [...]backends.Counter{
	backends.Recv:     backends.SysRecv,
	backends.Send:     backends.SysSend,
	backends.Accept:   backends.SysAccept,
	backends.Connect:  backends.SysOther,
	backends.Sendfile: backends.SysSplice,
	backends.Copy:     backends.SysSplice,
	backends.ReadAt:   backends.SysRecv, backends.WriteAt: backends.SysSend,
	backends.Fsync: backends.SysOther, backends.Fdatasync: backends.SysOther,
	backends.RecvFrom: backends.SysRecv, backends.SendTo: backends.SysSend,
}

// spawn gives every call that waits a goroutine, and makes those that need not
// wait any more.
func (l *loop) spawn() {
	for i := 0; i < len(l.ops); {
		e := l.ops[i]
		switch {
		case e.running, e.op.Code == backends.Close, e.desc.half(e.op.Code).kicked, e.from != nil && e.from.in.kicked, l.behind(e):
		case e.ready:
			l.read(e)
		default:
			l.start(e)
		}
		if i < len(l.ops) && l.ops[i] == e {
			i++
		}
	}
}

func (l *loop) start(e *entry) {
	if e.awaits() {
		l.tally.Counters[backends.SysRecv]++ // the look whether there is input
	} else if !l.begin(e) {
		return
	}
	if l.back == nil {
		l.back = make(chan *entry, 16)
	}
	e.running = true
	e.desc.half(e.op.Code).running++
	if e.from != nil {
		e.from.in.running++
	}
	l.running++
	go e.run(l.back)
}

// read receives what awaitInput saw, unless there is no buffer for it.
func (l *loop) read(e *entry) {
	if l.begin(e) {
		e.call()
		l.conclude(e)
	}
}

// behind reports whether an earlier op of the same kind uses the same
// descriptor. Its turn comes first, or a stream's bytes would change places, and
// a file be read where another op has put its position.
func (l *loop) behind(e *entry) bool {
	for _, o := range l.ops {
		if o == e || e.op.Code.OnFile() {
			return false
		}
		if o.op.Code == e.op.Code && (o.desc == e.desc || e.from != nil && o.from == e.from) {
			return true
		}
	}
	return false
}

// collect takes the reports that are there, and closes what can be closed now.
func (l *loop) collect() {
	for l.running > 0 {
		select {
		case e := <-l.back:
			l.report(e)
			continue
		default:
		}
		break
	}
	if len(l.ops) == 1 && l.ops[0].op.Code != backends.Close {
		return
	}
	for i := 0; i < len(l.ops); {
		e := l.ops[i]
		if e.op.Code != backends.Close || e.desc.busy() {
			i++
			continue
		}
		l.closeDesc(e)
	}
}

func (l *loop) closeDesc(e *entry) {
	calls, err := e.desc.close()
	l.tally.Counters[backends.SysOther] += calls
	if l.descs[e.desc.fd] == e.desc {
		delete(l.descs, e.desc.fd)
	}
	if l.last == e.desc {
		l.last = nil
	}
	l.finish(e, result(err), nil)
}

// sleep waits for a goroutine to end, a timer or limit; it reports whether
// limit has come.
func (l *loop) sleep(limit int64) (late bool) {
	until := min(limit, l.next())
	l.passed = 0
	l.tally.Publish()
	if until == forever {
		l.report(<-l.back)
		return false
	}
	left := time.Duration(max(until-backends.Nanotime(), 0))
	if l.timer == nil {
		l.timer = time.NewTimer(left)
	} else {
		l.timer.Reset(left)
	}
	select {
	case e := <-l.back:
		l.report(e)
		l.timer.Stop()
	case <-l.timer.C:
	}
	l.expire()
	return backends.Nanotime() >= limit
}

// next is when the first timer is due.
func (l *loop) next() int64 {
	if when, ok := l.timers.Next(); ok {
		return when
	}
	return forever
}

func (l *loop) expire() {
	now := backends.Nanotime()
	for op := l.timers.Expire(now); op != nil; op = l.timers.Expire(now) {
		l.push(op, backends.Fail(unix.ETIME))
	}
}
