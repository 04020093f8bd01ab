package compare

import (
	"fmt"
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

const (
	// Threshold is the least fraction by which a ratio matters, where nobody says.
	Threshold = 0.01
	// FalseDiscoveries is the share of the differences called that may be none.
	FalseDiscoveries = 0.05
	// Least is how many pairs, or trials of each side, a verdict takes.
	Least = 3
)

// A Finding is one metric of one contestant under one load.
type Finding struct {
	Contestant string
	Load       result.Load
	Metric     Metric
	// Lower says that less is better.
	Lower      bool
	Base, Head stat.Interval
	// Effect is head/base: of pairs that were measured together or in the same
	// block if Paired, else of two samples taken apart, which is wider. If Exact it is
	// of the medians, from the least to the greatest that the trials allow for.
	Effect stat.Effect
	Paired bool
	// Robust is the same by Hodges and Lehmann's estimate, of pairs alone; NaN
	// where there is none.
	Robust stat.Interval
	// Exact: a counter that is the same whenever the program is, compared as it
	// stands; then there is no noise to heed.
	Exact bool
	// Lost: a counter that is exact in base and is not in head.
	Lost bool
	// Resolution is by what fraction an Exact counter must differ to be another.
	Resolution float64
	Floor      float64 // of the noise of this very session, as a fraction; 0 if there is no A/A
	Q          float64 // of Benjamini and Hochberg over all findings; NaN if Exact or not known
	Threshold  float64 // that the verdict is by
	Verdict    Verdict
	Why        string // of an inconclusive verdict
	// Detectable is the least change that would have been told from none in four of
	// five runs like this, as a fraction; NaN if there is no interval.
	Detectable float64
	// More is how many more trials of each side, or sessions where Effect is of
	// several, would settle it; 0 if it is settled or if no number would.
	More int
	// Withheld is why there is no verdict whatever the figures say; "" if there is.
	Withheld string
}

// A Verdict is on head, as against base.
type Verdict int

const (
	Inconclusive Verdict = iota
	NoDifference         // the whole interval is within the threshold
	Improvement
	Regression // the whole interval is beyond the threshold and the floor, and Q below FalseDiscoveries
)

func (v Verdict) String() string {
	return [...]string{"inconclusive", "no difference", "improvement", "regression"}[v]
}

// At is f judged by another threshold.
func (f Finding) At(threshold float64) Finding {
	f.Threshold, f.Verdict, f.Why, f.More = threshold, Inconclusive, "", 0
	if f.Exact {
		f.Detectable = f.Resolution
		f.Verdict = f.named(exactly(f.Effect.Center, f.Resolution))
		return f
	}
	f.Detectable = f.Effect.Detectable(0, f.Floor)
	switch {
	case f.Withheld != "":
		f.Why = f.Withheld
		return f
	case !f.Effect.Known():
		f.Why = "not measured often enough"
		return f
	}
	v := f.Effect.Beyond(threshold, f.Floor)
	if differs := v == stat.Less || v == stat.Greater; differs && !(f.Q < FalseDiscoveries) {
		f.Why = fmt.Sprintf("of so many comparisons some differ by this by chance (q = %.2g)", f.Q)
		return f
	}
	if f.Verdict = f.named(v); f.Verdict != Inconclusive {
		return f
	}
	f.Why = f.open(threshold)
	if more, ok := f.Effect.More(threshold, f.Floor); ok {
		f.More = more
	}
	return f
}

// named is what it means that head/base is less or greater.
func (f *Finding) named(v stat.Verdict) Verdict {
	switch {
	case v == stat.NoDifference:
		return NoDifference
	case v == stat.Inconclusive:
		return Inconclusive
	case (v == stat.Less) == f.Lower:
		return Improvement
	}
	return Regression
}

// open says what keeps a verdict from being reached.
func (f *Finding) open(threshold float64) string {
	far := math.Expm1(math.Abs(math.Log(f.Effect.Center)))
	switch {
	case !f.Effect.Differs():
		return "the interval reaches from one side to the other"
	case far <= threshold:
		return "it differs, and whether by more than the threshold is open"
	case far <= f.Floor:
		return fmt.Sprintf("within what the same thing differs by from itself in this session, %.2g %%", 100*f.Floor)
	}
	if f.Floor > threshold {
		return fmt.Sprintf("the interval reaches within what the same thing differs by from itself in this session, %.2g %%", 100*f.Floor)
	}
	return "the interval reaches within the threshold"
}

// WorstCase is by what fraction head may be worse at most, by the interval: how much
// more it takes, or how much more base has of what is better the more there is.
func (f *Finding) WorstCase() float64 {
	if f.Lower {
		return f.Effect.Hi - 1
	}
	return 1/f.Effect.Lo - 1
}

// BestCase is by what fraction head is worse at least, by the interval.
func (f *Finding) BestCase() float64 {
	if f.Lower {
		return f.Effect.Lo - 1
	}
	return 1/f.Effect.Hi - 1
}
