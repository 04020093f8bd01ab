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
	sums := make([]float64, n+1)
	center, _ := moments(x) // what differs from it cancels less
	for i, v := range x {
		sums[i+1] = sums[i] + v - center
	}
	// before[from] is what the levels up to from cost, without the squares of the values
	// up to there, which are the same however they are cut.
	before, cut := make([]float64, n+1), make([]int, n+1)
	before[0] = -price
	for to := 1; to <= n; to++ {
		best, sum := math.Inf(1), sums[to]
		for from, c := range before[:max(to-levelLeast+1, 0)] {
			d := sum - sums[from]
			if c -= d * d / float64(to-from); c < best {
				best, cut[to] = c, from
			}
		}
		before[to] = best + price
	}
	var starts []int
	for at := n; at > 0; at = cut[at] {
		starts = append(starts, cut[at])
	}
	slices.Reverse(starts)
	return starts
}
