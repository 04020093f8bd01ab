package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// ablationGrids has a table for each load: the default against itself first,
// then the variants by their effect on CPU, the costliest first.
func ablationGrids(s *result.Set, compared []effect) (grids []grid) {
	unit := s.Plan.Unit()
	for _, group := range effectGroups(s, compared) {
		of := group.effects
		g := grid{
			title:  "what each feature of " + of[0].b + " is worth: the default with (+) or without (-) it, against the default, " + group.title,
			header: []string{"feature", "CPU a " + unit.One, "95 % interval", "throughput", "95 % interval", "pairs", "run"},
		}
		for _, e := range of {
			g.addEffect(ablationRow(e), e.cpu, rateOf(e))
			if e.unequalWhy != "" {
				g.notes = append(g.notes, "throughput of "+e.a+" not comparable: "+e.unequalWhy)
			}
			if e.inert {
				g.notes = append(g.notes, e.a+" ran with the very features of "+e.b+": it says nothing of "+e.match.Label)
			}
		}
		g.notes = append(g.notes, withheld(of)...)
		grids = append(grids, g)
	}
	return grids
}

// withheld says why there are no verdicts, and on what.
func withheld(of []effect) (lines []string) {
	var reasons []string
	labels := map[string][]string{}
	for _, e := range of {
		for _, f := range []finding{e.cpu, e.rate} {
			if f.why == "" || f.why == e.unequalWhy || slices.Contains(labels[f.why], e.match.Label) {
				continue
			}
			if labels[f.why] == nil {
				reasons = append(reasons, f.why)
			}
			labels[f.why] = append(labels[f.why], e.match.Label)
		}
	}
	for _, why := range reasons {
		lines = append(lines, "no verdict on "+strings.Join(labels[why], ", ")+": "+why)
	}
	return lines
}

func sortByCPU(of []effect) {
	slices.SortStableFunc(of, func(x, y effect) int {
		if x.match.Same != y.match.Same {
			return cmp.Compare(truth(y.match.Same), truth(x.match.Same))
		}
		return cmp.Compare(order(y.cpu), order(x.cpu))
	})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// order puts what was not measured behind everything.
func order(e finding) float64 {
	if math.IsNaN(e.Center) {
		return math.Inf(-1)
	}
	return e.Center
}

func ablationRow(e effect) []string {
	run := "duet"
	if e.match.Apart {
		run = "apart"
	}
	rate, rateRange := change(e.rate), changeRange(e.rate)
	if e.unequalWhy != "" {
		rate, rateRange = "not comparable", none
	}
	return []string{e.match.Label, change(e.cpu), changeRange(e.cpu), rate, rateRange, stat.Count(e.cpu.Pairs), run}
}

// change says by how much a ratio differs from 1, if it does.
func change(e finding) string {
	switch {
	case math.IsNaN(e.Center):
		return none
	case e.why != "":
		return "no verdict"
	case e.verdict == stat.NoDifference:
		return "no difference"
	case e.Known() && !e.differs():
		return "none detectable"
	}
	return signed(e.Center) + " %"
}

func changeRange(e finding) string {
	if !e.Known() {
		return none
	}
	return signed(e.Lo) + " to " + signed(e.Hi) + " %"
}

// signed prints a ratio as a change in percent; nothing has no sign. Two pairs that
// disagree make intervals that no column is wide enough for.
func signed(ratio float64) string {
	switch change := math.Round((ratio-1)*1000) / 10; {
	case ratio > beyond:
		return fmt.Sprintf("more than %+d", (beyond-1)*100)
	case change == 0:
		return "0.0"
	default:
		return fmt.Sprintf("%+.1f", change)
	}
}

// beyond is the greatest ratio that is printed as it is.
const beyond = 100

// purposeVerdicts are the lines that a page begins with.
func purposeVerdicts(s *result.Set, compared []effect) (lines []string) {
	cpu := "CPU a " + s.Plan.Unit().One
	for _, g := range effectGroups(s, compared) {
		if s.Plan.Purpose == result.PurposeCalibration {
			m, lo, hi := medianOf(g.effects, cpuOf)
			lines = append(lines, fmt.Sprintf("%s: %s %s in the median of %s loads (%s)", g.title, cpu, number(m), stat.Count(len(g.effects)), span2(number(lo), number(hi))))
			continue
		}
		for _, e := range g.effects {
			if e.cpu.why != "" {
				lines = append(lines, e.match.Label+" ("+g.title+"): "+cpu+": no verdict, "+e.cpu.why)
				continue
			}
			line := e.match.Label + " (" + g.title + "): " + cpu + " " + strings.Replace(change(e.cpu), "none detectable", "no difference detectable", 1)
			if r := changeRange(e.cpu); r != none {
				line += " (" + r + ")"
			}
			lines = append(lines, line)
		}
	}
	return lines
}
