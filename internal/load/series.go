package load

import (
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// Intervals of a window: enough of them to see whether it was steady, and none so
// short that the clock's reading once a buffer matters.
const (
	seriesIntervals = 50
	seriesLeast     = 10 * time.Millisecond
)

// A Series counts what comes by equal intervals, of which one begins when the window
// does and one ends with it, as far as they go into it whole.
type Series struct {
	interval int64
	warmUp   int // intervals before the window
	counts   []uint64
	at       int   // the current one
	next     int64 // when the next begins
}

// NewSeries is for a load with that window. What comes after the window is counted
// in an interval that Report leaves out.
func NewSeries(w Window) Series {
	s := Series{interval: max((w.Close-w.Open)/seriesIntervals, int64(seriesLeast))}
	s.warmUp = int((w.Open - w.Start + s.interval - 1) / s.interval)
	s.counts = make([]uint64, s.warmUp+int((w.Close-w.Open)/s.interval)+1)
	s.next = w.Open - int64(s.warmUp-1)*s.interval
	return s
}

// Add counts n that came at now, on the window's clock.
func (s *Series) Add(now int64, n uint64) {
	if now >= s.next {
		s.turn(now)
	}
	if s.at < len(s.counts) { // else there is no window
		s.counts[s.at] += n
	}
}

func (s *Series) turn(now int64) {
	for now >= s.next && s.at < len(s.counts)-1 {
		s.at++
		s.next += s.interval
	}
}

// AddTo adds the series to the sum of those of the same window.
func (s *Series) AddTo(sum *result.Series) {
	whole := s.counts[:max(len(s.counts)-1, 0)]
	if sum.Counts == nil {
		*sum = result.Series{IntervalSeconds: float64(s.interval) / 1e9, WarmUp: s.warmUp, Counts: make([]uint64, len(whole))}
	}
	for i, n := range whole {
		sum.Counts[i] += n
	}
}
