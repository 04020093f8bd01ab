package workloads

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
)

// pace gives the loops what is due in an open loop whose window is known. Event loops
// have their own, of their share of the rate; loops that block share theirs, so that
// what is due goes to whichever is free, as it does to any slot of an event loop.
func (r *Reader) pace() {
	cfg := &r.cfg
	if r.traits.Blocking {
		for i, t := range load.NewPacer(r.window, cfg.Rate, cfg.Arrivals, cfg.Seed, 0, 1).Share(len(r.loops)) {
			r.loops[i].dues = t
		}
		return
	}
	for i, k := range r.loops {
		rate := cfg.Rate * float64(len(k.slots)) / float64(cfg.Depth)
		k.dues = load.NewPacer(r.window, rate, cfg.Arrivals, cfg.Seed, i, len(r.loops)).Share(1)[0]
	}
}

// openLoop readies the loop for what is due.
func (k *fileLoop) openLoop() {
	// The default slack of 50 µs would make every wait that late. Goroutines that
	// block may change threads, but those are threads of others of their kind.
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	k.response, k.lag = result.NewHistogram(), result.NewHistogram()
	if k.r.bell != nil {
		k.nap.fds[0].Fd = int32(k.r.bell.ends[0])
	}
	k.due = nothing
}

// nothing is when an operation is due that a loop has not taken yet.
const nothing = math.MinInt64

// isDue reports whether an operation is due at now; the loop has a slot for it. Only
// then is the next one taken: one that a loop took while it blocks in another would
// wait for that, whoever else is free.
func (k *fileLoop) isDue(now int64) bool {
	if k.due == nothing {
		k.due = k.dues.Take()
	}
	return k.due <= now
}

// taken notes that the operation that was due next has a slot.
func (k *fileLoop) taken(s *fileSlot) {
	s.due = k.due
	if k.inWindow(s.since) {
		k.record(k.lag, s.since-s.due)
	}
	k.count()
}

// count counts the operation that was due next if that is in the window.
func (k *fileLoop) count() {
	if k.inWindow(k.due) {
		k.offered++
	}
	k.due = nothing
}

// missed counts what came due in the window and found no slot until the end.
func (k *fileLoop) missed() {
	if k.dues == nil {
		return
	}
	for now := min(backends.Nanotime(), k.r.window.Close); k.isDue(now - 1); {
		k.count()
	}
}

// waitMost bounds the wait of an event loop for what is due next, so that it
// learns of the end of the load.
const waitMost = 100 * time.Millisecond

// await waits until an operation is due for which there is a slot, or has ended.
func (k *fileLoop) await() error {
	left := time.Duration(max(k.due-backends.Nanotime(), 0))
	if !k.r.traits.Blocking {
		return k.reap(min(left, waitMost))
	}
	k.naps.Add(1)
	return k.nap.take(left)
}

// A bell is heard by all who nap, from when it rings on.
type bell struct{ ends [2]int } // of a pipe

func newBell() (*bell, error) {
	b := &bell{}
	if err := unix.Pipe2(b.ends[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	return b, nil
}

func (b *bell) ring() {
	if b != nil {
		unix.Close(b.ends[1])
	}
}

// close is called after ring, when nobody naps.
func (b *bell) close() {
	if b != nil {
		unix.Close(b.ends[0])
	}
}

// A napping thread is one of a loop that has nothing to call. It does not leave the
// wait to its Wait: timers of the Go runtime, on which package net's loops wait, were
// late by up to 1 ms.
type napping struct {
	fds [1]unix.PollFd
	ts  unix.Timespec
}

// take naps for so long, or until the bell rings or a signal comes.
func (n *napping) take(d time.Duration) error {
	n.ts = unix.NsecToTimespec(int64(d))
	if _, err := unix.Ppoll(n.fds[:], &n.ts, nil); err != nil && err != unix.EINTR {
		return fmt.Errorf("ppoll: %w", err)
	}
	return nil
}
