package backends

import (
	"math"
	"time"
)

var epoch = time.Now()

// Nanotime is the monotonic clock in nanoseconds since the process began, at
// about half the price of time.Now, which reads the wall clock too.
func Nanotime() int64 { return int64(time.Since(epoch)) }

// After is when d is over, on that clock: at its end, which never comes, where d is
// so long.
func After(d time.Duration) int64 {
	now := Nanotime()
	return now + min(int64(d), math.MaxInt64-now)
}

// Timers orders Timeout ops by when they end, for loops that keep time
// themselves. It is a binary heap; ops that end together do so in the order of
// their submission.
type Timers struct {
	heap []timer
	seq  uint64
}

type timer struct {
	when int64
	seq  uint64
	op   *Op
}

func (a timer) before(b timer) bool {
	return a.when < b.when || a.when == b.when && a.seq < b.seq
}

// Add starts op, a Timeout, now.
func (t *Timers) Add(op *Op) {
	t.seq++
	t.heap = append(t.heap, timer{After(time.Duration(op.Off)), t.seq, op})
	for i := len(t.heap) - 1; i > 0; {
		p := (i - 1) / 2
		if !t.heap[i].before(t.heap[p]) {
			break
		}
		t.heap[i], t.heap[p] = t.heap[p], t.heap[i]
		i = p
	}
}

// Next is when the first timer ends, on Nanotime's scale; false when there is none.
func (t *Timers) Next() (when int64, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].when, true
}

// Expire takes an op whose time has come, or nil.
func (t *Timers) Expire(now int64) *Op {
	if len(t.heap) == 0 || t.heap[0].when > now {
		return nil
	}
	return t.remove(0)
}

// Cancel takes op out; false when it is not there.
func (t *Timers) Cancel(op *Op) bool {
	for i := range t.heap {
		if t.heap[i].op == op {
			t.remove(i)
			return true
		}
	}
	return false
}

// Pop takes any op, or nil when there is none.
func (t *Timers) Pop() *Op {
	if len(t.heap) == 0 {
		return nil
	}
	return t.remove(0)
}

func (t *Timers) remove(i int) *Op {
	op := t.heap[i].op
	last := len(t.heap) - 1
	t.heap[i] = t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]
	t.fix(i)
	return op
}

// fix restores the order around i, which may have become too early or too late.
func (t *Timers) fix(i int) {
	h := t.heap
	for i > 0 && i < len(h) && h[i].before(h[(i-1)/2]) {
		p := (i - 1) / 2
		h[i], h[p] = h[p], h[i]
		i = p
	}
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1].before(h[c]) {
			c++
		}
		if !h[c].before(h[i]) {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
