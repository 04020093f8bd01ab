package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Scale does not matter, swapping a and b gives the inverse, order does not count.
// The ends of the median are those of benchmath, which for some numbers of values
// leaves out one more of the least than of the greatest.
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
			e, r := Compare(s...), CompareRobust(1, s...)
			for _, iv := range []Interval{{Center: e.Center, Lo: e.Lo, Hi: e.Hi}, r.Median, r.Shift} {
				c = append(c, iv.Center, iv.Lo, iv.Hi)
			}
			return append(c, e.P(), r.SignedRank)
		}
		base := of(sessions)
		scaled := of(change(func(p [2]float64) [2]float64 { return [2]float64{p[0] * 7, p[1] * 7} }))
		swapped := of(change(func(p [2]float64) [2]float64 { return [2]float64{p[1], p[0]} }))
		for i := 0; i < 9; i += 3 { // an inverse has its ends the other way round
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
				if medianEnds := i == 4 || i == 5; medianEnds && name == "swapped" {
					continue
				}
				if !within(got[i], base[i], 1e-9) {
					t.Errorf("%s, figure %d: %v, want %v", name, i, got[i], base[i])
				}
			}
		}
	}
}

func TestCompareRobust(t *testing.T) {
	got := CompareRobust(1, ratiosOf(ten))
	if want := math.Exp(0.0255); !near(got.Shift.Center, want) || !near(got.Median.Center, math.Exp(0.024)) || !near(got.SignedRank, 0.013671875) {
		t.Errorf("%+v", got)
	}
	if again := CompareRobust(1, ratiosOf(ten)); again != got {
		t.Errorf("the same seed gave %+v, then %+v", got, again)
	}
	if other := CompareRobust(2, ratiosOf(ten)); other.Bootstrap == got.Bootstrap {
		t.Error("the seed makes no difference")
	}
	if several := CompareRobust(1, ratiosOf(ten), ratiosOf(ten)); several.Shift.N != 2 || !math.IsNaN(several.Shift.Lo) {
		t.Errorf("two sessions: %+v, want a shift of two values without an interval", several.Shift)
	}
	if none := CompareRobust(1); !math.IsNaN(none.SignedRank) || !math.IsNaN(none.Shift.Center) || !math.IsNaN(none.Bootstrap.Center) || none.Shift.N != 0 {
		t.Errorf("of nothing: %+v", none)
	}
}
