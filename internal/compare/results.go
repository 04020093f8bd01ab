package compare

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// Results compares what was measured apart: cells of the same contestant and load,
// of one result or several on each side. Each result is a session at least.
func Results(base, head []*result.Set, o Options) (*Comparison, error) {
	if len(base) == 0 || len(head) == 0 {
		return nil, errors.New("a comparison takes a result of base and one of head")
	}
	for _, b := range base {
		for _, h := range head {
			if run := result.SharedRun(b, h); run != nil {
				return nil, fmt.Errorf("base and head hold the same run, started %s, which differs from itself in nothing; name two runs", run.Started.UTC().Format(time.RFC3339))
			}
		}
	}
	c := &Comparison{Base: Side{o.BaseName, base[0].Env.Commit}, Head: Side{o.HeadName, head[0].Env.Commit}}
	c.differ(base, head)
	var cells []*cell
	inHead := sideCells(head)
	for _, x := range sideCells(base) {
		if !slices.ContainsFunc(inHead, x.sameAs) {
			c.Unmatched = append(c.Unmatched, Unmatched{"base", x.contestant, x.load})
			continue
		}
		cells = append(cells, x)
	}
	for _, x := range inHead {
		if !slices.ContainsFunc(cells, x.sameAs) {
			c.Unmatched = append(c.Unmatched, Unmatched{"head", x.contestant, x.load})
		}
	}
	if len(cells) == 0 {
		return nil, fmt.Errorf("base and head have no contestant under the same load in common: base has %s, head has %s", listing(base), listing(head))
	}
	both, same := slices.Concat(base, head), map[result.Load][]alike{}
	for _, x := range cells {
		if _, ok := same[x.load]; !ok {
			same[x.load] = alikes(both, x.load, o.Seed, -1)
		}
		x.same = same[x.load]
		x.fill(base, &x.base, &x.baseAgain)
		x.fill(head, &x.head, &x.headAgain)
		x.withheld = x.tooFew()
		c.add(x, o)
	}
	c.apart(base, head)
	c.warn(both...)
	c.conclude(o.threshold())
	return c, nil
}

// sideCells are the cells of one side, each once, without trials.
func sideCells(sets []*result.Set) (cells []*cell) {
	for _, set := range sets {
		for i, planned := range set.Plan.Cells {
			x := &cell{contestant: planned.Contestant, load: planned.Load}
			if !set.Plan.Again(i) && !slices.ContainsFunc(cells, x.sameAs) {
				cells = append(cells, x)
			}
		}
	}
	return cells
}

func (x *cell) sameAs(y *cell) bool { return x.contestant == y.contestant && x.load == y.load }

// fill gives x the trials of one side, session by session, and those of its A/A.
func (x *cell) fill(sets []*result.Set, side *[][]*result.Trial, again *[]*result.Trial) {
	for _, set := range sets {
		sessions := make([][]*result.Trial, max(1, set.Plan.Sessions))
		if i := cellOf(&set.Plan, x.contestant, x.load); i >= 0 {
			for _, t := range set.Valid(i) {
				sessions[t.Session] = append(sessions[t.Session], t)
			}
			x.witnesses(set, i, again)
		}
		*side = append(*side, sessions...)
	}
}

// tooFew is why the trials allow for no verdict.
func (x *cell) tooFew() string {
	for _, side := range []struct {
		name     string
		sessions [][]*result.Trial
	}{{"base", x.base}, {"head", x.head}} {
		trials := slices.Concat(side.sessions...)
		disturbed := 0
		for _, t := range trials {
			if t.Disturbed != "" {
				disturbed++
			}
		}
		if why := withheld("trials", len(trials), disturbed); why != "" {
			return "of " + side.name + " " + why
		}
	}
	return ""
}

// differ lists the conditions in which any two of base and head differ, each once.
func (c *Comparison) differ(base, head []*result.Set) {
	for _, b := range base {
		for _, h := range head {
			for _, d := range result.Differences(b, h) {
				if !slices.Contains(c.Differences, d) {
					c.Differences = append(c.Differences, d)
				}
			}
		}
	}
	slices.SortStableFunc(c.Differences, func(x, y result.Difference) int { return int(y.Weight - x.Weight) })
}

// apart warns of what results taken apart do not tell.
func (c *Comparison) apart(base, head []*result.Set) {
	sessions := func(sets []*result.Set) (n int) {
		for _, s := range sets {
			n += max(1, s.Plan.Sessions)
		}
		return n
	}
	if min(sessions(base), sessions(head)) > 1 {
		return
	}
	c.Warnings = append(c.Warnings, "base and head were measured apart, in one session of either: what differs between two sessions of the same program is not in the intervals (on a shared machine one such comparison in six of CPU, and one in three of throughput, found a difference where there was none); measure them in the same run, or in several sessions each (--sessions, or more files)")
}

func listing(sets []*result.Set) string {
	var names []string
	for _, x := range sideCells(sets) {
		names = append(names, x.contestant+" ("+x.load.String()+")")
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("and %s more", stat.Count(len(names)-3)))
	}
	return strings.Join(names, ", ")
}
