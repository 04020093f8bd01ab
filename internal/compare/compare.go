package compare

import (
	"cmp"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// Options say what matters.
type Options struct {
	// Threshold is the least fraction that matters; 0 is Threshold.
	Threshold float64
	// Seed is of what is drawn at random, so that a comparison can be repeated.
	Seed uint64
	// BaseName and HeadName are where the results come from, such as their files.
	BaseName, HeadName string
}

// A Comparison is of all that base and head have in common.
type Comparison struct {
	Base, Head Side
	// Differences are of the conditions, the gravest first.
	Differences []result.Difference
	Findings    []Finding // the most relevant first
	// Shifts are of latencies, in the order of the plan.
	Shifts []Shift
	// Unmatched are cells that the other side does not have.
	Unmatched []Unmatched
	Warnings  []string
}

// A Side is where the trials of one side come from.
type Side struct {
	Name   string // of the file, the command or the revision
	Commit string
}

// An Unmatched is a cell of one side alone.
type Unmatched struct {
	Side       string // "base" or "head"
	Contestant string
	Load       result.Load
}

// A Shift is where in the distribution of latencies head differs from base: in each
// quantile A is head's, B is base's.
type Shift struct {
	Contestant string
	Load       result.Load
	Quantiles  []stat.Quantile
}

// conclude judges what was found, all together, and puts it in order.
func (c *Comparison) conclude(threshold float64) {
	p := make([]float64, len(c.Findings))
	for i, f := range c.Findings {
		p[i] = math.NaN()
		if !f.Exact {
			p[i] = f.Effect.P()
		}
	}
	for i, q := range stat.QValues(p) {
		c.Findings[i].Q = q
		c.Findings[i] = c.Findings[i].At(threshold)
	}
	slices.SortStableFunc(c.Findings, func(x, y Finding) int {
		if x.Verdict != y.Verdict {
			return cmp.Compare(y.Verdict.rank(), x.Verdict.rank())
		}
		return cmp.Compare(y.beyondFloor(), x.beyondFloor())
	})
}

// rank is higher for what a reader wants first.
func (v Verdict) rank() int {
	return [...]int{Inconclusive: 1, NoDifference: 0, Improvement: 2, Regression: 3}[v]
}

// beyondFloor is how far the effect goes beyond the noise.
func (f *Finding) beyondFloor() float64 {
	if math.IsNaN(f.Effect.Center) {
		return math.Inf(-1)
	}
	return math.Abs(math.Log(f.Effect.Center)) - math.Log1p(f.Floor)
}
