package claims

import (
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
)

// A Claim is a sentence that was published, and what decides whether it holds.
type Claim struct {
	Title     string
	Sentence  string // as published
	By        string // who published it, and when
	From      string // what the number really came from
	Published string // the figures behind it
	Tests     []Test
	Grid      bool   // shown beside frevib's table
	Remark    string // what the figures here can and cannot say; may be empty
}

// A Test compares one figure of a run with what the claim makes it.
type Test struct {
	What  string
	Run   string // that the figure is of: a key of Runs
	Unit  string // "×", a ratio, or "%", a share
	Least float64
	Most  float64 // what the claim allows; Least -Inf or Most +Inf where it names no bound
	of    func(*result.Set) Figure
	// Why is set where no machine of this kind can measure it; there is no run then.
	Why string
}

// A Figure is a value with its 95 % interval, or why there is none.
type Figure struct {
	Center, Lo, Hi float64
	N              int    // pairs or trials
	Of             string // what it is of, where that was looked for: "the best of 18 loads, ..."
	Missing        string
}

// The verdicts.
const (
	Reproduced    = "reproduced"
	Refuted       = "refuted"
	Inconclusive  = "inconclusive here"
	NotMeasurable = "not measurable here"
	Partly        = "partly reproduced"
)

// Figure finds the test's figure in the run that it names; nil is a run that could
// not be had, for the reason why.
func (t Test) Figure(s *result.Set, why string) Figure {
	switch {
	case t.Why != "":
		return Figure{Missing: t.Why}
	case s == nil && why == "":
		return Figure{Missing: "it was not run"}
	case s == nil:
		return Figure{Missing: why}
	}
	f := t.of(s)
	if f.Missing == "" && math.IsNaN(f.Center) {
		f.Missing = "no trial counts"
	}
	return f
}

// Verdict judges a figure: by all of its interval, so that noise decides nothing.
func (t Test) Verdict(f Figure) string {
	switch {
	case f.Missing != "":
		return NotMeasurable
	case f.Hi < t.Least:
		return Refuted + ": less than claimed"
	case f.Lo > t.Most:
		return Refuted + ": more than claimed"
	case f.Lo >= t.Least && f.Hi <= t.Most:
		return Reproduced
	}
	return Inconclusive
}

// Verdict sums up those of a claim's tests. Those that nothing here can measure
// do not count beside others.
func Verdict(of []string) string {
	of = slices.DeleteFunc(slices.Clone(of), func(v string) bool { return v == NotMeasurable })
	reproduced := 0
	for _, v := range of {
		if v == Inconclusive {
			return Inconclusive
		}
		if v == Reproduced {
			reproduced++
		}
	}
	switch {
	case len(of) == 0:
		return NotMeasurable
	case reproduced == len(of):
		return Reproduced
	case reproduced > 0:
		return Partly
	}
	return Refuted
}
