package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// maximumGrids are what a search found: for every load the contestants with the
// highest rate of each, then all rates that were tried.
func maximumGrids(s *result.Set) (grids []grid) {
	x, unit := s.Index(), s.Plan.Unit()
	for _, load := range searchedLoads(s) {
		title := fmt.Sprintf("%s: highest rate with %s", load.Unpaced(), s.Plan.Search)
		g := grid{title: title, header: []string{"contestant", "sustained/s", "not sustained/s", "missed there", "p50 µs", "p99 µs", "server CPU ns/" + unit.Short, "trials", "verdict"}}
		all := grid{header: []string{"  rates tried", "offered/s", unit.Many + "/s", "p50 µs", "p90 µs", "p99 µs", "p99.9 µs", "server CPU ns/" + unit.Short, "trials", "missed"}}
		for _, f := range s.Found {
			if f.Load != load {
				continue
			}
			g.rows = append(g.rows, maximumRow(s, x, f))
			if f.Unfinished != "" {
				g.notes = append(g.notes, f.Contestant+": the search is not finished: "+f.Unfinished)
			}
			for _, cell := range triedBy(s, x, f) {
				r := newRow(s, x, cell)
				all.rows = append(all.rows, []string{
					f.Contestant, whole(r.cell.Rate), whole(r.rate.Center),
					microseconds(r.latency, 50), microseconds(r.latency, 90), microseconds(r.latency, 99), microseconds(r.latency, 99.9),
					cpu(r.server, r.user), stat.Count(len(r.trials)), s.Plan.Search.Missed(r.trials),
				})
			}
		}
		g.notes = append(g.notes, fmt.Sprintf("sustained: in the median of its trials at least %.3g %% of what was offered is answered within the window, and of response times %s",
			100*s.Plan.Search.AnsweredShare, s.Plan.Search),
			fmt.Sprintf("the two rates are at most %.3g %% apart, each confirmed by %s trials; figures are at the sustained rate, the verdict is of the other", 100*(s.Plan.Search.BracketRatio-1), stat.Count(s.Plan.Trials)))
		grids = append(grids, g, all)
	}
	return grids
}

func maximumRow(s *result.Set, x *result.Index, f result.Found) []string {
	line := []string{f.Contestant, none, none, none, none, none, none, none, none}
	var trials []string
	for i, cell := range []int{f.Sustained, f.Failed} {
		if cell < 0 {
			trials = append(trials, none)
			continue
		}
		r := newRow(s, x, cell)
		trials = append(trials, stat.Count(len(r.trials)))
		line[1+i] = whole(r.cell.Rate)
		if i == 0 {
			line[4], line[5], line[6] = microseconds(r.latency, 50), microseconds(r.latency, 99), cpu(r.server, r.user)
		} else {
			line[3], line[8] = s.Plan.Search.Missed(r.trials), or(r.verdict, none)
		}
	}
	line[7] = strings.Join(trials, " + ")
	return line
}

// searchedLoads are those of what was found, each once, without a rate.
func searchedLoads(s *result.Set) (loads []result.Load) {
	for _, f := range s.Found {
		if !slices.Contains(loads, f.Load) {
			loads = append(loads, f.Load)
		}
	}
	return loads
}

// triedBy lists the cells of one search by their rates.
func triedBy(s *result.Set, x *result.Index, f result.Found) (cells []int) {
	for i, c := range s.Plan.Cells {
		load := c.Load
		load.Rate = 0
		if load == f.Load && c.Contestant == f.Contestant && len(x.Valid(i)) > 0 {
			cells = append(cells, i)
		}
	}
	slices.SortStableFunc(cells, func(a, b int) int { return cmp.Compare(s.Plan.Cells[a].Rate, s.Plan.Cells[b].Rate) })
	return cells
}

func maximumVerdicts(s *result.Set) (lines []string) {
	x := s.Index()
	for _, f := range s.Found {
		line := maximumRow(s, x, f)
		sustained, beyond := line[1]+" "+s.Plan.Unit().Many+"/s", "no rate beyond was tried"
		if f.Sustained < 0 {
			sustained = "no rate"
		}
		if f.Failed >= 0 {
			beyond = line[2] + " not (" + line[3] + ")"
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s sustained with %s, %s", f.Contestant, f.Load.Unpaced(), sustained, s.Plan.Search, beyond))
	}
	return lines
}
