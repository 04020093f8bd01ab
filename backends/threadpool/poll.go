package threadpool

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// pause is how long a connect to a Unix socket with a full backlog waits before
// it asks again: ppoll calls such a socket writable all the time.
const pause = 1e6 // ns

// poll waits until a descriptor is ready, a timer is due or limit has come, and
// makes the calls that are ready. late reports that limit has come.
func (l *loop) poll(limit int64) (late bool, err error) {
	l.passed = 0
	until := min(limit, l.next())
	l.fds = l.fds[:0]
	for i := range l.ops {
		e := &l.ops[i]
		fd := unix.PollFd{Fd: e.op.Socket(), Events: events(e.op)}
		if e.pause {
			until = min(until, backends.Nanotime()+pause)
		}
		if e.pause || e.op.Code.OnFile() || l.isDry(e) {
			fd.Fd = -1 // ppoll passes over it
		}
		l.fds = append(l.fds, fd)
	}
	var ts *unix.Timespec
	if until != forever {
		l.ts = unix.NsecToTimespec(max(until-backends.Nanotime(), 0))
		ts = &l.ts
	}
	l.tally.Counters[backends.SysWait]++
	l.tally.Publish()
	n, errno := l.calls.poll(l.fds, ts)
	switch errno {
	case 0:
		l.tally.Counters[backends.Completions] += uint64(n)
		l.makeReady()
	case unix.EINTR:
		l.tally.Counters[backends.Interrupts]++
	default:
		return false, fmt.Errorf("ppoll on %d descriptors: %w", len(l.fds), errno)
	}
	if until == forever {
		return false, nil
	}
	now := backends.Nanotime()
	for op := l.timers.Expire(now); op != nil; op = l.timers.Expire(now) {
		l.push(op, backends.Fail(unix.ETIME))
	}
	return now >= limit, nil
}

// events is what op waits for on its descriptor.
func events(op *backends.Op) int16 {
	switch {
	case op.Code == backends.Accept, receives(op.Code),
		op.Code == backends.Splice && op.Off == backends.FromSocket:
		return unix.POLLIN
	}
	return unix.POLLOUT
}

// makeReady makes the calls that the last ppoll found ready; one that found an
// error is made too, to learn which.
func (l *loop) makeReady() {
	for i := range l.fds {
		if l.fds[i].Revents != 0 || l.ops[i].pause {
			l.attempt(i, false)
		}
	}
	l.sweep()
}

// next is when the first timer is due.
func (l *loop) next() int64 {
	if when, ok := l.timers.Next(); ok {
		return when
	}
	return forever
}
