package stat

import (
	"math"
	"testing"
)

// Clopper and Pearson's intervals as Newcombe prints them ("Two-sided confidence
// intervals for the single proportion", Statistics in Medicine 1998, table I).
func TestShare(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 0.2527, 0.3676},
		{15, 148, 0.0578, 0.1617},
		{0, 20, 0, 0.1684},
		{1, 29, 0.0009, 0.1776},
		{20, 20, 1 - 0.1684, 1},
	} {
		if got := Share(c.k, c.n); math.Abs(got.Lo-c.lo) > 5e-5 || math.Abs(got.Hi-c.hi) > 5e-5 || got.Center != float64(c.k)/float64(c.n) {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, got.Lo, got.Hi, c.lo, c.hi)
		}
	}
	if got := Share(0, 0); !math.IsNaN(got.Center) || !math.IsNaN(got.Lo) || !math.IsNaN(got.Hi) {
		t.Errorf("none of none: %+v", got)
	}
}

// The ends are the shares for which the tails are one in forty: counted out.
func TestShareTails(t *testing.T) {
	atMost := func(k, n int, p float64) (sum float64) {
		for i := range k + 1 {
			c := 1.0
			for j := range i {
				c *= float64(n-j) / float64(j+1)
			}
			sum += c * math.Pow(p, float64(i)) * math.Pow(1-p, float64(n-i))
		}
		return sum
	}
	for _, n := range []int{1, 2, 7, 100} {
		for k := range n + 1 {
			got := Share(k, n)
			if k > 0 && !within(1-atMost(k-1, n, got.Lo), 0.025, 1e-9) {
				t.Errorf("%d of %d: %v or more for %v", k, n, 1-atMost(k-1, n, got.Lo), got.Lo)
			}
			if k < n && !within(atMost(k, n, got.Hi), 0.025, 1e-9) {
				t.Errorf("%d of %d: %v or fewer for %v", k, n, atMost(k, n, got.Hi), got.Hi)
			}
		}
	}
}
