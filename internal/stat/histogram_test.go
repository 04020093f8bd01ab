package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// latencies are pairs of histograms of values that a trial's pair shares the
// level of, and either side has a level of its own; A is by ratio greater.
func latencies(rng *rand.Rand, trials, values int, ratio, own float64) (pairs [][2][]Bucket, all [2][]float64) {
	for range trials {
		var p [2][]Bucket
		shared := rng.NormFloat64() * 0.1
		for side := range p {
			level, counts := shared+own*rng.NormFloat64(), map[float64]int64{}
			for range values {
				x := math.Exp(0.5*rng.NormFloat64() + level)
				if side == 0 {
					x *= ratio
				}
				x = math.Round(100 * x)
				counts[x]++
				all[side] = append(all[side], x)
			}
			for v, c := range counts {
				p[side] = append(p[side], Bucket{v, c})
			}
		}
		pairs = append(pairs, p)
	}
	slices.Sort(all[0])
	slices.Sort(all[1])
	return pairs, all
}

func TestShiftFunction(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pairs, all := latencies(rng, 6, 500, 1.2, 0.05)
	swapped := make([][2][]Bucket, len(pairs))
	for i, p := range pairs {
		swapped[i] = [2][]Bucket{p[1], p[0]}
	}
	inverse := ShiftFunction(1, swapped)
	for i, q := range ShiftFunction(1, pairs) {
		// The quantile is the value at its rank among all values, one by one.
		rank := int(math.Round(q.Q*3000)) - 1
		if q.A != all[0][rank] || q.B != all[1][rank] {
			t.Errorf("quantile %v: %v and %v, want %v and %v", q.Q, q.A, q.B, all[0][rank], all[1][rank])
		}
		if supported := q.Q < 0.999; supported == math.IsNaN(q.Ratio) || supported == math.IsNaN(q.Lo) {
			t.Errorf("quantile %v of 3,000 values: %+v", q.Q, q)
		} else if supported && !(q.Lo < q.Ratio && q.Ratio < q.Hi && near(q.Ratio, q.A/q.B)) {
			t.Errorf("quantile %v: %+v", q.Q, q)
		}
		if r := inverse[i]; !within(r.Ratio, 1/q.Ratio, 1e-9) || !within(r.Lo, 1/q.Hi, 1e-9) || !within(r.Hi, 1/q.Lo, 1e-9) {
			t.Errorf("quantile %v swapped: %+v, want the inverse of %+v", q.Q, r, q)
		}
	}
	for name, pairs := range map[string][][2][]Bucket{"none": nil, "empty": {{}, {}, {}}, "one side": {{pairs[0][0]}, {pairs[1][0]}, {pairs[2][0]}}} {
		for _, q := range ShiftFunction(1, pairs) {
			if !math.IsNaN(q.Ratio) || !math.IsNaN(q.Lo) || !math.IsNaN(q.B) {
				t.Errorf("%s: %+v", name, q)
			}
		}
	}
	if two := ShiftFunction(1, pairs[:2])[4]; math.IsNaN(two.Ratio) || !math.IsNaN(two.Lo) {
		t.Errorf("two trials: %+v, want a ratio without an interval", two)
	}
}

func TestShiftFunctionCovers(t *testing.T) {
	needsLong(t)
	for _, trials := range []int{3, 5, 8, 15} {
		rng := rand.New(rand.NewPCG(3, 4))
		const runs = 500
		in := map[float64]int{}
		for range runs {
			pairs, _ := latencies(rng, trials, 1000, 1.1, 0.05)
			for _, q := range ShiftFunction(1, pairs) {
				if q.Lo <= 1.1 && 1.1 <= q.Hi {
					in[q.Q]++
				}
			}
		}
		for q, n := range in {
			if got := float64(n) / runs; got < 0.92 || got > 0.985 {
				t.Errorf("%d trials: the interval of quantile %v covers %.3f", trials, q, got)
			}
		}
	}
}
