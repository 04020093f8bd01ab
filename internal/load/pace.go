package load

import (
	"time"

	"github.com/ringbench/ringbench/backends"
)

// spinMargin is how long before a message is due the generator stops sleeping
// and polls: a sleep of the best kind, with a timer slack of 1 ns, was late by
// 40 to 95 µs on a 2-vCPU VM.
const spinMargin = 100_000

// A pacer says when messages are due: message i of a worker at start + i /
// rate, on the worker's connections in turn.
type pacer struct {
	start    int64
	interval float64 // nanoseconds
	conns    int
	next     int64   // index of the next message
	taken    []int64 // by connection: how many of its messages were sent
}

func newPacer(k *worker) pacer {
	share := float64(k.places()) / float64(k.g.cfg.Conns)
	interval := 1e9 / (k.g.cfg.Rate * share)
	workers := len(k.g.workers)
	// Workers take turns within an interval rather than firing together.
	start := k.window.Start + int64(interval*float64(k.index)/float64(workers))
	return pacer{start: start, interval: interval, conns: len(k.conns), taken: make([]int64, len(k.conns))}
}

func (p *pacer) at(i int64) int64 { return p.start + int64(float64(i)*p.interval) }

// due is when the next unsent message of c was due, and counts it as sent.
func (p *pacer) due(c *conn) int64 {
	slot := c.index / len(c.worker.g.workers)
	i := p.taken[slot]*int64(p.conns) + int64(slot)
	p.taken[slot]++
	return p.at(i)
}

// release sends what is due at now. What comes due meanwhile waits for the next
// time, after the answers that have come.
func (k *worker) release(now int64) {
	p := &k.pace
	for p.at(p.next) <= now {
		c := k.conns[p.next%int64(p.conns)]
		p.next++
		c.due++
		c.flush()
	}
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
		left := k.pace.at(k.pace.next) - now
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
	return nil
}
