package stat

import (
	"math"
	"slices"
)

// exactMax is the greatest number of values for which Wilcoxon's distribution is
// counted out; beyond it the normal distribution is close.
const exactMax = 50

// signedRank is Wilcoxon's two-sided p for values that lie symmetrically about
// zero. Equal distances from zero share their mean rank. Zeros are ranked and
// then left out, by Pratt's rule: they count for nothing but make the ranks of
// the others the higher. Up to 50 values, zeros included, it is exact given
// those ranks, ties or not; beyond it is normal with a correction for continuity.
// The least p of n values is 2/2ⁿ, so fewer than six never reach 0.05. NaN
// without values, 1 where all are zero.
func signedRank(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	byDistance := slices.Clone(values)
	slices.SortFunc(byDistance, func(a, b float64) int {
		switch a, b = math.Abs(a), math.Abs(b); {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	var doubled []int // ranks of what is not zero, twice, as a mean rank may end in a half
	above, all := 0, 0
	for i := 0; i < len(byDistance); {
		j := i
		for j < len(byDistance) && math.Abs(byDistance[j]) == math.Abs(byDistance[i]) {
			j++
		}
		for _, x := range byDistance[i:j] {
			rank := i + j + 1
			if x == 0 {
				continue
			}
			doubled = append(doubled, rank)
			all += rank
			if x > 0 {
				above += rank
			}
		}
		i = j
	}
	least := min(above, all-above)
	if len(values) <= exactMax {
		return min(1, 2*below(signSums(doubled), least))
	}
	var squares float64
	for _, r := range doubled {
		squares += float64(r*r) / 4
	}
	distance := float64(all)/4 - float64(least)/2 - 0.5
	return min(1, math.Erfc(max(0, distance)/math.Sqrt(squares/4)/math.Sqrt2))
}

// signSums is the distribution of the sum of those ranks whose sign, drawn by a
// fair coin, is plus: the probability of each sum from 0 on.
func signSums(ranks []int) []float64 {
	sum := 0
	for _, r := range ranks {
		sum += r
	}
	p := make([]float64, sum+1)
	p[0] = 1
	reach := 0
	for _, r := range ranks {
		reach += r
		for s := reach; s >= 0; s-- {
			p[s] /= 2
			if s >= r {
				p[s] += p[s-r] / 2
			}
		}
	}
	return p
}

// below is the probability of at most sum.
func below(p []float64, sum int) (total float64) {
	for _, x := range p[:sum+1] {
		total += x
	}
	return total
}
