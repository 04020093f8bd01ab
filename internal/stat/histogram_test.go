package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
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
		if q.A.Center != all[0][rank] || q.B.Center != all[1][rank] {
			t.Errorf("quantile %v: %v and %v, want %v and %v", q.Q, q.A.Center, q.B.Center, all[0][rank], all[1][rank])
		}
		if supported := q.Q < 0.999; supported == math.IsNaN(q.Ratio.Center) || supported == math.IsNaN(q.Ratio.Lo) || supported == math.IsNaN(q.A.Lo) {
			t.Errorf("quantile %v of 3,000 values: %+v", q.Q, q)
		} else if supported && !(q.Ratio.Lo < q.Ratio.Center && q.Ratio.Center < q.Ratio.Hi && near(q.Ratio.Center, q.A.Center/q.B.Center)) {
			t.Errorf("quantile %v: %+v", q.Q, q)
		}
		if r, q := inverse[i].Ratio, q.Ratio; !within(r.Center, 1/q.Center, 1e-9) || !within(r.Lo, 1/q.Hi, 1e-9) || !within(r.Hi, 1/q.Lo, 1e-9) {
			t.Errorf("quantile %v swapped: %+v, want the inverse of %+v", inverse[i].Q, r, q)
		}
	}
	for name, pairs := range map[string][][2][]Bucket{"none": nil, "empty": {{}, {}, {}}, "one side": {{pairs[0][0]}, {pairs[1][0]}, {pairs[2][0]}}} {
		for _, q := range ShiftFunction(1, pairs) {
			if !math.IsNaN(q.Ratio.Center) || !math.IsNaN(q.Ratio.Lo) || !math.IsNaN(q.B.Center) {
				t.Errorf("%s: %+v", name, q)
			}
		}
	}
	if two := ShiftFunction(1, pairs[:2])[4]; math.IsNaN(two.Ratio.Center) || !math.IsNaN(two.Ratio.Lo) {
		t.Errorf("two trials: %+v, want a ratio without an interval", two)
	}
}

// Samples taken apart have the same quantiles as pairs of them, and wider intervals
// where the pairs share their level; the order of either does not matter to them.
func TestShiftApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pairs, _ := latencies(rng, 8, 500, 1.2, 0.01)
	var a, b [][]Bucket
	for _, p := range pairs {
		a, b = append(a, p[0]), append(b, p[1])
	}
	for i, q := range ShiftFunction(1, pairs) {
		apart := ShiftApart(1, a, b)[i]
		if apart.A.Center != q.A.Center || apart.B.Center != q.B.Center || !within(apart.Ratio.Center, q.Ratio.Center, 1e-12) {
			t.Errorf("quantile %v: %+v apart, %+v in pairs", q.Q, apart, q)
		}
		if q.Q <= 0.9 && !(apart.Ratio.Hi/apart.Ratio.Lo > 1.5*q.Ratio.Hi/q.Ratio.Lo-0.5) {
			t.Errorf("quantile %v: %v apart is no wider than %v in pairs", q.Q, apart.Ratio, q.Ratio)
		}
	}
	if q := ShiftApart(1, a[:3], b)[4]; !q.Ratio.Known() || q.Ratio.Pairs != 3 || q.B.N != 8 {
		t.Errorf("three against eight: %+v", q)
	}
	if q := ShiftApart(1, a[:2], b)[4]; q.Ratio.Known() || math.IsNaN(q.Ratio.Center) {
		t.Errorf("two against eight: %+v, want a ratio without an interval", q)
	}
}

func TestShiftFunctionCovers(t *testing.T) {
	testenv.Long(t)
	for _, trials := range []int{3, 5, 8, 15} {
		rng := rand.New(rand.NewPCG(3, 4))
		const runs = 500
		in, inApart := map[float64]int{}, map[float64]int{}
		count := func(in map[float64]int, shifts []Quantile) {
			for _, q := range shifts {
				if q.Ratio.Lo <= 1.1 && 1.1 <= q.Ratio.Hi {
					in[q.Q]++
				}
			}
		}
		for range runs {
			pairs, _ := latencies(rng, trials, 1000, 1.1, 0.05)
			count(in, ShiftFunction(1, pairs))
			others, _ := latencies(rng, trials, 1000, 1.1, 0.05)
			var a, b [][]Bucket
			for i := range pairs {
				a, b = append(a, pairs[i][0]), append(b, others[i][1])
			}
			count(inApart, ShiftApart(1, a, b))
		}
		for _, of := range []map[float64]int{in, inApart} {
			for q, n := range of {
				if got := float64(n) / runs; got < 0.92 || got > 0.99 {
					t.Errorf("%d trials: the interval of quantile %v covers %.3f", trials, q, got)
				}
			}
		}
	}
}
