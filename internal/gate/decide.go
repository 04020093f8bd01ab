package gate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
)

// A Measurer measures heads beside their bases.
type Measurer interface {
	// Contestants names each base and its head.
	Contestants() [][2]string
	// Measure measures all, and each base beside itself; or, of the heads that are
	// listed by contestant and load, no more than they take. What it has measured it
	// returns also with an error.
	Measure(ctx context.Context, heads []result.Cell) ([]Measured, error)
}

// A Measured is a run.
type Measured struct {
	*result.Set
	// Calls: it was for what a program's calls are, and so short, or of so few trials,
	// that nothing else is to be had of it.
	Calls bool
	// Ending is why it ended when it did, in words.
	Ending string
}

// blocks is how many there were.
func (m *Measured) blocks() (n int) {
	for i := range m.Trials {
		n = max(n, m.Trials[i].Block+1)
	}
	return n
}

// Decide measures and judges. What it finds to be a regression, or a head that cannot
// be measured, it measures once more, in a run of its own, and takes for one only if
// it is found again. Seed is of what is drawn to judge. The runs come with an error, too.
func Decide(ctx context.Context, m Measurer, rules []Rule, seed uint64) (*Decision, []Measured, error) {
	begin, o := time.Now(), compare.Options{Seed: seed}
	runs, err := m.Measure(ctx, nil)
	if err != nil {
		return nil, runs, err
	}
	d := decide(runs, m.Contestants(), rules, o)
	d.ran(runs, false)
	if alarms := d.alarms(); len(alarms) > 0 && d.Outcome == Fail {
		again, err := m.Measure(ctx, alarms)
		if err != nil {
			return nil, append(runs, again...), err
		}
		runs = append(runs, again...)
		d.ran(again, true)
		d.confirm(again, m.Contestants(), rules, o)
	}
	d.Took = time.Since(begin)
	return d, runs, nil
}

func (d *Decision) ran(runs []Measured, again bool) {
	for _, r := range runs {
		d.Runs = append(d.Runs, Ran{r.Calls, again, r.blocks(), r.Ended.Sub(r.Started), r.Ending})
	}
}

// decide judges what one call of Measure measured.
func decide(runs []Measured, contestants [][2]string, rules []Rule, o compare.Options) *Decision {
	c, absent, err := compared(runs, contestants, o)
	lost, refused := lost(runs, contestants)
	if err != nil && len(lost) == 0 && len(refused) == 0 {
		refused = append(refused, err.Error())
	}
	if len(refused) > 0 {
		d := NotMeasured(errors.New(strings.Join(refused, "; ")))
		d.Comparison = c
		return d
	}
	d := judgeAll(c, rules, runs)
	for _, j := range absent {
		if !slices.ContainsFunc(lost, func(l Judgement) bool { return l.Contestant == j.Contestant }) {
			lost = append(lost, j)
		}
	}
	for _, j := range lost {
		d.Outcome = graver(d.Outcome, j.Outcome)
	}
	d.Judged = slices.Concat(lost, d.Judged)
	d.sort()
	return d
}

// NotMeasured is the decision where the environment refuses.
func NotMeasured(why error) *Decision {
	return &Decision{Outcome: Refused, Comparison: &compare.Comparison{}, Smallest: math.NaN(), Advice: []string{why.Error()}}
}

// compared compares each head with its base in each run that has them; absent are the
// heads that no run has beside their bases.
func compared(runs []Measured, contestants [][2]string, o compare.Options) (c *compare.Comparison, absent []Judgement, err error) {
	var parts []*compare.Comparison
	var last error
	for _, names := range contestants {
		before, why := len(parts), ""
		for _, run := range runs {
			c, err := compare.Pairs(run.Set, names[0], names[1], o)
			if err != nil {
				last, why = err, err.Error()
				continue
			}
			if run.Calls {
				c.Findings = slices.DeleteFunc(c.Findings, func(f compare.Finding) bool { return !f.Metric.Counter() })
				c.Shifts = nil
			}
			for _, earlier := range parts[before:] { // a load of one connection is also that of the calls
				c.Findings = slices.DeleteFunc(c.Findings, func(f compare.Finding) bool {
					return slices.ContainsFunc(earlier.Findings, func(e compare.Finding) bool { return e.Metric == f.Metric && e.Load == f.Load })
				})
			}
			if !paired(run.Set) {
				c.Warnings = nil // they are of a run that is to stand alone
			}
			parts = append(parts, c)
		}
		if len(parts) == before {
			absent = append(absent, unmeasured(result.Cell{Contestant: names[1]}, Noisy, names[1]+" could not be compared: "+why, why))
		}
	}
	if len(parts) == 0 {
		return compare.Join(o), absent, last
	}
	return compare.Join(o, parts...), absent, nil
}

// hurried reports whether a run ended by its time, before all of its trials.
func hurried(runs []Measured) bool {
	return slices.ContainsFunc(runs, func(r Measured) bool {
		last := r.blocks()
		return !r.Calls && last < r.Plan.Trials && r.OutOfTime(last, r.Ended)
	})
}

