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
	Spun     float64 // what the slowdown was by the server's own account
	Outcome  Outcome
	Blocks   int         // of the run that a regression is found by
	Again    int         // and of that which confirms it, 0: none
	Found    stat.Effect // by the first
	Smallest float64     // change of CPU that would have been seen
	Took     time.Duration
	Noisy    string // why, where Outcome is that
}

// Covered reports whether the interval of head/base contains the slowdown.
func (a *Attempt) Covered() bool { return a.Found.Lo <= 1+a.Spun && 1+a.Spun <= a.Found.Hi }

// Attempted is what a decision says of a self-test, in which a message spun for that
// share of what it cost.
func Attempted(slowdown, spun float64, d *Decision) Attempt {
	a := Attempt{Slowdown: slowdown, Spun: spun, Outcome: d.Outcome, Smallest: d.Smallest, Found: stat.Compare(), Took: d.Took}
	for _, f := range d.Comparison.Findings {
		if f.Metric == compare.CPU {
			a.Blocks, a.Found = f.Effect.Pairs, f.Effect
		}
	}
	for _, r := range d.Runs {
		if r.Again {
			a.Again = r.Blocks
		}
	}
	for i := range d.Judged {
		if j := &d.Judged[i]; a.Outcome == Noisy && a.Noisy == "" && j.Decides() && j.Outcome == Noisy {
			a.Noisy = j.Text
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
	Covered       stat.Interval // share of all attempts whose interval contains it
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
		covered := 0
		for _, a := range attempts {
			if a.Slowdown != size {
				continue
			}
			r.Attempts++
			if a.Covered() {
				covered++
			}
			switch a.Outcome {
			case Fail:
				r.Regressions++
			case Noisy:
				r.Noisy++
			}
			took, blocks = append(took, a.Took.Seconds()), append(blocks, float64(a.Blocks))
		}
		r.Called, r.Covered = stat.Share(r.Regressions, r.Attempts), stat.Share(covered, r.Attempts)
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
			blockSeconds = append(blockSeconds, a.Took.Seconds()/float64(a.Blocks+a.Again))
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
