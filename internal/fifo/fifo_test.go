package fifo

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The queue agrees with a plain slice over a random course of pushes and pops.
func TestAgainstSlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q Queue[int]
	var want []int
	for i := range 100_000 {
		if rng.IntN(5) < 2 && len(want) > 0 {
			if got := q.Pop(); got != want[0] {
				t.Fatalf("step %d: popped %d, want %d", i, got, want[0])
			}
			want = want[1:]
		} else if len(want) < 50 {
			q.Push(i)
			want = append(want, i)
		}
		if q.Len() != len(want) {
			t.Fatalf("step %d: length %d, want %d", i, q.Len(), len(want))
		}
		if len(want) > 0 && *q.Front() != want[0] {
			t.Fatalf("step %d: front %d, want %d", i, *q.Front(), want[0])
		}
	}
	if c := len(q.items); c > 256 {
		t.Errorf("never held more than 50 values, but has room for %d", c)
	}
	rest := slices.Clone(want)
	for _, w := range rest {
		if got := q.Pop(); got != w {
			t.Fatalf("popped %d, want %d", got, w)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	q := New[int](8)
	if n := testing.AllocsPerRun(1000, func() {
		for range 5 {
			q.Push(1)
		}
		for range 5 {
			q.Pop()
		}
	}); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}
