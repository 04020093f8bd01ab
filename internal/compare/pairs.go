package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// Pairs compares two contestants of one run, head with base, by the pairs of trials
// that ran at the same moment, of a duet, or in the same block.
func Pairs(set *result.Set, base, head string, o Options) (*Comparison, error) {
	c := &Comparison{Base: Side{base, set.Env.Commit}, Head: Side{head, set.Env.Commit}}
	p := &set.Plan
	for _, load := range p.Loads() {
		b, h := cellOf(p, base, load), cellOf(p, head, load)
		switch {
		case b < 0 && h < 0:
			continue
		case h < 0:
			c.Unmatched = append(c.Unmatched, Unmatched{"base", base, load})
			continue
		case b < 0:
			c.Unmatched = append(c.Unmatched, Unmatched{"head", head, load})
			continue
		}
		c.add(pairedCell(set, result.Match{A: h, B: b}, head, o.Seed), o)
	}
	if len(c.Findings) == 0 {
		return nil, fmt.Errorf("no load has both %q and %q; the run has %s", base, head, strings.Join(contestants(p), ", "))
	}
	c.warn(set)
	c.conclude(o.threshold())
	return c, nil
}

func pairedCell(set *result.Set, m result.Match, name string, seed uint64) *cell {
	p := &set.Plan
	for _, planned := range p.Matches { // for Apart
		if planned.A == m.A && planned.B == m.B || planned.A == m.B && planned.B == m.A {
			m.Apart = planned.Apart
		}
	}
	x := &cell{contestant: name, load: p.Cells[m.A].Load, pairs: set.PairsOf(m)}
	for _, session := range x.pairs {
		var base, head []*result.Trial
		for _, pair := range session {
			head, base = append(head, pair.A), append(base, pair.B)
		}
		x.head, x.base = append(x.head, head), append(x.base, base)
	}
	x.witnesses(set, m.B, &x.baseAgain)
	x.witnesses(set, m.A, &x.headAgain)
	x.same = alikes([]*result.Set{set}, x.load, seed, m.B)
	pairs := slices.Concat(x.pairs...)
	disturbed := 0
	for _, pair := range pairs {
		if pair.Disturbed() {
			disturbed++
		}
	}
	x.withheld = withheld("pairs", len(pairs), disturbed)
	x.unequal = Unequal(p, m, pairs)
	return x
}

// withheld is why so many pairs or trials allow for no verdict.
func withheld(what string, n, disturbed int) string {
	switch {
	case n < Least:
		return fmt.Sprintf("only %d of the %d %s that it takes can be used", n, Least, what)
	case disturbed > 0: // only then do they count
		return fmt.Sprintf("%s of %s %s were disturbed", stat.Count(disturbed), stat.Count(n), what)
	}
	return ""
}

// cellOf is the cell of a contestant under a load, -1 if there is none.
func cellOf(p *result.Plan, name string, load result.Load) int {
	for _, i := range p.CellsOf(load) {
		if p.Cells[i].Contestant == name && !p.Again(i) {
			return i
		}
	}
	return -1
}

func contestants(p *result.Plan) (names []string) {
	for i, c := range p.Cells {
		if !p.Again(i) && !slices.Contains(names, c.Contestant) {
			names = append(names, c.Contestant)
		}
	}
	return names
}

// alikes are every A/A of results under a load; own are those of the cell base.
func alikes(sets []*result.Set, load result.Load, seed uint64, base int) (list []alike) {
	for _, set := range sets {
		for _, m := range set.Plan.Matches {
			if m.Same && set.Plan.Cells[m.B].Load == load {
				pairs := set.PairsOf(m)
				list = append(list, alike{m.A == base || m.B == base, pairs, shiftOf(seed, pairs)})
			}
		}
	}
	return list
}

// witnesses are trials of what is the same as a cell.
func (x *cell) witnesses(set *result.Set, cell int, of *[]*result.Trial) {
	for _, m := range set.Plan.Matches {
		switch {
		case m.Same && m.A == cell:
			*of = append(*of, set.Valid(m.B)...)
		case m.Same && m.B == cell:
			*of = append(*of, set.Valid(m.A)...)
		}
	}
}

// Unequal says why the throughput of two that share a CPU says nothing, "" if it
// does: without scheduling groups the scheduler is fair to threads, so the one with
// more of them gets more (a process of one thread against one of eight got 0.11 of
// the CPU).
func Unequal(p *result.Plan, m result.Match, pairs []result.Pair) string {
	if !p.Duet || p.Grouping != "none" || m.Apart {
		return ""
	}
	for _, p := range pairs {
		if p.A.Server == nil || p.B.Server == nil || p.A.Server.Threads == 0 || p.B.Server.Threads == 0 {
			return "no scheduling groups, and the number of threads is not known"
		}
		if a, b := p.A.Server.Threads, p.B.Server.Threads; a != b {
			return fmt.Sprintf("no scheduling groups, and %s threads against %s share the CPU by their number", stat.Count(a), stat.Count(b))
		}
	}
	return ""
}
