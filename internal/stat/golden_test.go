package stat

import (
	"math"
	"testing"
)

// Samples of log-ratios for golden values: R 4.2.2, SciPy 1.10.1.
var (
	ten   = []float64{0.021, -0.013, 0.054, 0.032, 0.008, 0.047, -0.005, 0.019, 0.066, 0.027}
	sixty = []float64{2.587, -0.897, -0.394, -0.112, 0.453, -0.647, 1.048, 0.183, 0.453, 2.49, 0.657, 3.017,
		2.581, 0.624, 2.196, 0.768, -0.594, -0.007, 0.295, 1.288, 1.14, 1.005, 1.606, -1.088, 1.573, 0.484,
		1.052, 0.892, -0.683, 0.024, -0.571, 1.019, 0.411, 0.222, -0.12, -0.262, 1.298, -0.805, 0.158, 0.615,
		1.519, -0.399, 0.015, -1.012, -0.091, -0.102, 1.651, 0.891, 0.401, 1.231, 0.037, 0.292, 0.667, 2.007,
		1.024, 0.781, -1.268, 0.618, 0.466, -0.6}
)

func within(got, want, by float64) bool {
	return math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= by
}

// R: wilcox.test(x, conf.int=TRUE, exact=TRUE), of sixty exact=FALSE, which then
// interpolates; qsignrank(0.025, n).
func TestHodgesLehmann(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name           string
		values         []float64
		center, lo, hi float64
		by             float64
	}{
		{"none", nil, nan, nan, nan, 0},
		{"five", []float64{5, 1, 2, 3, 4}, 3, nan, nan, 0},
		{"six", ten[:6], 0.0265, -0.013, 0.054, 1e-12},
		{"ten", ten, 0.0255, 0.007, 0.0435, 1e-12},
		{"sixty", sixty, 0.48707944855, 0.24146285961, 0.75493337503, 0.002},
	} {
		got := hodgesLehmann(c.values)
		if !within(got.Center, c.center, c.by) || !within(got.Lo, c.lo, c.by) || !within(got.Hi, c.hi, c.by) {
			t.Errorf("%s: %+v, want %v, %v to %v", c.name, got, c.center, c.lo, c.hi)
		}
	}
	for n, want := range map[int]int{5: 0, 6: 1, 10: 9, 20: 53, 30: 138, 50: 435} {
		if got, confident := signedRankQuantile(n); got != want || got > 0 && (confident < 0.95 || confident > 0.97) {
			t.Errorf("of %d values %d are out, confidence %v; want %d", n, got, confident, want)
		}
	}
}

// R: p.adjust(p, "BH").
func TestQValues(t *testing.T) {
	p := []float64{0.216, 0.001, 0.039, math.NaN(), 0.008, 0.041, 0.042, 0.06, 0.205, 0.074, 0.212}
	want := []float64{0.216, 0.01, 0.084, math.NaN(), 0.04, 0.084, 0.084, 0.1, 0.216, 0.105714285714285705, 0.216}
	for i, q := range QValues(p) {
		if !within(q, want[i], 1e-15) {
			t.Errorf("p %v has q %v, want %v", p[i], q, want[i])
		}
	}
}

// R: t.test(x)$p.value.
func TestP(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"ten", ten, 0.010736856957565316},
		{"one", ten[:1], math.NaN()},
		{"no spread", []float64{0, 0}, 1},
		{"the same effect", []float64{1, 1}, 0},
	} {
		if got := Compare(ratiosOf(c.values)).P(); !within(got, c.want, 1e-9) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// ratiosOf are pairs with these log-ratios.
func ratiosOf(logs []float64) (pairs [][2]float64) {
	for _, x := range logs {
		pairs = append(pairs, [2]float64{math.Exp(x), 1})
	}
	return pairs
}

// detectableOf is that of n pairs whose log-ratios have the standard deviation sd.
func detectableOf(sd float64, n int) float64 {
	return detectable(sd/math.Sqrt(float64(n)), float64(n-1), 0)
}

// R: power.t.test(n=n, sd=0.05, power=0.8, type="one.sample", strict=TRUE)$delta.
func TestDetectable(t *testing.T) {
	for _, c := range []struct {
		n          int
		delta, off float64 // off: by which fraction it is known to be, too small where it matters
	}{{2, 0.577497905, 0.14}, {3, 0.163178360, 0.055}, {5, 0.0841138346, 0.013}, {6, 0.0717485164, 0.01}, {8, 0.0578163956, 0.005}, {10, 0.0498255927, 0.003}, {30, 0.0264611626, 0.001}} {
		got := math.Log1p(detectableOf(0.05, c.n))
		if !within(got, c.delta, c.off*c.delta) {
			t.Errorf("n = %d: %v, want %v within a fraction of %v", c.n, got, c.delta, c.off)
		}
	}
	if got := detectableOf(0.05, 1); !math.IsNaN(got) {
		t.Errorf("one pair can find %v", got)
	}
	e := Compare(ratiosOf(ten))
	_, sd := moments(ten)
	if got, want := e.Detectable(0, 0), detectableOf(sd, 10); !within(got, want, 1e-9) {
		t.Errorf("the effect can find %v, its spread %v", got, want)
	}
	if got, usual := e.Detectable(0.01, 0.1), e.Detectable(0.01, 0); got < 0.1 || usual > 0.1 {
		t.Errorf("with a floor of 10 %% it can find %v, without %v", got, usual)
	}
}
