package reports

import (
	"fmt"
	"slices"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/ringbench/ringbench/internal/result"
)

// Live is what is shown of a run that goes on: the lines of heading, then how the
// contestants stand under the load of the cells that come next, as far as rows go,
// each line within columns. It is little work: no histogram is merged.
func Live(s *result.Set, next []int, heading []string, columns, rows int) []string {
	lines := slices.Clone(heading)
	if len(next) > 0 {
		lines = append(lines, standings(s, s.Plan.Cells[next[0]].Load)...)
	}
	if len(lines) > rows {
		lines = lines[:rows]
	}
	for i, line := range lines {
		lines[i] = shorten(clean(line), columns)
	}
	return lines
}

// standings are the medians so far of the contestants under a load, of which a trial
// counts.
func standings(s *result.Set, load result.Load) (lines []string) {
	var cells []int
	wide := 0
	for _, cell := range s.Plan.CellsOf(load) {
		if len(s.Valid(cell)) > 0 {
			cells = append(cells, cell)
			wide = max(wide, twwidth.Width(clean(s.Plan.Name(cell))))
		}
	}
	for _, cell := range cells {
		r := row{trials: s.Valid(cell)}
		name := clean(s.Plan.Name(cell))
		line := fmt.Sprintf("  %s%*s  %10s %s/s", name, wide-twwidth.Width(name), "", whole(r.median((*result.Trial).PerSecond).Center), load.Unit().Many)
		if cpu := r.median((*result.Trial).ServerCPUPerMessage); cpu.N > 0 {
			line += fmt.Sprintf("  %8s ns CPU each", whole(cpu.Center))
		}
		lines = append(lines, line+ofTrials(len(r.trials)))
	}
	return lines
}

func ofTrials(n int) string {
	if n == 1 {
		return "  of 1 trial"
	}
	return fmt.Sprintf("  of %d trials", n)
}
