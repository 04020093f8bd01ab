package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// The straight way is that of nearly every message: while no descriptor stands in
// line, what the kernel found is received as it was announced, by receives that
// stay armed. It does for these what event, schedule, next and receive do for
// all, without what they ask of others (doc/go-runtime.md has what that saves).

// straight receives what was found, into l.dst, and returns the budget it used. It
// ends at the first event that asks for more than that, of which, and of those
// behind it, it takes note; and where a descriptor is to be read again.
func (l *Loop) straight(budget int) (used int) {
	const armed = backends.Multishot | backends.SelectBuf
	l.turn.left = 0 // it is another's
	for l.seen < l.found && l.filled < len(l.dst) && used < budget {
		ev := &l.events[l.seen]
		fd := ev.Fd
		d := &l.fds[fd]
		op := d.in.head
		if ev.Events != unix.EPOLLIN || d.gen != ev.Pad || d.burst.size != 0 || op == nil || op.Code != backends.Recv || op.Flags&armed != armed {
			break
		}
		buf := l.pool.Get()
		if buf == nil {
			break
		}
		l.seen++
		l.Tally.Counters[backends.SysRecv]++
		n, e := l.recv(fd, buf, unix.MSG_DONTWAIT)
		if n <= 0 {
			l.pool.Put(buf)
			d.ready = true
			l.nothing(d, op, e)
			l.schedule(fd, d)
			break
		}
		l.Tally.Counters[backends.BytesIn] += uint64(n)
		c := &l.dst[l.filled]
		l.filled++
		c.Op, c.Res, c.Buf, c.More = op, backends.Result(n), buf[:n], true
		used += max(n, backends.PageSize)
		if n == len(buf) || d.last {
			d.ready = true
			l.turn = turn{fd: fd, left: turnReads - 1}
			l.schedule(fd, d)
			break
		}
	}
	if l.seen < l.found && l.filled < len(l.dst) && used < budget {
		l.note()
	}
	return used
}

// note takes note of what was found and not received straight.
func (l *Loop) note() {
	for l.seen < l.found {
		l.seen++
		l.event(&l.events[l.seen-1])
	}
}
