package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
)

// Comparison prints the ratios of every pair of contestants.
func Comparison(w io.Writer, s *result.Set) error {
	b := bufio.NewWriter(w)
	if err := drawAll(b, comparisonGrids(s)); err != nil {
		return err
	}
	return b.Flush()
}

// comparisonGrids has a table for each load that has something to compare.
func comparisonGrids(s *result.Set) (grids []grid) {
	for _, group := range effectGroups(s) {
		of := slices.DeleteFunc(group.effects, func(e effect) bool { return e.pairs == 0 })
		if len(of) == 0 {
			continue
		}
		g := ratioGrid(s, effectGroup{title: "ratios: " + group.title, effects: of})
		for _, e := range of {
			if !e.match.Same {
				g.notes = append(g.notes, e.findings(s.Plan.Unit().One))
			}
			if n := e.p99.Pairs; n > 0 && n < e.pairs {
				g.notes = append(g.notes, fmt.Sprintf("p99 of %s / %s is over %d of %d pairs: the others do not support it on both sides", e.a, e.b, n, e.pairs))
			}
		}
		if s.Plan.Duet {
			g.title += " (duet, relative under contention)"
		}
		grids = append(grids, g)
	}
	return conditions(s, grids)
}

func p99(t *result.Trial) float64 {
	h := t.Latency()
	if !h.Supports(99) {
		return math.NaN()
	}
	return float64(h.ValueAtPercentile(99))
}

// unequal says why the rates of two contestants that share a CPU without
// scheduling groups say nothing: the scheduler is fair to threads, so the one
// with more of them gets more (a process of one thread against one of eight
// got 0.11 of the CPU).
func unequal(pairs []result.Pair) string {
	for _, p := range pairs {
		if p.A.Server == nil || p.B.Server == nil || p.A.Server.Threads == 0 || p.B.Server.Threads == 0 {
			return "no scheduling groups, and the number of threads is not known"
		}
		if a, b := p.A.Server.Threads, p.B.Server.Threads; a != b {
			return fmt.Sprintf("no scheduling groups, and %d threads against %d share the CPU by their number", a, b)
		}
	}
	return ""
}
