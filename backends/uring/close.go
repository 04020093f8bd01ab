package uring

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// closeLimit bounds how long Close waits for the kernel to let go. Only a
// request in a kernel worker, stuck in a device, takes long.
const closeLimit = 5 * time.Second

// Close implements backends.Loop. Close ops submitted before it are carried
// out. If the kernel does not return every loan in time, Close says so and
// leaves the buffers mapped, because the kernel may still write to them.
func (l *Loop) Close() error {
	if l.closed {
		return nil
	}
	l.draining = true
	err := l.drain(time.Now().Add(closeLimit))
	l.closed = true
	l.tally.Publish()
	if err != nil {
		_ = unix.Close(l.ring.fd) // cancels the rest, some time
		runtime.UnlockOSThread()
		return err
	}
	l.takeBack()
	l.dispose()
	runtime.UnlockOSThread()
	return nil
}

// drain cancels everything and discards what completes, until no op is lent.
func (l *Loop) drain(deadline time.Time) error {
	if l.hands != nil {
		l.disband()
	}
	for i := range l.slots {
		if s := &l.slots[i]; s.op != nil && s.op.Code != backends.Close {
			s.canceled = true
			l.drop(uint32(i))
		}
	}
	var dst [64]backends.Completion
	for asked := false; ; {
		head := l.ring.head
		l.discard(dst[:])
		if l.live == 0 && (l.hands == nil || l.hands.settled()) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("uring: Close gave up after %v: the kernel still holds %d operations, whose buffers stay lent", closeLimit, l.live)
		}
		// What has been cancelled must not be asked for again: the answers may be
		// with the kernel, and more of them than there is room for would be held
		// back for ever.
		if !l.ring.overflowed() && (!asked || l.ring.head == head) {
			asked = l.cancelAll(dst[:])
		}
		l.flush()
		if err := l.turn(1, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// discard reaps; a connection that was accepted meanwhile has no owner.
func (l *Loop) discard(dst []backends.Completion) {
	for {
		n := l.reap(dst)
		if n == 0 {
			return
		}
		for _, c := range dst[:n] {
			if c.Op.Code == backends.Accept && c.Res >= 0 && !l.acceptsFixed(c.Op) { // the table ends with the ring
				l.count(backends.SysOther)
				_ = unix.Close(int(c.Res))
			}
		}
	}
}

// cancelAll asks the kernel to cancel whatever it has, and discards what
// completes meanwhile. It returns false when the submission queue stays full
// before everything was asked.
func (l *Loop) cancelAll(dst []backends.Completion) bool {
	if l.feat.has(cancelByFD) {
		e := l.ring.next()
		if e == nil {
			return false
		}
		l.count(backends.Submissions)
		e.Opcode = uapi.OpAsyncCancel
		e.FD = -1
		e.OpFlags = uapi.AsyncCancelAny | uapi.AsyncCancelAll
		l.quiet(e)
		return true
	}
	for i := range l.slots {
		s := &l.slots[i]
		for s.state == flying && s.op.Code != backends.Close && s.op.Code != backends.Cancel && !l.cancelSlot(uint32(i)) {
			if l.turn(0, -1) != nil {
				return false
			}
			l.discard(dst)
			if l.ring.full() {
				return false
			}
		}
	}
	return true
}

// dispose gives back all memory and descriptors of a loop that has nothing in
// flight, or of one that Open could not finish.
func (l *Loop) dispose() {
	if l.ring != nil {
		l.freeWorkers()
		if l.bufs != nil {
			l.bufs.close(l.ring.fd)
		}
		if l.groups != nil {
			l.groups.close(l.ring.fd)
		}
		if l.table != nil { // now, and not when the kernel gets round to freeing the ring
			_, _ = sysRegister(l.ring.fd, uapi.UnregisterFiles, nil, 0)
		}
		l.ring.close()
	}
	l.messages.close()
	unmap(l.waits.page)
	if l.pool != nil {
		_ = l.pool.Close()
	}
	if l.reads.pool != nil {
		_ = l.reads.pool.Close()
	}
	if l.single != nil {
		_ = l.single.Close()
	}
	if l.arena != nil {
		_ = l.arena.Free()
	}
}
