package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// A comparison is what a duet says of two cells under one load: ratios of the
// first to the second, over the pairs.
type comparison struct {
	a, b       int // cells
	rate       stat.Ratio
	serverCPU  stat.Ratio
	p99        stat.Ratio
	pairs      int
	unequalWhy string // the rates are not comparable, because
}

// Duet prints the ratios of every pair of contestants.
func Duet(w io.Writer, s *result.Set) error {
	b := bufio.NewWriter(w)
	if err := drawAll(b, duetGrids(s)); err != nil {
		return err
	}
	return b.Flush()
}

func duetGrids(s *result.Set) (grids []grid) {
	cpu := "server CPU/" + s.Plan.Unit().Short
	for _, load := range s.Plan.Loads() {
		g := grid{
			title:  "duet, relative under contention: " + load.String(),
			header: []string{"first / second", "throughput ± SE", "sd", cpu + " ± SE", "sd", "p99 ± SE", "sd", "pairs"},
		}
		for _, c := range comparisons(s, load) {
			name := s.Plan.Name(c.a) + " / " + s.Plan.Name(c.b)
			rate, rateSD := ratio(c.rate), spread(c.rate)
			if c.unequalWhy != "" {
				rate, rateSD = "not comparable", none
				g.notes = append(g.notes, "throughput of "+name+" not comparable: "+c.unequalWhy)
			}
			for _, r := range []struct {
				what string
				n    int
			}{{"throughput", c.rate.N}, {cpu, c.serverCPU.N}, {"p99", c.p99.N}} {
				if r.n > 0 && r.n < c.pairs {
					g.notes = append(g.notes, fmt.Sprintf("%s of %s is over %d of %d pairs: the others do not have it on both sides", r.what, name, r.n, c.pairs))
				}
			}
			g.rows = append(g.rows, []string{
				name, rate, rateSD, ratio(c.serverCPU), spread(c.serverCPU), ratio(c.p99), spread(c.p99), fmt.Sprint(c.pairs),
			})
		}
		if len(g.rows) > 0 {
			grids = append(grids, g)
		}
	}
	if n := len(grids); n > 0 {
		grids[n-1].notes = append(grids[n-1].notes,
			fmt.Sprintf("both ran at the same moment on the same CPUs (scheduling groups: %s); geometric mean over the pairs ± its standard error;", or(s.Plan.Grouping, "unknown")),
			"sd is of one pair, in %; what differs between sessions is not in the standard error")
	}
	return grids
}

// comparisons pairs the first cell of a load with every other.
func comparisons(s *result.Set, load result.Load) (all []comparison) {
	cells := s.Plan.CellsOf(load)
	if len(cells) < 2 {
		return nil
	}
	pairs := s.Pairs()
	for _, b := range cells[1:] {
		var of []result.Pair
		for _, p := range pairs {
			if p.A.Cell == cells[0] && p.B.Cell == b {
				of = append(of, p)
			}
		}
		if len(of) > 0 {
			all = append(all, compare(s, cells[0], b, of))
		}
	}
	return all
}

func compare(s *result.Set, a, b int, pairs []result.Pair) comparison {
	of := func(f func(*result.Trial) float64) stat.Ratio {
		values := make([][2]float64, len(pairs))
		for i, p := range pairs {
			values[i] = [2]float64{f(p.A), f(p.B)}
		}
		return stat.LogRatio(values)
	}
	c := comparison{
		a: a, b: b, pairs: len(pairs),
		rate:      of((*result.Trial).PerSecond),
		serverCPU: of((*result.Trial).ServerCPUPerMessage),
		p99:       of(p99),
	}
	if s.Plan.Grouping == "none" {
		c.unequalWhy = unequal(pairs)
	}
	return c
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

func ratio(r stat.Ratio) string {
	switch r.N {
	case 0:
		return none
	case 1:
		return fmt.Sprintf("%.3f", r.Center)
	}
	return fmt.Sprintf("%.3f ± %.3f", r.Center, r.SE)
}

func spread(r stat.Ratio) string {
	if r.N < 2 {
		return none
	}
	return percent(r.SD) + " %"
}
