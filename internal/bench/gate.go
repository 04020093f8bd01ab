package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/result"
)

// A Gate measures two states of a server as a gate.Measurer does: their calls with
// one message in flight, and all else under load. Plan comes first.
type Gate struct {
	Options                 // Backends are those of sides that are a ringbench; Commands, Slow, Target and AA are not used
	Base, Head  Side        //
	Alone       Grid        // the same loads with one message in flight; nil: calls are not measured apart
	Paced       bool        // the loads, in closed loop by the Grid, are at a fixed rate; see pace
	CallsAlone  bool        // nothing but calls is measured
	Rules       []gate.Rule // that it is for; by none it is measured until Until
	Within      time.Duration
	Progress    Progress
	calls, load *result.Plan
	contestants [][2]string
	began       time.Time     // the first Measure
	floor       *result.Floor // of the harness, that the first run had
}

const (
	// callTrials is how many it takes to see that a counter is exact, and one more.
	callTrials                 = 4
	callDuration, callWarmup   = 300 * time.Millisecond, 50 * time.Millisecond
	firstShare                 = 0.6 // of Within, for what a regression is found by; the rest is to confirm it
	leastConfirmation          = time.Second
	withinLeast, withinLongest = 5 * time.Second, 24 * time.Hour
)

// Plan checks the options and makes the plans, for which other ringbenches are asked
// what they know. Warnings are for the user.
func (g *Gate) Plan(ctx context.Context) (plans []*result.Plan, warnings []string, err error) {
	if plans, warnings, err = g.plan(ctx); err == nil {
		err = g.covered()
	}
	return plans, warnings, err
}

func (g *Gate) plan(ctx context.Context) (plans []*result.Plan, warnings []string, err error) {
	if g.Within != 0 && (g.Within < withinLeast || g.Within > withinLongest) {
		return nil, nil, fmt.Errorf("--within=%v is out of range: %v to %v, or 0 for no limit", g.Within, withinLeast, withinLongest)
	}
	g.Commands, g.Slow, g.Target, g.contestants = nil, nil, "", nil
	if g.load, warnings, err = g.planOf(ctx, g.Options, true); err != nil {
		return nil, nil, err
	}
	g.threshold()
	g.load.WithinSeconds = firstShare * g.Within.Seconds()
	if g.Duet {
		// What befalls both at the same moment is in neither's favour, and what is
		// left of it is in the interval, and in that of base beside itself.
		l := &g.load.Limits
		l.StealShare, l.OtherShare, l.WaitShare = 1, 1, 0
	}
	plans = []*result.Plan{g.load}
	if g.Alone == nil {
		return plans, warnings, nil
	}
	o := g.Options
	o.Grid, o.Trials, o.Until, o.Duet = g.Alone, callTrials, 0, false
	o.Duration, o.Warmup = min(o.Duration, callDuration), min(o.Warmup, callWarmup)
	var more []string
	if g.calls, more, err = g.planOf(ctx, o, false); err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(g.calls.Cells, func(c result.Cell) bool { return c.Command != "" && !answering(c) }) {
		if !g.calls.Audit {
			return g.withoutCalls(plans, append(warnings, more...))
		}
	} else {
		g.calls.Audit = false // they count by themselves
	}
	g.calls.Limits = result.Limits{StealShare: 1, OtherShare: 1, LateShare: 100} // a disturbance makes no program call anything
	for _, w := range more {
		if !slices.Contains(warnings, w) {
			warnings = append(warnings, w)
		}
	}
	if g.CallsAlone {
		return []*result.Plan{g.calls}, warnings, nil
	}
	return append([]*result.Plan{g.calls}, plans...), warnings, nil
}

// covered finds out before it is measured whether every rule that is not optional is
// on a contestant and a load that will be, other than one of calls alone if it is not
// on a counter. Loads whose rate is still to be set may have any name.
func (g *Gate) covered() error {
	for i := range g.Rules {
		r := &g.Rules[i]
		if r.Optional {
			continue
		}
		var names, loads []string
		on, unnamed := false, false
		for _, p := range []*result.Plan{g.calls, g.load} {
			if p == nil || p == g.load && g.CallsAlone || p == g.calls && !r.Metric.Counter() {
				continue
			}
			for _, m := range p.Matches {
				if head := p.Cells[m.A]; !m.Same {
					names, loads = append(names, head.Contestant), append(loads, head.Load.String())
					on = on || r.On(head.Contestant, head.Load)
					unnamed = unnamed || g.Paced && p == g.load && head.Rate == 0
				}
			}
		}
		what, here := "contestant", names
		if slices.ContainsFunc(names, r.OnContestant) {
			on = on || unnamed
			what, here = "load", loads
		}
		if !on {
			slices.Sort(here)
			return fmt.Errorf("the rule on %s: no %s has such a name here, where they are %s; correct it, or make the rule optional", r, what, strings.Join(slices.Compact(here), "; "))
		}
	}
	return nil
}

