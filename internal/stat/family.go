package stat

import (
	"cmp"
	"math"
	"slices"
)

// QValues are Benjamini and Hochberg's, in the order of p: those who call every
// comparison of the family with a q of at most 0.05 a difference are wrong in at
// most one of twenty of the differences they call, on average, if the
// comparisons are independent or move together. A NaN is no member of the family
// and stays NaN.
func QValues(p []float64) []float64 {
	q := slices.Clone(p)
	var order []int
	for i, x := range p {
		if !math.IsNaN(x) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	least := 1.0
	for rank := len(order); rank > 0; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(order))/float64(rank))
		q[i] = least
	}
	return q
}
