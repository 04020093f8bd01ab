package gate

import (
	"math"
	"slices"
	"time"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/stat"
)

// An Attempt is one decision on a head that is slower than its base by a known share.
type Attempt struct {
	Slowdown float64 // 0: base and head are the same
	Outcome  Outcome
	Blocks   int     // of the run that a regression is found by
	Smallest float64 // change of CPU that would have been seen
	Took     time.Duration
}

// Attempted is what a decision says of a self-test.
func Attempted(slowdown float64, d *Decision) Attempt {
	a := Attempt{Slowdown: slowdown, Outcome: d.Outcome, Smallest: d.Smallest, Took: d.Took}
	for _, f := range d.Comparison.Findings {
		if f.Metric == compare.CPU {
			a.Blocks = max(a.Blocks, f.Effect.Pairs)
		}
	}
	return a
}

// A Rate is how often a slowdown was called a regression: a false alarm if there is
// none, else its detection.
type Rate struct {
	Slowdown float64
	Called   stat.Interval // share of all attempts
	Regressions, Noisy,
	Attempts int
	Took, Longest time.Duration // median, and longest
	Blocks        int           // median
}

// Rates are of each slowdown, in the order of their size.
func Rates(attempts []Attempt) (rates []Rate) {
	var sizes []float64
	for _, a := range attempts {
		sizes = append(sizes, a.Slowdown)
	}
	slices.Sort(sizes)
	for _, size := range slices.Compact(sizes) {
		r := Rate{Slowdown: size}
		var took, blocks []float64
		for _, a := range attempts {
			if a.Slowdown != size {
				continue
			}
			r.Attempts++
			switch a.Outcome {
			case Fail:
				r.Regressions++
			case Noisy:
				r.Noisy++
			}
			took, blocks = append(took, a.Took.Seconds()), append(blocks, float64(a.Blocks))
		}
		r.Called = stat.Share(r.Regressions, r.Attempts)
		r.Took = time.Duration(stat.Median(took).Center * float64(time.Second))
		r.Longest = time.Duration(slices.Max(took) * float64(time.Second))
		r.Blocks = int(stat.Median(blocks).Center)
		rates = append(rates, r)
	}
	return rates
}

// Settings are for the machine that attempts were made on.
type Settings struct {
	Threshold float64 // of CPU
	Trials    int     // at most
	Until     float64
	Within    time.Duration
	Rules     []Rule
	Why       string // it is no less
}

// thresholds are those to choose from.
var thresholds = []float64{0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3}

const (
	spare        = 1.5 // times as many blocks as are needed in the middle, for the times that are noisier
	confirmation = 1 / 0.6
)

// Recommend chooses the least threshold of CPU that this machine can decide on within
// that time, and that no attempt without a slowdown has exceeded; not ok if there is
// none.
func Recommend(attempts []Attempt, within time.Duration) (s Settings, ok bool) {
	var times, blockSeconds []float64 // blocks for a detectable change of 1 in log, and what one takes
	alarms := 0
	for _, a := range attempts {
		if a.Slowdown == 0 && a.Outcome == Fail {
			alarms++
		}
		if a.Blocks > 0 && a.Smallest > 0 && !math.IsInf(a.Smallest, 0) {
			times = append(times, float64(a.Blocks)*math.Pow(math.Log1p(a.Smallest), 2))
			blockSeconds = append(blockSeconds, a.Took.Seconds()/float64(a.Blocks))
		}
	}
	if len(times) == 0 {
		return s, false
	}
	for i, t := range thresholds {
		needed := spare * stat.Median(times).Center / math.Pow(math.Log1p(t), 2)
		takes := needed * stat.Median(blockSeconds).Center * confirmation
		if takes > within.Seconds() {
			s.Why = "a smaller threshold takes longer than that"
			continue
		}
		if alarms > 0 && i+1 < len(thresholds) {
			t, s.Why = thresholds[i+1], "there was a false alarm"
		}
		s.Threshold, s.Trials, s.Until, s.Within = t, max(12, int(math.Ceil(needed))), t/2, within
		s.Rules = DefaultRules()
		for j := range s.Rules {
			if s.Rules[j].Metric == compare.CPU {
				s.Rules[j].Threshold = t
			}
		}
		return s, true
	}
	return s, false
}
