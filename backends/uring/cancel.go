package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// finish completes slot i without the kernel. The slot is in no list but that
// of its descriptor, which it leaves.
func (l *Loop) finish(i uint32, res backends.Result) {
	s := &l.slots[i]
	s.state, s.res = done, res
	l.push(&l.ready, i)
	l.leaveFD(i)
	if l.chains != nil {
		l.follow(l.detach(i, res))
	}
}

var canceled = backends.Fail(unix.ECANCELED)

// drop cancels slot i where the kernel does not have it.
func (l *Loop) drop(i uint32) bool {
	switch l.slots[i].state {
	case queued:
		l.remove(&l.queue, i)
	case parked:
		l.remove(l.parkedIn(i), i)
	case held:
		// The op before it goes on alone.
	case expecting:
	default:
		return false
	}
	if l.slots[i].watch.armed {
		l.slots[i].state = flying // what the kernel has of it is the poll
		return false
	}
	l.finish(i, canceled)
	return true
}

// submitCancel starts a Cancel op, slot i.
func (l *Loop) submitCancel(i uint32) {
	t := l.slots[i].op.Target
	if t == nil {
		l.finish(i, backends.Fail(unix.EINVAL))
		return
	}
	data := userData(t.Loan.Slot, t.Loan.Gen)
	j, target := l.find(data)
	switch {
	case target == nil || target.op != t || j == i || target.state == done:
		l.finish(i, backends.Fail(unix.ENOENT))
	case t.Code == backends.Close:
		l.finish(i, backends.Fail(unix.EALREADY)) // half closed is no state to leave a descriptor in
	case l.drop(j):
		l.finish(i, 0)
	default:
		target.canceled = true
		target.by = i
		l.slots[i].target = l.request(j)
		l.enqueue(i)
		l.insist(j)
	}
}

// cancelDone judges what the kernel said to Cancel op s. The kernel knows
// single requests only; an op that the loop would have started again is
// cancelled by not doing so.
func (l *Loop) cancelDone(s *slot, res backends.Result) backends.Result {
	if res != backends.Fail(unix.ENOENT) && res != backends.Fail(unix.EALREADY) {
		return min(res, 0)
	}
	if s.hit {
		return 0
	}
	if _, t := l.find(s.target); t != nil && t.state != done {
		return backends.Fail(unix.EALREADY)
	}
	return res
}

// submitClose starts a Close op, slot i. close(2) alone would not end what is in
// flight: requests hold the file, and the peer would see no FIN
// (axboe/liburing#568).
func (l *Loop) submitClose(i uint32) {
	f := l.opsOn(l.key(l.slots[i].op))
	f.closing = i
	for j := f.head; j != 0; {
		next := l.slots[j].onFD.next
		l.slots[j].canceled = true
		l.slots[j].by = 0 // a Cancel in flight makes no difference any more
		l.insist(j)
		l.drop(j)
		j = next
	}
	l.enqueue(i)
}

// cancelFD asks the kernel to cancel all that is in flight on the descriptor of
// Close slot i, which then waits for the last of it. It returns false when the
// submission queue is full before everything was asked.
func (l *Loop) cancelFD(i uint32) bool {
	op := l.slots[i].op
	if l.feat.has(cancelByFD) {
		e := l.ring.next()
		if e == nil {
			return false
		}
		l.count(backends.Submissions)
		e.Opcode = uapi.OpAsyncCancel
		e.FD = op.FD
		e.OpFlags = uapi.AsyncCancelFD | uapi.AsyncCancelAll
		if l.inTable(op) {
			e.OpFlags |= uapi.AsyncCancelFDFixed
		}
		l.quiet(e)
		e.UserData = userData(0, i) // see cancelAgain
		l.slots[i].state = closing
		return true
	}
	for j := l.fds[l.key(op)].head; j != 0; j = l.slots[j].onFD.next {
		if l.slots[j].by == i {
			continue // asked before the queue was full
		}
		if !l.cancelSlot(j) {
			return false
		}
		l.slots[j].by = i
	}
	l.slots[i].state = closing
	return true
}

// cancelSlot asks the kernel to cancel what it has of slot j. Nobody waits for
// the answer, which bears no slot.
func (l *Loop) cancelSlot(j uint32) bool {
	e := l.ring.next()
	if e == nil {
		return false
	}
	l.count(backends.Submissions)
	prepCancel(e, l.request(j))
	l.quiet(e)
	return true
}

// shutdown runs Shutdown op, slot i, at once. IORING_OP_SHUTDOWN always goes to
// a kernel worker thread (io_uring/net.c forces it to be asynchronous), which
// costs far more than the call that it saves. Sends and connects submitted
// before it must reach the kernel before it, as they would with any other
// backend.
func (l *Loop) shutdown(i uint32) {
	op := l.slots[i].op
	if k := l.key(op); op.FD >= 0 && int(k) < len(l.fds) {
		for j := l.fds[k].head; j != 0; j = l.slots[j].onFD.next {
			if c := l.slots[j].op.Code; sends(c) || c == backends.Connect || c == request {
				l.submitNow()
				break
			}
		}
	}
	l.count(backends.SysOther)
	l.finish(i, backends.Fail(uapi.ShutdownRaw(op.FD, int(op.Off))))
}
