package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Scale does not matter, swapping a and b gives the inverse, order does not count.
func TestComparisonsAreSymmetric(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		n := 6 + rng.IntN(20)
		sessions := simulate(rng, bursts, 1+rng.IntN(2)*5, n, 1.1, 0.05, 0.02)
		change := func(f func(p [2]float64) [2]float64) (all [][][2]float64) {
			for _, s := range sessions {
				var c [][2]float64
				for _, p := range s {
					c = append(c, f(p))
				}
				all = append(all, c)
			}
			return all
		}
		of := func(s [][][2]float64) (c []float64) {
			e := Compare(s...)
			for _, iv := range []Interval{{Center: e.Center, Lo: e.Lo, Hi: e.Hi}, CompareRobust(s...)} {
				c = append(c, iv.Center, iv.Lo, iv.Hi)
			}
			return append(c, e.P())
		}
		base := of(sessions)
		scaled := of(change(func(p [2]float64) [2]float64 { return [2]float64{p[0] * 7, p[1] * 7} }))
		swapped := of(change(func(p [2]float64) [2]float64 { return [2]float64{p[1], p[0]} }))
		for i := 0; i < 6; i += 3 { // an inverse has its ends the other way round
			swapped[i], swapped[i+1], swapped[i+2] = 1/swapped[i], 1/swapped[i+2], 1/swapped[i+1]
		}
		shuffled := slices.Clone(sessions)
		for i, s := range shuffled {
			shuffled[i] = slices.Clone(s)
			rng.Shuffle(n, func(j, k int) { shuffled[i][j], shuffled[i][k] = shuffled[i][k], shuffled[i][j] })
		}
		rng.Shuffle(len(shuffled), func(j, k int) { shuffled[j], shuffled[k] = shuffled[k], shuffled[j] })
		for name, got := range map[string][]float64{"scaled": scaled, "swapped": swapped, "shuffled": of(shuffled)} {
			for i := range got {
				if !within(got[i], base[i], 1e-9) {
					t.Errorf("%s, figure %d: %v, want %v", name, i, got[i], base[i])
				}
			}
		}
	}
}

func TestCompareRobust(t *testing.T) {
	got := CompareRobust(ratiosOf(ten))
	if !near(got.Center, math.Exp(0.0255)) || !near(got.Lo, math.Exp(0.007)) || !near(got.Hi, math.Exp(0.0435)) || got.N != 10 {
		t.Errorf("%+v", got)
	}
	if several := CompareRobust(ratiosOf(ten), ratiosOf(ten)); several.N != 2 || !math.IsNaN(several.Lo) {
		t.Errorf("two sessions: %+v, want two values without an interval", several)
	}
	if none := CompareRobust(); !math.IsNaN(none.Center) || none.N != 0 {
		t.Errorf("of nothing: %+v", none)
	}
}
