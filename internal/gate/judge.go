package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/stat"
)

// Judge applies rules to what was found. A regression is what compare calls one by
// the rule's threshold: the whole interval is beyond it and beyond the noise
// floor, and its q below compare.FalseDiscoveries; an exact counter regresses by
// being worse. What is not proven passes only if head is within the threshold by its
// whole interval, in a session whose noise floor is too; or if the run could have seen
// it, as the smallest detectable change is within the threshold, and has not seen head
// to be worse at all.
func Judge(c *compare.Comparison, rules []Rule) *Decision { return judgeAll(c, rules, nil) }

// judgeAll judges what comes of runs, if they are known.
func judgeAll(c *compare.Comparison, rules []Rule, runs []Measured) *Decision {
	d := &Decision{Comparison: c, Smallest: math.NaN(), hurried: hurried(runs)}
	var inexact []string
	for _, r := range rules {
		d.apply(r)
		if name := r.inexact(c); name != "" {
			inexact = append(inexact, name)
		}
	}
	if len(inexact) > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("not compared, as no two trials of base have the same: %s; a rule with a threshold, and without exact, judges them", strings.Join(inexact, ", ")))
	}
	decided := false
	for i := range d.Judged {
		if j := &d.Judged[i]; j.Decides() {
			decided = true
			d.Outcome = graver(d.Outcome, j.Outcome)
		}
	}
	if !decided {
		d.Outcome = Noisy
		d.Advice = append(d.Advice, "no rule but advice covers what was measured: give rules that do (--rules), or measure what they name")
	}
	for _, f := range c.Findings {
		if f.Metric == compare.CPU && !math.IsNaN(f.Detectable) && !(f.Detectable <= d.Smallest) {
			d.Smallest = f.Detectable
		}
	}
	d.sort()
	d.advise()
	return d
}

// inexact names the counter that r takes for exact and that varies by itself under every
// load, as of a server whose threads a scheduler wakes; "" if it is another.
func (r *Rule) inexact(c *compare.Comparison) (name string) {
	for i := range c.Findings {
		f := &c.Findings[i]
		switch {
		case !r.Exact || f.Metric != r.Metric || !r.On(f.Contestant, f.Load):
		case r.covers(f):
			return ""
		default:
			name = f.Metric.Words(f.Load.Unit().One)
		}
	}
	return name
}

