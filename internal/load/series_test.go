package load

import (
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// What came is counted where it came: an interval begins with the window, what is
// after it is left out, and several workers add up.
func TestSeries(t *testing.T) {
	const ms = 1e6
	w := Window{Start: 1000 * ms, Open: 1045 * ms, Close: 1545 * ms} // 50 intervals of 10 ms, 5 before
	var sum result.Series
	for range 2 {
		s := NewSeries(w)
		for now := w.Start; now < w.Close+30*ms; now += ms {
			s.Add(now, 3)
		}
		s.AddTo(&sum)
	}
	want := append([]uint64{2 * 3 * 5}, slices.Repeat([]uint64{2 * 3 * 10}, 54)...) // the first has half its time
	if sum.IntervalSeconds != 0.01 || sum.WarmUp != 5 || !slices.Equal(sum.Counts, want) {
		t.Errorf("%+v, want %v", sum, want)
	}
	idle := NewSeries(w)
	idle.Add(w.Open+493*ms, 7) // after a long silence
	var one result.Series
	idle.AddTo(&one)
	if i := slices.Index(one.Counts, 7); i != len(one.Counts)-1 {
		t.Errorf("7 are in interval %d of %d", i, len(one.Counts))
	}
	if n := testing.AllocsPerRun(100, func() { idle.Add(w.Close, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for _, short := range []Window{{}, {Close: 1}, {Open: 5, Close: 5 + ms}} { // nothing whole fits
		s := NewSeries(short)
		s.Add(short.Close, 1)
		s.Add(0, 1)
		var none result.Series
		s.AddTo(&none)
	}
}
