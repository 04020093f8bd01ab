package stat

import (
	"math"
	"slices"
)

const (
	levelLeast = 3 // values of a level
	// levelPrice is what a level more must explain, in variances of the mean's
	// noise and times the logarithm of the series' length.
	levelPrice = 7
)

// levels are where the levels of x begin, the first at 0: the cut that is least
// in squared distance from the levels' means plus a price for each, found exactly
// by dynamic programming in n² steps (optimal partitioning: Jackson et al., IEEE
// Signal Processing Letters 2005). The price grows with the correlation of the
// noise, which otherwise looks like steps.
func levels(x []float64, noise serial) []int {
	n := len(x)
	price := levelPrice * math.Log(float64(n)) * noise.inflation() * noise.sd * noise.sd
	sums, squares := make([]float64, n+1), make([]float64, n+1)
	center, _ := moments(x) // the squares of differences from it cancel less
	for i, v := range x {
		v -= center
		sums[i+1], squares[i+1] = sums[i]+v, squares[i]+v*v
	}
	cost := func(from, to int) float64 {
		sum := sums[to] - sums[from]
		return squares[to] - squares[from] - sum*sum/float64(to-from)
	}
	best, cut := make([]float64, n+1), make([]int, n+1)
	best[0] = -price
	for to := 1; to <= n; to++ {
		best[to] = math.Inf(1)
		for from := 0; from <= to-levelLeast; from++ {
			if c := best[from] + cost(from, to) + price; c < best[to] {
				best[to], cut[to] = c, from
			}
		}
	}
	var starts []int
	for at := n; at > 0; at = cut[at] {
		starts = append(starts, cut[at])
	}
	slices.Reverse(starts)
	return starts
}