// sort puts the gravest judgement first, and what decides before advice.
func (d *Decision) sort() {
	slices.SortStableFunc(d.Judged, func(x, y Judgement) int {
		if x.Rule.Advice != y.Rule.Advice && x.Outcome != Pass && y.Outcome != Pass {
			return cmp.Compare(truth(x.Rule.Advice), truth(y.Rule.Advice))
		}
		return cmp.Compare(y.Outcome.gravity(), x.Outcome.gravity())
	})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// gravity orders outcomes: what is proven weighs more than what is not known.
func (o Outcome) gravity() int { return [...]int{Pass: 0, Noisy: 1, Fail: 2, Refused: 3}[o] }

func graver(a, b Outcome) Outcome {
	if b.gravity() > a.gravity() {
		return b
	}
	return a
}

// apply judges all that falls under a rule.
func (d *Decision) apply(r Rule) {
	covered := false
	for i := range d.Comparison.Findings {
		if f := &d.Comparison.Findings[i]; r.covers(f) {
			covered = true
			d.Judged = append(d.Judged, judge(f.At(r.Threshold), r))
		}
	}
	if !covered && !r.Optional {
		none := compare.Finding{Metric: r.Metric, Why: "nothing that was measured falls under the rule", Detectable: math.NaN(), Q: math.NaN()}
		none.Effect.Center, none.Effect.Lo, none.Effect.Hi = math.NaN(), math.NaN(), math.NaN()
		d.Judged = append(d.Judged, Judgement{Finding: none, Rule: r, Outcome: Noisy, Text: r.String() + ": " + none.Why})
	}
}

func judge(f compare.Finding, r Rule) Judgement {
	j := Judgement{Finding: f, Rule: r}
	what := fmt.Sprintf("%s of %s (%s)", f.Metric.Words(f.Load.Unit().One), f.Contestant, f.Load)
	switch {
	case f.Exact && f.Verdict == compare.Regression:
		j.Outcome = Fail
		j.Text = fmt.Sprintf("%s is another: %s, was %s; it is exact, so the program has changed", what, short(f.Head.Center), short(f.Base.Center))
	case f.Exact:
		j.Text = fmt.Sprintf("%s is %s, was %s; it is exact", what, short(f.Head.Center), short(f.Base.Center))
	case f.Verdict == compare.Regression:
		j.Outcome = Fail
		j.Text = fmt.Sprintf("%s is worse by %s (%s), beyond %s", what, percent(away(f.Effect.Center)), span(&f), percent(r.Threshold))
	case f.Verdict == compare.Improvement:
		j.Text = fmt.Sprintf("%s is better by %s (%s)", what, percent(away(f.Effect.Center)), span(&f))
	case f.Withheld != "" || !f.Effect.Known():
		j.Outcome = Noisy
		j.Text = what + ": no verdict, " + f.Why
	case f.WorstCase() <= r.Threshold && f.Floor <= r.Threshold:
		j.Text = fmt.Sprintf("%s is worse by %s at most (%s)", what, percent(worst(&f)), span(&f))
	case f.BestCase() > 0:
		j.Outcome = Noisy
		j.Text = fmt.Sprintf("%s is worse by %s (%s), and whether by more than %s is open: %s", what, percent(away(f.Effect.Center)), span(&f), percent(r.Threshold), f.Why)
	case f.Lost && r.Exact:
		j.Outcome = Noisy
		j.Text = what + " is exact in base, and in head it varies from trial to trial: more is not known"
	case f.Detectable <= r.Threshold:
		j.Text = fmt.Sprintf("%s: no difference seen (%s); one of %s would have been", what, span(&f), percent(f.Detectable))
	default:
		j.Outcome = Noisy
		j.Text = fmt.Sprintf("%s: only a change of %s would have been seen, and %s is asked for", what, percent(f.Detectable), percent(r.Threshold))
	}
	if r.Advice && j.Outcome != Pass {
		j.Text += "; advice only"
	}
	return j
}

// advise says what to do about what is not settled.
func (d *Decision) advise() {
	more, sessions, floor := 0, false, 0.0
	dead := slices.ContainsFunc(d.Judged, func(j Judgement) bool { return j.Outcome == Fail && math.IsNaN(j.Effect.Center) }) // of such a head nothing can be measured
	for i := range d.Judged {
		j := &d.Judged[i]
		if j.Outcome != Noisy || !j.Decides() {
			continue
		}
		if j.Contestant == "" {
			if dead {
				continue
			}
			d.Advice = append(d.Advice, "measure what the rule on "+j.Rule.String()+" asks for, or make the rule optional")
			continue
		}
		if n := j.Needed(); n > more {
			more, sessions = n, j.Effect.Sessions > 1
		}
		if j.Floor > j.Rule.Threshold {
			floor = max(floor, j.Floor)
		}
	}
	unit := "trials (--trials)"
	switch {
	case sessions:
		unit = "sessions (--sessions)"
	case d.hurried:
		unit = "trials (longer than --within gave)"
	}
	if more > 0 {
		d.Advice = append(d.Advice, fmt.Sprintf("about %s more %s of each side would settle it, if they are as noisy as these", stat.Count(more), unit))
	}
	if floor > 0 {
		d.Advice = append(d.Advice, fmt.Sprintf("the same thing differs from itself by up to %s in this session, which is more than a rule allows: give it more trials, a quieter machine, or a wider threshold", percent(floor)))
	}
	switch {
	case d.Outcome != Noisy || len(d.Advice) > 0:
	case d.hurried:
		d.Advice = append(d.Advice, "measure longer (--within) or on a quieter machine; ringbench doctor says what disturbs it")
	default:
		d.Advice = append(d.Advice, "measure more trials (--trials), on a quieter machine, both sides in the same run; ringbench doctor says what disturbs it")
	}
}

// Needed is about how many more trials, or sessions, it takes until the smallest
// detectable change is within the threshold and the verdict is settled; 0 if it is not
// known.
func (j *Judgement) Needed() int {
	n := j.Effect.Pairs
	if j.Effect.Sessions > 1 {
		n = j.Effect.Sessions
	}
	needed := j.More
	if j.Detectable > j.Rule.Threshold && j.Rule.Threshold > 0 && !math.IsInf(j.Detectable, 0) {
		times := math.Pow(math.Log1p(j.Detectable)/math.Log1p(j.Rule.Threshold), 2)
		needed = max(needed, int(math.Ceil(float64(n)*(times-1))))
	}
	return min(needed, 100_000)
}

func percent(x float64) string { return hundredths(x, "") + " %" }

// hundredths prints a fraction with two digits, or all that it has before the point.
func hundredths(x float64, sign string) string {
	if math.Abs(x) >= 0.995 {
		return fmt.Sprintf("%"+sign+".0f", 100*x)
	}
	return fmt.Sprintf("%"+sign+".2g", 100*x)
}

func short(x float64) string { return fmt.Sprintf("%.5g", x) }

// away is by what fraction a ratio is not 1.
func away(ratio float64) float64 { return math.Abs(ratio - 1) }

// worst is by what fraction head may be worse at most, of base.
func worst(f *compare.Finding) float64 {
	if f.Lower {
		return max(0, f.Effect.Hi-1)
	}
	return max(0, 1-f.Effect.Lo)
}

// span is by how much head differs, from and to.
func span(f *compare.Finding) string {
	return hundredths(f.Effect.Lo-1, "+") + " to " + hundredths(f.Effect.Hi-1, "+") + " %"
}
