package uring

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Hard has a chain go on with the next request even when this one fails
// (IOSQE_IO_HARDLINK).
func (r *Request) Hard() *Request {
	r.hard = true
	return r
}

// SubmitChain starts requests of which each waits for the success of the one
// before, each in the name of the op at its place in ops. When one fails or
// moves fewer bytes than it was asked for, those after it complete with
// -ECANCELED (IOSQE_IO_LINK). An error means that none was started.
//
// The kernel ends a chain where a submission ends, so a chain has room in the
// submission queue as a whole or is refused.
func (l *Loop) SubmitChain(ops []*backends.Op, rs []*Request) error {
	n := len(rs)
	switch {
	case len(ops) != n:
		return fmt.Errorf("uring: a chain of %d requests with %d ops: it needs one for each", n, len(ops))
	case n > len(l.ring.sqes):
		return fmt.Errorf("uring: a chain of %d requests does not fit the submission queue of %d: set Config.Entries higher", n, len(l.ring.sqes))
	}
	for _, r := range rs {
		if err := l.refuses(r); err != nil {
			return err
		}
	}
	slots := make([]uint32, n)
	for i, r := range rs {
		slots[i] = l.takeRequest(ops[i], r)
	}
	sound, res := n, backends.Fail(0)
	if !l.makeRoom(n) {
		sound, res = 0, backends.Fail(unix.EBUSY)
	}
	for i, r := range rs[:sound] {
		if errno := l.arrange(slots[i], r); errno != 0 {
			sound, res = i, backends.Fail(errno)
			break
		}
	}
	for i, r := range rs[:sound] {
		switch {
		case i == sound-1:
			r.link = 0
		case r.hard:
			r.link = uapi.SQEIOHardlink
		default:
			r.link = uapi.SQEIOLink
		}
		l.start(slots[i])
	}
	for _, i := range slots[sound:] {
		l.finish(i, res)
		res = canceled
	}
	return nil
}

// makeRoom empties the submission queue if n more entries do not fit. It returns
// false when the kernel takes none.
func (l *Loop) makeRoom(n int) bool {
	room := func() bool { return l.queue.head == 0 && len(l.ring.sqes)-int(l.ring.unsubmitted()) >= n }
	if !room() {
		l.submitNow()
	}
	return room()
}
