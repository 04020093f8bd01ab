package load

import (
	"slices"
	"sync"
	"testing"
)

// What several take at the same time is what one pacer offers, each arrival once, and
// each takes its own in order.
func TestShareIsOfOnePacer(t *testing.T) {
	const takers, each = 4, 5 * arrivalsBlock
	for _, arrivals := range []Arrivals{Constant, Poisson} {
		var taken [takers][]int64
		var all sync.WaitGroup
		for i, taker := range NewPacer(Window{Start: 1e9}, 1e5, arrivals, 7, 0, 1).Share(takers) {
			all.Go(func() {
				for range each {
					taken[i] = append(taken[i], taker.Take())
				}
			})
		}
		all.Wait()
		for i, of := range taken {
			if !slices.IsSorted(of) {
				t.Errorf("%q: taker %d went back in time", arrivals, i)
			}
		}
		got := slices.Sorted(slices.Values(slices.Concat(taken[:]...)))
		p := NewPacer(Window{Start: 1e9}, 1e5, arrivals, 7, 0, 1)
		for i, at := range got {
			if want := p.At(int64(i)); at != want {
				t.Fatalf("%q: arrival %d is at %d, not at %d", arrivals, i, at, want)
			}
		}
	}
}

// An event loop takes what is due on its hot path.
func TestTakerAloneAllocatesNothing(t *testing.T) {
	for _, arrivals := range []Arrivals{Constant, Poisson} {
		taker := NewPacer(Window{Start: 1e9}, 1e5, arrivals, 7, 0, 1).Share(1)[0]
		if n := testing.AllocsPerRun(10, func() {
			for range 2 * arrivalsBlock {
				taker.Take()
			}
		}); n > 0 {
			t.Errorf("%q: %v allocations for two blocks", arrivals, n)
		}
	}
}