// threshold has every match know by what ratio of CPU it is decided.
func (g *Gate) threshold() {
	for i := range g.load.Matches {
		if m := &g.load.Matches[i]; !m.Same {
			m.Threshold = gate.CPUThreshold(g.Rules, g.load.Cells[m.A])
		}
	}
}

// withoutCalls has the calls of programs that only a tracepoint could count left out.
func (g *Gate) withoutCalls(plans []*result.Plan, warnings []string) ([]*result.Plan, []string, error) {
	const why = "system calls of base and head were not compared: of a program that is not a ringbench with serve --control they are counted by tracepoint (--audit), which takes root and tracefs"
	if g.CallsAlone {
		return nil, nil, &Refusal{errors.New(why)}
	}
	g.calls = nil
	return plans, append(warnings, why), nil
}

// planOf is a plan of base and head, and of base again if the noise is to be known.
func (g *Gate) planOf(ctx context.Context, o Options, again bool) (*result.Plan, []string, error) {
	p, warnings, err := o.plan(func(p *result.Plan, loads []result.Load) ([]string, error) {
		for _, l := range loads {
			if l.Network != "tcp" {
				return nil, errors.New("the servers of a gate are reached by --network=tcp only")
			}
			base, err := g.Base.cells(ctx, &o, l)
			if err != nil {
				return nil, err
			}
			head, err := g.Head.cells(ctx, &o, l)
			if err != nil {
				return nil, err
			}
			for i := range base {
				if names := [2]string{base[i].Contestant, head[i].Contestant}; !slices.Contains(g.contestants, names) {
					g.contestants = append(g.contestants, names)
				}
				pairUp(p, base[i], head[i], again)
			}
		}
		return nil, nil
	})
	return p, warnings, refusalOf(err)
}

// pairUp adds what is measured of one server under one load.
func pairUp(p *result.Plan, base, head result.Cell, andItself bool) {
	at := len(p.Cells)
	apart := p.Duet && (spins(base.Backend) || lone(base.Load) != nil)
	p.Cells = append(p.Cells, base, head)
	if andItself {
		same := base
		same.Contestant += again
		p.Cells = append(p.Cells, same)
		p.Matches = append(p.Matches, result.Match{A: at, B: at + 2, Label: "A/A", Same: true, Apart: apart})
	}
	p.Matches = append(p.Matches, result.Match{A: at + 1, B: at, Label: "head / base", Apart: apart})
}

// Contestants implements gate.Measurer.
func (g *Gate) Contestants() [][2]string { return g.contestants }

// Measure implements gate.Measurer.
func (g *Gate) Measure(ctx context.Context, heads []result.Cell) (runs []gate.Measured, err error) {
	if g.began.IsZero() {
		g.began = time.Now()
	}
	progress := g.Progress
	if progress == nil {
		progress = func(Step, *result.Set) {}
	}
	for _, p := range []*result.Plan{g.calls, g.load} {
		if p == nil || p == g.load && g.CallsAlone {
			continue
		}
		if p == g.load && g.Paced && heads == nil {
			if err := g.pace(ctx, progress); err != nil {
				return runs, err
			}
			if err := g.covered(); err != nil {
				return runs, err
			}
		}
		one := *p
		if heads != nil {
			if one = confirming(p, heads); len(one.Cells) == 0 {
				continue
			}
			if one.Seed++; g.Within > 0 {
				one.WithinSeconds = max(leastConfirmation, g.Within-time.Since(g.began)).Seconds()
			}
		}
		set, err := runAfter(ctx, g.floor, &one, progress, nil)
		runs = append(runs, gate.Measured{Set: set, Calls: p == g.calls, Ending: ending(set)})
		if err != nil {
			return runs, err
		}
		if g.floor = set.Floor; heads == nil {
			p.Cells = set.Plan.Cells // what is confirmed is slowed by as much
		}
	}
	return runs, nil
}

// confirming is a plan narrowed to those of its heads that are listed, and their
// bases, which are beside themselves again.
func confirming(p *result.Plan, heads []result.Cell) result.Plan {
	narrow, kept := *p, make([]bool, len(p.Cells))
	for _, m := range p.Matches {
		if !m.Same && slices.ContainsFunc(heads, func(h result.Cell) bool {
			return h.Contestant == p.Cells[m.A].Contestant && h.Load == p.Cells[m.A].Load
		}) {
			kept[m.A], kept[m.B] = true, true
		}
	}
	for _, m := range p.Matches {
		if m.Same && kept[m.A] {
			kept[m.B] = true
		}
	}
	narrow.Keep(kept)
	return narrow
}