// paired reports whether a run has something beside itself.
func paired(set *result.Set) bool {
	return slices.ContainsFunc(set.Plan.Matches, func(m result.Match) bool { return m.Same })
}

// lost are the heads of which no trial of a run came to its end, or had an answer, although some of their
// bases did; refused is why there is no base to compare with.
func lost(runs []Measured, contestants [][2]string) (heads []Judgement, refused []string) {
	for _, j := range voids(runs, contestants, 1) {
		if !slices.ContainsFunc(voids(runs, contestants, 0), func(base Judgement) bool { return base.Load == j.Load }) {
			heads = append(heads, j)
		}
	}
	for _, j := range voids(runs, contestants, 0) {
		if !slices.Contains(refused, j.Why) {
			refused = append(refused, j.Why)
		}
	}
	return heads, refused
}

// voids are the bases (0) or heads (1) of which no trial of a run came to its end, in
// an A/A neither.
func voids(runs []Measured, contestants [][2]string, side int) (list []Judgement) {
	for _, run := range runs {
		for i, cell := range run.Plan.Cells {
			why := void(run.Set, i)
			for _, m := range run.Plan.Matches {
				if m.Same && m.A == i && void(run.Set, m.B) == "" {
					why = ""
				}
			}
			known := slices.ContainsFunc(list, func(j Judgement) bool { return j.Contestant == cell.Contestant && j.Load == cell.Load })
			if why == "" || known || run.Plan.Again(i) || !slices.ContainsFunc(contestants, func(n [2]string) bool { return n[side] == cell.Contestant }) {
				continue
			}
			list = append(list, unmeasured(cell, Fail, fmt.Sprintf("%s (%s) could not be measured: %s", cell.Contestant, cell.Load, why), why))
		}
	}
	return list
}

// unmeasured judges a cell of which there are no figures.
func unmeasured(cell result.Cell, outcome Outcome, text, why string) Judgement {
	j := Judgement{Rule: Rule{Metric: compare.Throughput}, Outcome: outcome, Text: text}
	j.Finding = compare.Finding{Contestant: cell.Contestant, Load: cell.Load, Metric: compare.Throughput, Q: math.NaN(), Detectable: math.NaN(), Why: why}
	j.Effect.Center, j.Effect.Lo, j.Effect.Hi = math.NaN(), math.NaN(), math.NaN()
	return j
}

// void is why no trial of a cell counts, as a server that hangs has none of it do; "" if
// one does.
func void(set *result.Set, cell int) (why string) {
	for i := range set.Trials {
		t := &set.Trials[i]
		if t.Cell != cell {
			continue
		}
		switch {
		case t.Void != "":
			why = t.Void
		case t.PerSecond() > 0:
			return ""
		default:
			why = fmt.Sprintf("no %s was answered in %.3g s", set.Plan.Cells[cell].Unit().One, t.Seconds)
		}
	}
	return why
}

// alarms are what has to be confirmed.
func (d *Decision) alarms() (heads []result.Cell) {
	for i := range d.Judged {
		j := &d.Judged[i]
		if cell := (result.Cell{Contestant: j.Contestant, Load: j.Load}); j.Outcome == Fail && j.Decides() && !slices.Contains(heads, cell) {
			heads = append(heads, cell)
		}
	}
	return heads
}

// confirm keeps of the regressions those that a run of its own shows again, above the
// noise that it has itself.
func (d *Decision) confirm(runs []Measured, contestants [][2]string, rules []Rule, o compare.Options) {
	c, _, _ := compared(runs, contestants, o) // what it does not have is not found again
	heads, _ := lost(runs, contestants)
	again := append(heads, Judge(c, rules).Judged...)
	d.Outcome, d.Advice, d.hurried = Pass, nil, d.hurried || hurried(runs)
	for i := range d.Judged {
		j := &d.Judged[i]
		if j.Outcome == Fail && j.Decides() {
			j.settle(again)
		}
		if j.Decides() {
			d.Outcome = graver(d.Outcome, j.Outcome)
		}
	}
	d.sort()
	d.advise()
}

// settle makes of an alarm what the second run says.
func (j *Judgement) settle(again []Judgement) {
	i := slices.IndexFunc(again, func(x Judgement) bool {
		return x.Metric == j.Metric && x.Contestant == j.Contestant && x.Load == j.Load && x.Rule.String() == j.Rule.String()
	})
	switch {
	case i >= 0 && again[i].Outcome == Fail:
		j.Confirmed = true
		j.Text += "; a second run found it again"
	case i >= 0:
		j.Outcome = again[i].Outcome
		j.Text += "; a second run did not find it: " + strings.TrimPrefix(again[i].Text, j.Contestant)
	default:
		j.Outcome = Noisy
		j.Text += "; a second run has nothing of it"
	}
}
