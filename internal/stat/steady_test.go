package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// series is n values about 10,000 whose noise of 5 % keeps a part of the one before.
func series(rng *rand.Rand, of noise, n int, kept float64) []float64 {
	x := make([]float64, n)
	off := 0.0
	for i := -20; i < n; i++ {
		off = kept*off + math.Sqrt(1-kept*kept)*of(rng)
		if i >= 0 {
			x[i] = 10000 * math.Exp(0.05*off)
		}
	}
	return x
}

func TestSteady(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	shaped := func(n int, shape func(i int) float64) []float64 {
		x := series(rng, normal, n, 0)
		for i := range x {
			x[i] *= shape(i)
		}
		return x
	}
	step := func(at int, before, after float64) func(int) float64 {
		return func(i int) float64 {
			if i < at {
				return before
			}
			return after
		}
	}
	for _, c := range []struct {
		name   string
		values []float64
		want   Steadiness
		from   int
	}{
		{"none", nil, Unknown, 0},
		{"short", slices.Repeat([]float64{1}, 19), Unknown, 19},
		{"a gap", append(slices.Repeat([]float64{1}, 30), math.NaN()), Unknown, 31},
		{"constant", slices.Repeat([]float64{100}, 20), Flat, 0},
		{"idle", make([]float64, 30), Flat, 0},
		{"noise", shaped(60, step(0, 1, 1)), Flat, 0},
		{"two stalls in a row", shaped(60, func(i int) float64 { return step(30, 1, step(32, 0, 1)(i))(i) }), Flat, 0},
		{"warm-up", shaped(60, step(12, 0.7, 1)), WarmUp, 12},
		{"slow ramp", shaped(60, func(i int) float64 { return min(1, 0.4+float64(i)*0.03) }), WarmUp, -1},
		{"slowdown", shaped(60, step(25, 1.3, 1)), Slowdown, 25},
		{"dip", shaped(90, func(i int) float64 { return step(30, 1, step(45, 0.7, 1)(i))(i) }), WarmUp, 45},
		{"late change", shaped(60, step(50, 1, 0.7)), NoSteadyState, 60},
		{"ever slower", shaped(100, func(i int) float64 { return 1 - float64(i)/125 }), NoSteadyState, 100},
		{"less than matters", func() []float64 {
			x := slices.Repeat([]float64{100}, 30)
			return append(x, slices.Repeat([]float64{101}, 30)...)
		}(), Flat, 0},
	} {
		got, from := Steady(c.values)
		if got != c.want || c.from >= 0 && (from < c.from-1 || from > c.from+1) {
			t.Errorf("%s: %v from %d, want %v from %d", c.name, got, from, c.want, c.from)
		}
		for i := range c.values {
			c.values[i] *= 1e-6
		}
		if scaled, then := Steady(c.values); scaled != got || then != from {
			t.Errorf("%s: %v from %d in other units, %v from %d before", c.name, scaled, then, got, from)
		}
	}
}

// Noise that hangs together from value to value is not taken for steps, and a
// step that is four times as large as independent noise is found.
func TestSteadyKnowsNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	runs, lengths := 200, []int{20, 60}
	if testenv.IsLong() {
		runs, lengths = 10000, []int{20, 30, 60, 100}
	}
	found := 0
	for range runs {
		x := series(rng, normal, 100, 0)
		for i := range 25 {
			x[i] *= 0.8
		}
		if s, _ := Steady(x); s == WarmUp {
			found++
		}
	}
	if got := float64(found) / float64(runs); got < 0.96 {
		t.Errorf("%.3f of warm-ups are found", got)
	}
	for _, of := range []noise{normal, bursts, heavy} {
		for _, n := range lengths {
			for _, kept := range []float64{0, 0.4, 0.7} {
				wrong := 0
				for range runs {
					if s, _ := Steady(series(rng, of, n, kept)); s != Flat {
						wrong++
					}
				}
				if got := float64(wrong) / float64(runs); got > 0.08 {
					t.Errorf("%d values that keep %v: %.3f are called other than flat", n, kept, got)
				}
			}
		}
	}
}

