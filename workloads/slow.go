package workloads

import (
	"runtime"
	"sync"
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
	// Beside: it is compared with one that is slowed. It counts what comes, too, and asks
	// itself whether it owes a spin, so that nothing but the spin is between the two.
	Beside bool `json:"beside,omitempty"`
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
	spinner
	sink  uint64
	bytes atomic.Uint64 // that came
	spun  atomic.Uint64 // ns
}

// newSlowLoop slows l.
func newSlowLoop(l backends.Loop, s Slow) *slowLoop {
	return &slowLoop{Loop: l, perByte: s.Nanos / float64(s.Bytes), spinner: calibrated()}
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

// owed is in ns.
func (l *slowLoop) owed() float64 {
	return float64(l.bytes.Load())*l.perByte - float64(l.spun.Load())
}

// spin takes about SlowQuantum of CPU time, and notes how much it was.
func (l *slowLoop) spin() {
	var took float64
	for range slowSteps {
		took += l.step(&l.sink) + l.around
	}
	l.spun.Add(uint64(took))
}

// A spin goes by steps, and the clock is read around each: what stops the thread,
// such as the other server of a duet that is woken on the same CPU, is then so much
// longer than what it stops that the two can be told apart.
const (
	slowSteps = 10
	slowStep  = SlowQuantum / slowSteps
)

// A spinner is what is known of a step, calibrated by the thread's CPU clock.
type spinner struct {
	perNano float64 // iterations
	around  float64 // ns of CPU around what the clock shows: of reading it, of the count
}

// interrupted is how many times as long as it should have been a step is at least
// in which the thread did not run all the time. A neighbour on the same core, or
// the CPU's frequency, makes it twice as long.
const interrupted = 3

// step spins once and tells for how long, in ns. Of a step in which something else
// ran that is known by its iterations alone.
func (s *spinner) step(sink *uint64) float64 {
	iterations := int(float64(slowStep) * s.perNano)
	begin := time.Since(epoch)
	*sink = iterate(*sink, iterations)
	took := float64(time.Since(epoch) - begin)
	if took >= interrupted*float64(slowStep) {
		return float64(slowStep)
	}
	s.perNano += (speed(iterations, took) - s.perNano) / 64
	return took
}

// epoch makes time.Since read the monotonic clock alone, by the vDSO.
var epoch = time.Now()

// calibrated finds out what a step takes, for all loops of the process at once.
var calibrated = sync.OnceValue(func() spinner {
	const (
		calibrations = 100_000
		iterations   = 1 << 14
	)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var s spinner
	var sink uint64
	for range 3 { // the fastest, as anything may come between
		begin := threadCPU()
		sink = iterate(sink, iterations)
		s.perNano = max(s.perNano, speed(iterations, float64(threadCPU()-begin)))
	}
	begin, shown := threadCPU(), 0.0
	for range calibrations {
		shown += s.step(&sink)
	}
	s.around = max(0, float64(threadCPU()-begin)-shown) / calibrations
	return s
})

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
