package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// comparisonGrids has a table for each load that has something to compare.
func comparisonGrids(s *result.Set, compared []effect) (grids []grid) {
	for _, group := range effectGroups(s, compared) {
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
				g.notes = append(g.notes, fmt.Sprintf("p99 of %s / %s is over %s of %s pairs: the others do not support it on both sides", e.a, e.b, stat.Count(n), stat.Count(e.pairs)))
			}
		}
		if s.Plan.Duet {
			g.title += " (duet, relative under contention)"
		}
		grids = append(grids, g)
	}
	return grids
}

func p99(t *result.Trial) float64 {
	h := t.Latency()
	if !h.Supports(99) {
		return math.NaN()
	}
	return float64(h.ValueAtPercentile(99))
}
