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
// by dynamic programming (optimal partitioning: Jackson et al., IEEE Signal
// Processing Letters 2005). The price grows with the correlation of the noise, which
// otherwise looks like steps.
//
// Blocks of beginnings that cannot be less than the best so far are left out: nearly
// all where there are few levels, because one more costs its price. At worst it takes
// n² steps.
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
	blocks := make([]startBlock, 0, n/blockLength+1)
	for to := 1; to <= n; to++ {
		best, sum, reach := math.Inf(1), sums[to], max(to-levelLeast+1, 0)
		if reach > 0 {
			blocks = withStart(blocks, reach-1, before[reach-1], sums[reach-1])
		}
		for i := range blocks {
			first := i * blockLength
			end := min(first+blockLength, reach)
			if blocks[i].least(sum, to-end+1) >= best {
				continue
			}
			for from := first; from < end; from++ {
				d := sum - sums[from]
				if c := before[from] - d*d/float64(to-from); c < best {
					best, cut[to] = c, from
				}
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

// blockLength is how many beginnings are looked at, or left out, together.
const blockLength = 16

// A startBlock is so many places next to one another where a level may begin.
type startBlock struct{ before, sumLeast, sumMost float64 }

// withStart adds the place from, the next, to the last block or to a new one.
func withStart(blocks []startBlock, from int, before, sum float64) []startBlock {
	if from%blockLength == 0 {
		return append(blocks, startBlock{before, sum, sum})
	}
	b := &blocks[len(blocks)-1]
	b.before, b.sumLeast, b.sumMost = min(b.before, before), min(b.sumLeast, sum), max(b.sumMost, sum)
	return blocks
}

// least is no more than what a level costs that begins anywhere in the block and ends
// where the sum is that, at least so long. Each of its roundings goes the way of the
// cost's own, so that it holds to the last bit.
func (b startBlock) least(sum float64, shortest int) float64 {
	d := max(sum-b.sumLeast, b.sumMost-sum)
	return b.before - d*d/float64(shortest)
}
