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
		lines = append(lines, standings(s, s.Plan.Cells[next[0]].Load, columns)...)
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
// counts. Where there is no room for both, names are cut rather than figures.
func standings(s *result.Set, load result.Load, columns int) (lines []string) {
	var names []string
	wide, figures := 0, 0
	for _, cell := range s.Plan.CellsOf(load) {
		r := row{trials: s.Valid(cell)}
		if len(r.trials) == 0 {
			continue
		}
		line := fmt.Sprintf("  %10s %s/s", whole(r.median((*result.Trial).PerSecond).Center), load.Unit().Many)
		if cpu := r.median((*result.Trial).ServerCPUPerMessage); cpu.N > 0 {
			line += fmt.Sprintf("  %8s ns CPU each", whole(cpu.Center))
		}
		names, lines = append(names, clean(s.Plan.Name(cell))), append(lines, line+ofTrials(len(r.trials)))
		wide, figures = max(wide, twwidth.Width(names[len(names)-1])), max(figures, twwidth.Width(lines[len(lines)-1]))
	}
	wide = min(wide, max(columns-2-figures, leastPart))
	for i, name := range names {
		name = shortenName(name, wide)
		lines[i] = fmt.Sprintf("  %s%*s", name, wide-twwidth.Width(name), "") + lines[i]
	}
	return lines
}

func ofTrials(n int) string {
	return "  of " + trials(n)
}
