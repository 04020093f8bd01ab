package compare

import (
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/stat"
)

// An exact counter is one that its program decides, not the moment: with one
// connection, or one operation in flight, every message takes the same calls; with
// many, how much a call takes with it depends on what has come meanwhile. Which it is
// is not assumed but seen: of both sides at least Least trials, and no two of one side,
// those of the same contestant in an A/A among them, farther apart than exactSpread;
// the other side may spread by alikeSpread, as what is near a limit should not
// fall on either side of it by chance. On a shared machine such counters spread by
// 0.2 % at most, where the ends of a trial cut a message in two, and others by 1.7 %
// at least.
const (
	exactSpread = 0.005
	alikeSpread = 0.015
)

const (
	// resolutionLeast is what the cut ends of a trial of a thousand messages come to.
	resolutionLeast = 0.001
	// resolutionSpreads is how many times farther apart than the trials of a side the
	// medians must be to be of different programs.
	resolutionSpreads = 2
)

// exact reports whether counters are that spread by so much on the one side and on
// the other.
func exact(a, b float64) bool { return min(a, b) <= exactSpread && max(a, b) <= alikeSpread }

// compareExactly compares counters of which no side spreads by more than that.
func (f *Finding) compareExactly(base, head []float64, spread float64) {
	f.Effect = stat.Effect{
		Center: share(f.Head.Center, f.Base.Center),
		Lo:     share(slices.Min(head), slices.Max(base)), Hi: share(slices.Max(head), slices.Min(base)),
		Pairs: min(len(base), len(head)), Sessions: 1,
	}
	f.Resolution = max(resolutionLeast, resolutionSpreads*spread)
}

// exactly says whether counters that are exact differ.
func exactly(ratio, resolution float64) stat.Verdict {
	switch far := math.Log1p(resolution); {
	case math.Log(ratio) > far:
		return stat.Greater
	case math.Log(ratio) < -far:
		return stat.Less
	}
	return stat.NoDifference
}

// spreadOf is by what fraction the greatest exceeds the least; NaN if one was not
// counted.
func spreadOf(values []float64) float64 {
	if slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN()
	}
	return share(slices.Max(values), slices.Min(values)) - 1
}

// share is a/b of counts, of which none to none is as many.
func share(a, b float64) float64 {
	if a == b {
		return 1
	}
	return a / b
}
