package stat

import (
	"math"
	"testing"
)

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b))
}

// The order statistics and their confidence are from the binomial
// distribution with Python 3.11: for n values the interval from the k-th least
// to the k-th greatest has 1 - 2·sum(comb(n,i) for i in range(k))/2**n.
func TestMedian(t *testing.T) {
	up := func(n int) (v []float64) {
		for i := range n {
			v = append(v, float64((i*7)%n+1)) // 1…n in some order; 7 and n are coprime here
		}
		return v
	}
	for _, c := range []struct {
		name   string
		values []float64
		want   Interval
	}{
		{"none", nil, Interval{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}},
		{"one", []float64{5}, Interval{Center: 5, Lo: 5, Hi: 5, N: 1, Range: true}},
		{"two", []float64{4, 2}, Interval{Center: 3, Lo: 2, Hi: 4, N: 2, Confidence: 0.5, Range: true}},
		{"five", up(5), Interval{Center: 3, Lo: 1, Hi: 5, N: 5, Confidence: 0.9375, Range: true}},
		{"six", up(6), Interval{Center: 3.5, Lo: 1, Hi: 6, N: 6, Confidence: 0.96875}},
		{"ten", up(10), Interval{Center: 5.5, Lo: 2, Hi: 9, N: 10, Confidence: 0.978515625}},
		{"twenty", up(20), Interval{Center: 10.5, Lo: 6, Hi: 15, N: 20, Confidence: 0.9586105346679688}},
		{"not measured", []float64{math.NaN(), 1, 2, 3, math.Inf(1)}, Interval{Center: 2, Lo: 1, Hi: 3, N: 3, Confidence: 0.75, Range: true}},
	} {
		got := Median(c.values)
		if !near(got.Center, c.want.Center) || !near(got.Lo, c.want.Lo) || !near(got.Hi, c.want.Hi) ||
			!near(got.Confidence, c.want.Confidence) || got.N != c.want.N || got.Range != c.want.Range {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := Median(up(6)).HalfWidth(); !near(got, 2.5/3.5) {
		t.Errorf("half width %v, want %v", got, 2.5/3.5)
	}
	if got, want := Median(up(5)).Method(), "least and greatest of 5"; got != want {
		t.Errorf("method %q, want %q", got, want)
	}
	if got, want := Median(up(10)).Method(), "95 % interval of the median of 10"; got != want {
		t.Errorf("method %q, want %q", got, want)
	}
}

func TestMedianLeavesItsInputAlone(t *testing.T) {
	v := []float64{3, 1, 2}
	Median(v)
	if v[0] != 3 || v[1] != 1 || v[2] != 2 {
		t.Errorf("input became %v", v)
	}
}
