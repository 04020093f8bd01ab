package backends

import (
	"math/rand/v2"
	"slices"
	"testing"
)

const far = 1 << 62 // beyond any test's end, on Nanotime's scale

// TestTimersOrder compares the heap with a sorted list, through additions and
// cancellations at random.
func TestTimersOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var timers Timers
	var ops []*Op
	for i := range 500 {
		// Hours apart, so that the clock's own advance decides nothing.
		op := &Op{Code: Timeout, Off: int64(rng.IntN(100)) * 3600e9}
		timers.Add(op)
		ops = append(ops, op)
		if i%3 == 0 {
			k := rng.IntN(len(ops))
			if !timers.Cancel(ops[k]) {
				t.Fatal("a timer that was added is not there")
			}
			if timers.Cancel(ops[k]) {
				t.Fatal("a timer was cancelled twice")
			}
			ops = slices.Delete(ops, k, k+1)
		}
	}
	slices.SortStableFunc(ops, func(a, b *Op) int { return int((a.Off - b.Off) / 3600e9) })
	for i, want := range ops {
		if _, ok := timers.Next(); !ok {
			t.Fatalf("no timer after %d of %d", i, len(ops))
		}
		if got := timers.Expire(far); got != want {
			t.Fatalf("timer %d is one of %d h, not of %d h in the order of submission", i, got.Off/3600e9, want.Off/3600e9)
		}
	}
	if _, ok := timers.Next(); ok || timers.Expire(far) != nil || timers.Pop() != nil {
		t.Error("a timer is left over")
	}
}

func TestTimersExpireWhenDue(t *testing.T) {
	var timers Timers
	before := Nanotime()
	op := &Op{Code: Timeout, Off: 3600e9}
	timers.Add(op)
	when, ok := timers.Next()
	if !ok || when < before+op.Off || when > Nanotime()+op.Off {
		t.Fatalf("an hour from %d is %d", before, when)
	}
	if timers.Expire(when-1) != nil {
		t.Error("a timer ended a nanosecond early")
	}
	if timers.Expire(when) != op {
		t.Error("a timer did not end when it was due")
	}
	timers.Add(op)
	if timers.Pop() != op {
		t.Error("Pop did not take the only timer")
	}
	if n := testing.AllocsPerRun(100, func() { timers.Add(op); timers.Pop() }); n != 0 {
		t.Errorf("%v allocations to add and take a timer", n)
	}
}
