package load

import (
	"math"
	"time"

	"github.com/ringbench/ringbench/backends"
)

// spinMargin is how long before a message is due the generator stops sleeping
// and polls: a sleep of the best kind, with a timer slack of 1 ns, was late by
// 40 to 95 µs on a 2-vCPU VM.
const spinMargin = 100_000

// Constant arrivals drift. Nearly every rate that one asks for is in step with the
// kernel's ticks, such as 5,000 a second, 20 of which come between two. All ticks then
// find the load at the same point, and the CPU time that they sample, user and kernel,
// is that of this point alone: a client that was in user space for half of its time was
// there in 0.2 ± 0.3 % of its ticks.
const (
	driftMost  = 10e6  // ns, no tick is longer
	driftSlope = 0.001 // the most by which intervals differ from the mean one
	driftLeast = 500e6 // ns that a drift takes at least
)

// A Pacer says when what is offered at a rate is due: the i-th at start + i / rate, and
// up to an interval later as they drift, or at the i-th arrival of a Poisson process.
type Pacer struct {
	start    int64
	first    float64  // nanoseconds after start, of constant arrivals
	interval float64  // nanoseconds
	drift    float64  // nanoseconds, as far as which they drift before they go back
	sweep    float64  // of drift, the part in a nanosecond
	random   *poisson // nil: constant
}

// NewPacer is that of a share of what is offered in all from the start of a window on:
// rate, a second, is the share's, and it is the one of that index of so many.
func NewPacer(w Window, rate float64, arrivals Arrivals, seed uint64, index, of int) Pacer {
	p := Pacer{start: w.Start, interval: 1e9 / rate}
	turns := max(1, w.Turns)
	index, of = index*turns+w.Turn, of*turns
	if arrivals == Poisson {
		p.random = newPoisson(seed, index)
		return p
	}
	// They take turns within an interval rather than fire together.
	p.first = p.interval * float64(index) / float64(of)
	p.drift = min(p.interval, driftMost)
	p.sweep = 1 / max(driftLeast, p.drift/driftSlope)
	return p
}

// At is when the i-th, from 0 on, is due. Random arrivals are asked for in order,
// and once more at will.
func (p *Pacer) At(i int64) int64 {
	if p.random != nil {
		return p.start + int64(p.random.at(i)*p.interval)
	}
	at := p.first + float64(i)*p.interval
	sweeps := at * p.sweep
	part := sweeps - math.Floor(sweeps)
	if int64(sweeps)&1 == 1 {
		part = 1 - part
	}
	return p.start + int64(at+part*p.drift)
}

// A pacer is a worker's, whose messages are due on its connections in turn.
type pacer struct {
	Pacer
	conns int
	next  int64   // index of the next message
	taken []int64 // by connection: how many of its messages were sent
}

func newPacer(k *worker) pacer {
	cfg := &k.g.cfg
	rate := cfg.Rate * float64(k.places()) / float64(cfg.Conns)
	return pacer{
		Pacer: NewPacer(k.window, rate, cfg.Arrivals, cfg.Seed, k.index, len(k.g.workers)),
		conns: len(k.conns), taken: make([]int64, len(k.conns)),
	}
}

// due is when the next unsent message of c was due, and counts it as sent.
func (p *pacer) due(c *conn) int64 {
	slot := c.index / len(c.worker.g.workers)
	i := p.taken[slot]*int64(p.conns) + int64(slot)
	p.taken[slot]++
	return p.At(i)
}

// release sends what is due at now. What comes due meanwhile waits for the next
// time, after the answers that have come.
func (k *worker) release(now int64) {
	p := &k.pace
	for k.comesDue(now) {
		c := k.conns[(p.next-1)%int64(p.conns)]
		c.due++
		c.flush()
	}
}

// comesDue takes the next message if it is due at now.
func (k *worker) comesDue(now int64) bool {
	at := k.pace.At(k.pace.next)
	if at > now {
		return false
	}
	k.pace.next++
	if at >= k.window.Open && at < k.window.Close {
		k.offered++
	}
	return true
}

// openLoop releases messages when they are due, whatever the server does.
func (k *worker) openLoop() error {
	dst := make([]backends.Completion, batch)
	var polled int64 // when the last poll began, if it was for waiting and in vain; else 0
	for !k.stopping.Load() {
		k.now = backends.Nanotime()
		if polled > 0 && k.recording() {
			k.spun += min(k.now-polled, spinMargin) // more was spent off the CPU
		}
		sent := k.sent
		if k.visits != nil {
			k.releaseVisits(k.now)
		} else {
			k.release(k.now)
		}
		now := backends.Nanotime()
		left := k.pace.At(k.pace.next) - now
		if k.g.cfg.Spin {
			left -= spinMargin
		}
		need, timeout := 1, time.Duration(left)
		if left <= 0 {
			need, timeout = 0, 0
		}
		n, err := k.loop.Wait(dst, need, timeout)
		if err != nil {
			return err
		}
		if polled = 0; k.g.cfg.Spin && need == 0 && n == 0 && k.sent == sent {
			polled = now
		}
		backends.Dispatch(dst[:n])
		k.progresses()
		if k.err != nil {
			return k.err
		}
	}
	for now := min(backends.Nanotime(), k.window.Close); k.comesDue(now); { // it may have been kept off its CPU
	}
	return nil
}
