package load

import "sync/atomic"

// A Taker takes what a Pacer offers, one after the other, together with others of the
// same Share. It belongs to one goroutine.
type Taker struct {
	pacer Pacer
	next  *atomic.Int64 // of all Takers
	at    *span         // that the one taken last was of; nil: the pacer is asked
	gaps  gaps
}

// A span is a block of random arrivals. Takers find it by the one before it; the first
// to come there draws it. Nobody locks, and what all have passed is garbage.
type span struct {
	number int64
	at     [arrivalsBlock]float64
	end    mark // what the next is drawn from
	next   atomic.Pointer[span]
}

// Share has n Takers take what p offers, which nobody else asks then. Random arrivals
// that several share cost 8 bytes each on the heap; one alone allocates nothing.
func (p Pacer) Share(n int) []*Taker {
	var before *span
	if p.random != nil && n > 1 {
		before = &span{number: -1, end: p.random.marks[0]}
	}
	next, takers := new(atomic.Int64), make([]*Taker, n)
	for i := range takers {
		takers[i] = &Taker{pacer: p, next: next, at: before}
	}
	return takers
}

// Take is when the next is due, which is its taker's alone.
func (t *Taker) Take() int64 {
	i := t.next.Add(1) - 1
	if t.at == nil {
		return t.pacer.At(i)
	}
	for t.at.number < i/arrivalsBlock {
		t.at = t.after()
	}
	return t.pacer.start + int64(t.at.at[i%arrivalsBlock]*t.pacer.interval)
}

// after is the span after that which t has come to.
func (t *Taker) after() *span {
	s := t.at
	if n := s.next.Load(); n != nil {
		return n
	}
	n := &span{number: s.number + 1}
	n.end = t.gaps.draw(s.end, &n.at)
	s.next.CompareAndSwap(nil, n) // another may have drawn the same
	return s.next.Load()
}