// The levels are those of least cost among all cuts of a short series.
func TestLevelsAreBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 14
	for range 20 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
			if i >= 5 {
				x[i] += float64(rng.IntN(2)) * 8
			}
		}
		of := serial{1, 0.1}
		cost := func(starts []int) (sum float64) {
			for i, from := range starts {
				to := n
				if i+1 < len(starts) {
					to = starts[i+1]
				}
				if to-from < levelLeast {
					return math.Inf(1)
				}
				mean, _ := moments(x[from:to])
				for _, v := range x[from:to] {
					sum += (v - mean) * (v - mean)
				}
			}
			return sum + float64(len(starts)-1)*levelPrice*math.Log(n)*of.inflation()
		}
		least := math.Inf(1)
		for cuts := range 1 << (n - 1) {
			starts := []int{0}
			for i := range n - 1 {
				if cuts>>i&1 == 1 {
					starts = append(starts, i+1)
				}
			}
			least = min(least, cost(starts))
		}
		if got := levels(x, of); !near(cost(got), least) {
			t.Errorf("levels at %v cost %v, the best %v", got, cost(got), least)
		}
	}
}

// Leaving out blocks of beginnings changes no level, whatever the series and its noise
// are: the plain definition of optimal partitioning finds the same.
func TestLevelsArePlainOnes(t *testing.T) {
	plain := func(x []float64, noise serial) (starts []int) {
		n := len(x)
		price := levelPrice * math.Log(float64(n)) * noise.inflation() * noise.sd * noise.sd
		center, _ := moments(x)
		sums, before, cut := make([]float64, n+1), make([]float64, n+1), make([]int, n+1)
		before[0] = -price
		for to := 1; to <= n; to++ {
			sums[to] = sums[to-1] + x[to-1] - center
			best := math.Inf(1)
			for from := 0; from <= to-levelLeast; from++ {
				d := sums[to] - sums[from]
				if c := before[from] - d*d/float64(to-from); c < best {
					best, cut[to] = c, from
				}
			}
			before[to] = best + price
		}
		for at := n; at > 0; at = cut[at] {
			starts = append([]int{cut[at]}, starts...)
		}
		return starts
	}
	rng := rand.New(rand.NewPCG(7, 8))
	several := 0
	for range 300 {
		x := series(rng, []noise{normal, heavy, bursts}[rng.IntN(3)], 20+rng.IntN(180), rng.Float64()*0.9)
		level, every := 1.0, 5+rng.IntN(200)
		for i := range x {
			switch rng.IntN(every) {
			case 0:
				level *= 0.5 + rng.Float64()
			case 1:
				x[i] = 0
			}
			x[i] *= level
			if every%4 == 0 {
				x[i] = math.Round(x[i] / 1000) // many are alike, and so are costs
			}
		}
		of := noiseOf(x)
		of.sd *= rng.Float64() * 2
		want := plain(x, of)
		if len(want) > 2 {
			several++
		}
		if got := levels(x, of); !slices.Equal(got, want) {
			t.Errorf("levels at %v of %v in noise of %v, which begin at %v", got, x, of, want)
		}
	}
	if several < 50 {
		t.Errorf("%d series of several levels", several)
	}
}

func TestPartition(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		x := make([]float64, 1+rng.IntN(40))
		for i := range x {
			x[i] = float64(rng.IntN(20))
		}
		sorted, k := slices.Sorted(slices.Values(x)), rng.IntN(len(x))
		partition(x, k)
		if kth := x[k]; kth != sorted[k] || slices.Max(x[:k+1]) != kth || slices.Min(x[k:]) != kth {
			t.Fatalf("%v, of which %d are to be the least", x, k)
		}
		if slices.Sort(x); !slices.Equal(x, sorted) {
			t.Fatalf("%v has become %v", sorted, x)
		}
	}
}

func BenchmarkSteady(b *testing.B) {
	x := series(rand.New(rand.NewPCG(9, 10)), normal, 390, 0.3)
	for b.Loop() {
		Steady(x)
	}
}
