package stat

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

func TestVerdict(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name             string
		center, lo, hi   float64
		threshold, floor float64
		want             Verdict
		beyond           Verdict
	}{
		{"tight about 1", 1, 0.995, 1.005, 0.01, 0.002, NoDifference, NoDifference},
		{"small but sure", 1.005, 1.002, 1.008, 0.01, 0.002, NoDifference, NoDifference},
		{"wide about 1", 1, 0.95, 1.05, 0.01, 0.002, Inconclusive, Inconclusive},
		{"a noisy run makes nothing the same", 1, 0.95, 1.05, 0.01, 0.1, Inconclusive, Inconclusive},
		{"greater", 1.05, 1.03, 1.07, 0.01, 0.02, Greater, Greater},
		{"less", 0.95, 0.93, 0.97, 0.01, 0.02, Less, Less},
		{"greater, and perhaps by nothing that matters", 1.02, 1.005, 1.035, 0.01, 0.002, Greater, Inconclusive},
		{"less, and perhaps by nothing that matters", 0.98, 0.97, 0.992, 0.01, 0.002, Less, Inconclusive},
		{"below the floor", 1.05, 1.03, 1.07, 0.01, 0.06, Inconclusive, Inconclusive},
		{"beyond the floor, and perhaps not", 1.05, 1.03, 1.07, 0.01, 0.04, Greater, Inconclusive},
		{"not sure", 1.05, 0.99, 1.11, 0.01, 0.02, Inconclusive, Inconclusive},
		{"no interval", 1.05, nan, nan, 0.01, 0.02, Inconclusive, Inconclusive},
		{"no floor known", 1.05, 1.03, 1.07, 0.01, nan, Inconclusive, Inconclusive},
		{"nothing", nan, nan, nan, 0.01, 0.02, Inconclusive, Inconclusive},
	} {
		e := Effect{Center: c.center, Lo: c.lo, Hi: c.hi, Pairs: 8, Sessions: 1}
		if got := e.Verdict(c.threshold, c.floor); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := e.Beyond(c.threshold, c.floor); got != c.beyond {
			t.Errorf("%s: beyond the threshold %v, want %v", c.name, got, c.beyond)
		}
	}
	if got := Floor(Effect{Center: 1.005, Lo: 0.98, Hi: 1.03}); !near(got, 0.03) {
		t.Errorf("floor %v, want 0.03", got)
	}
	if got := Floor(Effect{Center: 0.97, Lo: 1 / 1.05, Hi: 0.99}); !near(got, 0.05) {
		t.Errorf("floor %v, want 0.05", got)
	}
	if got := Floor(Compare()); !math.IsNaN(got) {
		t.Errorf("floor of nothing is %v", got)
	}
}

// A run with as many more pairs of the same spread settles it, one with fewer
// does not.
func TestMore(t *testing.T) {
	of := func(n int, center, sd float64) Effect {
		half := student(float64(n-1)) * sd / math.Sqrt(float64(n))
		return Effect{Center: center, Lo: center * math.Exp(-half), Hi: center * math.Exp(half), Pairs: n, Sessions: 1}
	}
	for _, c := range []struct{ center, sd, floor float64 }{{1.02, 0.05, 0}, {1, 0.05, 0}, {0.95, 0.2, 0}, {1.05, 0.1, 0.08}} {
		more, ok := of(8, c.center, c.sd).More(0.01, c.floor)
		then := func(n int) Verdict {
			return of(n, c.center, c.sd).Beyond(0.01, c.floor*math.Sqrt(8/float64(n)))
		}
		if !ok || then(8+more) == Inconclusive || then(7+more) != Inconclusive {
			t.Errorf("%+v: %d more pairs, %v: then it is %v, and %v with one fewer", c, more, ok, then(8+more), then(7+more))
		}
	}
	if more, ok := of(8, 1.05, 0.01).More(0.01, 0); more != 0 || !ok {
		t.Errorf("%d more for what is settled", more)
	}
	if more, ok := of(8, 1.009999999, 0.05).More(0.01, 0); ok {
		t.Errorf("%d more settle what is on the threshold", more)
	}
	if _, ok := Compare().More(0.01, 0); ok {
		t.Error("nothing can be settled")
	}
}

// With the floor of an A/A in the same run at most one in fifty of things that
// are the same is called different, and things that are Detectable are found.
func TestVerdictsOnSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	runs := 2000
	if testenv.IsLong() {
		runs = 10000
	}
	for _, n := range []int{5, 20} {
		found := 0
		for range runs {
			floor := Floor(Compare(simulate(rng, normal, 1, n, 1, 0.03, 0)...))
			if v := Compare(simulate(rng, normal, 1, n, 1, 0.03, 0)...).Verdict(0, floor); v != Inconclusive {
				found++
			}
		}
		if got := float64(found) / float64(runs); got > 0.02 {
			t.Errorf("%d pairs: %.4f of A/A runs are called different", n, got)
		}
		effect := 1 + detectableOf(0.03, n)
		power := differing(normal, 1, n, effect, 0.03, 0)
		if math.Abs(power-0.8) > 0.03 {
			t.Errorf("%d pairs: an effect of %v is found in %.3f of runs, want 0.8", n, effect, power)
		}
	}
}
