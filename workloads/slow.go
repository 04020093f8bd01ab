package workloads

import (
	"math"
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
	took, stopped := l.once(&l.sink)
	if stopped {
		took += l.stop
	}
	l.spun.Add(uint64(took + l.around))
}

// A spinner is what is known of a spin of SlowQuantum, in ns. It is calibrated by
// the thread's CPU clock.
type spinner struct {
	perNano float64 // iterations
	around  float64 // CPU time around what the clock shows: of reading it, of the count
	stop    float64 // and that which one takes beyond SlowQuantum that does not run all the time
}

// interrupted is how many times as long as it should have been a spin is at least
// in which the thread did not run all the time. A neighbour on the same core, or
// the CPU's frequency, makes it twice as long.
const interrupted = 3

// once spins once and tells how long it was. Of one that was stopped, by another
// thread or by an interrupt, that is known by its iterations alone.
func (s *spinner) once(sink *uint64) (took float64, stopped bool) {
	quantum := float64(SlowQuantum)
	iterations := int(quantum * s.perNano)
	begin := time.Since(epoch)
	*sink = iterate(*sink, iterations)
	took = float64(time.Since(epoch) - begin)
	if took >= interrupted*quantum {
		return quantum, true
	}
	s.perNano += (speed(iterations, took) - s.perNano) / 8
	return took, false
}

// epoch makes time.Since read the monotonic clock alone, by the vDSO.
var epoch = time.Now()

// calibrated finds out what a spin takes, for all loops of the process at once. A
// tick of the scheduler took 50 µs on a virtual machine, 1 % of a thread's time, so
// it goes on until it has seen some dozens.
var calibrated = sync.OnceValue(func() spinner {
	const (
		batches, batch = 250, 40
		iterations     = 1 << 14
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
	s.around = math.Inf(1)
	var beyond, stops float64
	for range batches {
		begin, shown, calm := threadCPU(), 0.0, true
		for range batch {
			took, stopped := s.once(&sink)
			shown += took
			if stopped {
				stops, calm = stops+1, false
			}
		}
		rest := float64(threadCPU()-begin) - shown
		if beyond += rest; calm {
			s.around = min(s.around, max(0, rest/batch))
		}
	}
	if math.IsInf(s.around, 1) { // none was calm
		s.around = 0
	}
	if stops > 0 {
		s.stop = max(0, beyond-s.around*batches*batch) / stops
	}
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
