package meter

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A thread that watches a CPU wakes up every millisecond, or as much less often as
// it takes to use no more than a two-hundredth of the CPU: a wake-up cost 30 µs on a
// busy virtual machine, where a timer and an idle CPU are exits to the hypervisor.
const (
	hiccupEvery = int64(time.Millisecond)
	hiccupShare = 200
	hiccupBatch = 64 // wake-ups between two looks at what they cost
)

// hiccupSlice is asked for as the time slice of such a thread: with a shorter one
// than others have it need not wait for the end of theirs (since Linux 6.12; older
// kernels ignore it, sched_setattr(2)).
const hiccupSlice = uint64(100 * time.Microsecond)

// Hiccups watch CPUs, each by a thread that does nothing but sleep for about a
// millisecond after the other and see how late it was woken: by the hypervisor, an
// interrupt, a thread that does not give way. One that was late for several
// wake-ups counts for each, so that percentiles are of moments, as those of
// response times in an open loop are.
//
// The threads block where the Go scheduler does not see it. A process that watches
// has a P for each of them and one to spare, and does nothing else.
type Hiccups struct {
	watchers []*watcher
}

type watcher struct {
	window atomic.Pointer[hiccupWindow]
	passed atomic.Int64 // all wake-ups that were due before have been counted
	cost   atomic.Int64 // nanoseconds of CPU that a wake-up took lately
	ending atomic.Bool
	done   chan struct{}
}

type hiccupWindow struct {
	open, close int64
	HiccupSample
}

// A HiccupSample is how late the wake-ups of a window were, one Every so long.
type HiccupSample struct {
	Late  result.Histogram `json:"late"`
	Every int64            `json:"every"` // nanoseconds
}

// WatchHiccups starts to watch CPUs, on each of which this process may run.
func WatchHiccups(cpus []int) (*Hiccups, error) {
	h := &Hiccups{}
	for _, cpu := range cpus {
		w := &watcher{done: make(chan struct{})}
		w.window.Store(&hiccupWindow{HiccupSample: HiccupSample{Every: hiccupEvery}})
		ready := make(chan error)
		go w.watch(cpu, ready)
		if err := <-ready; err != nil {
			h.Stop()
			return nil, err
		}
		h.watchers = append(h.watchers, w)
	}
	return h, nil
}

// Record begins a window, in nanoseconds of CLOCK_MONOTONIC, that lies in the
// future. It ends the one before.
func (h *Hiccups) Record(open, close int64) {
	for _, w := range h.watchers {
		every := max(hiccupEvery, hiccupShare*w.cost.Load())
		w.window.Store(&hiccupWindow{open, close, HiccupSample{result.NewHistogram(), every}})
	}
}

// Take waits for the window to be over and returns what was seen in it, by CPU in
// the order that they were given in.
func (h *Hiccups) Take() []HiccupSample {
	seen := make([]HiccupSample, len(h.watchers))
	for i, w := range h.watchers {
		of := w.window.Load()
		for w.passed.Load() < of.close {
			time.Sleep(time.Millisecond)
		}
		seen[i] = of.HiccupSample
	}
	return seen
}

// Stop ends it.
func (h *Hiccups) Stop() {
	for _, w := range h.watchers {
		w.ending.Store(true)
	}
	for _, w := range h.watchers {
		<-w.done
	}
}

func (w *watcher) watch(cpu int, ready chan<- error) {
	defer close(w.done)
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	if err := settleOn(cpu); err != nil {
		ready <- err
		return
	}
	// The runtime's clock is CLOCK_MONOTONIC, and costs no system call.
	epoch := time.Now()
	offset := monotonic()
	now := func() int64 { return offset + int64(time.Since(epoch)) }
	spent, wakes := threadClock(), 0
	for due := now(); !w.ending.Load(); {
		uapi.SleepUntilRaw(due)
		at := now()
		of := w.window.Load()
		for ; due <= at; due += of.Every {
			if due >= of.open && due < of.close {
				of.Late.Record(at - due)
			}
		}
		w.passed.Store(due)
		if wakes++; wakes%hiccupBatch == 0 {
			now := threadClock()
			w.cost.Store((now - spent) / hiccupBatch)
			spent = now
			if wakes == hiccupBatch {
				ready <- nil
			}
		}
	}
}

// settleOn makes the calling thread one that watches a CPU.
func settleOn(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("watch CPU %d: %w", cpu, err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set the timer slack: %w", err)
	}
	attr, err := unix.SchedGetAttr(0, 0)
	if err == nil && attr.Policy == unix.SCHED_NORMAL {
		attr.Runtime = hiccupSlice
		_ = unix.SchedSetAttr(0, attr, 0) // or it waits a little longer
	}
	return nil
}

func monotonic() int64   { return clock(unix.CLOCK_MONOTONIC) }
func threadClock() int64 { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) int64 {
	var ts unix.Timespec
	unix.ClockGettime(id, &ts) // cannot fail for these
	return ts.Nano()
}
