package threadpool

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// pause is how long a connect to a Unix socket with a full backlog waits before
// it asks again: ppoll calls such a socket writable all the time.
const pause = time.Millisecond

// poll waits until a descriptor is ready, a timer is due or limit has come, and
// makes the calls that are ready. late reports that limit has come.
func (l *loop) poll(limit time.Duration) (late bool, err error) {
	l.passed = 0
	until := min(limit, l.timers.next())
	l.fds = l.fds[:0]
	for i := range l.ops {
		e := &l.ops[i]
		fd := unix.PollFd{Fd: e.op.FD, Events: events(e.op.Code)}
		if e.pause {
			until = min(until, l.now()+pause)
		}
		if e.pause || l.isDry(e) {
			fd.Fd = -1 // ppoll passes over it
		}
		l.fds = append(l.fds, fd)
	}
	var ts *unix.Timespec
	if until != forever {
		l.ts = unix.NsecToTimespec(int64(max(until-l.now(), 0)))
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
	now := l.now()
	l.expire(now)
	return now >= limit, nil
}

func events(c backends.Code) int16 {
	if c == backends.Accept || c == backends.Recv {
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

// expire completes the timers that are due, in their order.
func (l *loop) expire(now time.Duration) {
	n := 0
	for n < len(l.timers) && l.timers[n].due <= now {
		l.push(l.timers[n].op, backends.Fail(unix.ETIME))
		n++
	}
	if n > 0 {
		l.timers = l.timers[:copy(l.timers, l.timers[n:])]
	}
}
