package workloads

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// Slow makes each message cost a server a known amount of CPU more, to find out
// whether that is found. The zero value does nothing.
type Slow struct {
	Nanos float64 `json:"nanos"` // a message
	Bytes int     `json:"bytes"` // of a message
}

// SlowQuantum is how much CPU time is owed at least before a loop spins for it,
// once for several messages where one is short: reading the clock around a spin is
// then a small part of it.
const SlowQuantum = 10 * time.Microsecond

// A slowLoop spins before it waits, for what came by the Wait before: an answer
// that the loop sends at once is on its way, one that Wait sends is late by it. A
// spin ends by the count of its iterations. How long it was is read from a clock
// that takes no system call, and the next one makes up for the difference, so that
// the sum is exact whatever becomes of the CPU's speed. To read the thread's CPU
// clock instead brings the scheduler's account up to date, which ends the slice of
// a thread that has had its share (update_curr in kernel/sched/fair.c), so that a
// message would cost CPU that no spin took.
type slowLoop struct {
	backends.Loop
	perByte float64 // ns
	perNano float64 // iterations
	sink    uint64
	bytes   atomic.Uint64 // that came
	spun    atomic.Uint64 // ns
}

// newSlowLoop calibrates the spin by the CPU clock of the thread, for the
// goroutine that l belongs to.
func newSlowLoop(l backends.Loop, s Slow) *slowLoop {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slow := &slowLoop{Loop: l, perByte: s.Nanos / float64(s.Bytes)}
	const iterations = 1 << 14
	for range 3 { // the fastest, as anything may come between
		begin := threadCPU()
		slow.sink = iterate(slow.sink, iterations)
		slow.perNano = max(slow.perNano, speed(iterations, float64(threadCPU()-begin)))
	}
	return slow
}

// Wait implements backends.Loop.
func (l *slowLoop) Wait(dst []backends.Completion, min int, timeout time.Duration) (int, error) {
	for l.owed() >= float64(SlowQuantum) {
		l.spin()
	}
	n, err := l.Loop.Wait(dst, min, timeout)
	var came uint64
	for i := range dst[:n] {
		if c := &dst[i]; c.Res > 0 && (c.Op.Code == backends.Recv || c.Op.Code == backends.RecvFrom) {
			came += uint64(c.Res)
		}
	}
	l.bytes.Add(came)
	return n, err
}

// interrupted is how many times as long as it should have been a spin is at least
// in which the thread did not run all the time. A neighbour on the same core, or
// the CPU's frequency, makes it twice as long.
const interrupted = 3

// owed is in ns.
func (l *slowLoop) owed() float64 {
	return float64(l.bytes.Load())*l.perByte - float64(l.spun.Load())
}

// spin takes about SlowQuantum of CPU time, and notes how much it was. Of one in
// which the thread did not run all the time that is known by its iterations. What
// interrupts take of the thread's CPU time comes on top, as for any work.
func (l *slowLoop) spin() {
	owed := float64(SlowQuantum)
	iterations := int(owed * l.perNano)
	begin := time.Since(epoch)
	l.sink = iterate(l.sink, iterations)
	took := float64(time.Since(epoch) - begin)
	if took < interrupted*owed {
		l.perNano += (speed(iterations, took) - l.perNano) / 8
		owed = took
	}
	l.spun.Add(uint64(owed + readingClock))
}

// epoch makes time.Since read the monotonic clock alone, by the vDSO.
var epoch = time.Now()

// readingClock is what doing so twice takes beside what it shows, in ns.
const readingClock = 50

// speed is the iterations a nanosecond. No CPU makes two of them, but a clock that
// stands still between ticks may say so.
func speed(iterations int, ns float64) float64 {
	return min(float64(iterations)/max(ns, 1), 2)
}

// iterate computes what takes the same time whatever memory and other programs do.
//
//go:noinline
func iterate(x uint64, n int) uint64 {
	for range n {
		x = x*6364136223846793005 + 1442695040888963407 // each needs the one before
	}
	return x
}

// threadCPU is in ns.
func threadCPU() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // fails for a bad clock only
	return ts.Nano()
}

// Slowed is what the loops have spun since the start, nil where they do not.
func (s *Server) Slowed() *result.Slowed {
	if s.cfg.Slow.Nanos == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum result.Slowed
	for _, l := range s.loops {
		if slow, ok := l.(*slowLoop); ok {
			sum.Messages += float64(slow.bytes.Load()) / float64(s.cfg.Slow.Bytes)
			sum.CPUSeconds += float64(slow.spun.Load()) / 1e9
		}
	}
	return &sum
}
