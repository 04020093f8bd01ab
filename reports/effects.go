package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// An effect is what a match says: ratios of its A to its B.
type effect struct {
	match          result.Match
	load           result.Load
	a, b           string // names
	pairs          int
	disturbed      int // of the pairs; then they were most
	cpu, rate, p99 finding
	unequalWhy     string // the rates are not comparable, because
	inert          bool   // a variant that ran with the very features of the default
}

// effects are those of all matches, in the order of the plan.
func effects(s *result.Set) (all []effect) {
	x := s.Index()
	for _, m := range s.Plan.Comparisons() {
		sessions := x.PairsOf(m)
		of := func(f func(*result.Trial) float64) finding {
			return finding{Effect: stat.Compare(result.Figures(sessions, f)...)}
		}
		e := effect{
			match: m, load: s.Plan.Cells[m.B].Load, a: x.Name(m.A), b: x.Name(m.B),
			cpu: of((*result.Trial).ServerCPUPerMessage), rate: of((*result.Trial).PerSecond), p99: of(p99),
		}
		pairs := slices.Concat(sessions...)
		e.pairs = len(pairs)
		for _, p := range pairs {
			if p.Disturbed() {
				e.disturbed++
			}
		}
		e.unequalWhy = compare.Unequal(&s.Plan, m, pairs)
		e.inert = !m.Same && len(pairs) > 0 && len(pairs[0].A.Features) > 0 && s.Plan.Cells[m.A].Family() == s.Plan.Cells[m.B].Family() &&
			slices.Equal(pairs[0].A.Features, pairs[0].B.Features)
		all = append(all, e)
	}
	judge(s, all)
	return all
}

// ratioGrids are the tables of what is compared with what; closing stands under the last
// that is shown.
func ratioGrids(s *result.Set, compared []effect) (grids []grid, closing []string) {
	switch s.Plan.Purpose {
	case result.PurposeMaximum:
		return maximumGrids(s), nil
	case result.PurposeAblation:
		grids = ablationGrids(s, compared)
	case result.PurposeCalibration:
		grids = calibrationGrids(s, compared)
	default:
		grids = comparisonGrids(s, compared)
	}
	return grids, conditions(s, compared)
}

// conditions are those of all tables of ratios.
func conditions(s *result.Set, compared []effect) []string {
	lines := []string{"a pair is two trials of one block, each of which ran alone; a duet (--duet) is steadier"}
	if s.Plan.Duet {
		lines = nil
		if slices.ContainsFunc(s.Plan.Comparisons(), func(m result.Match) bool { return !m.Apart }) {
			lines = append(lines, fmt.Sprintf("each pair ran at the same moment on the same CPUs (scheduling groups: %s), so all is relative under contention", or(s.Plan.Grouping, "unknown")))
		}
	}
	for _, m := range s.Plan.Matches {
		line := "apart: one right after the other, alone, because " + whyApart(s.Plan.Cells[m.B].Load)
		if m.Apart && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	interval := "geometric means; 95 % intervals by Student's t "
	switch n := s.Plan.Sessions; {
	case n > 1:
		interval += fmt.Sprintf("over the means of %s sessions%s, so they carry what differs between sessions", stat.Count(n), sessionGap(s))
	default:
		interval += "over the pairs of one session: what differs between sessions is not in them"
	}
	lines = append(lines, interval, fmt.Sprintf("a difference is an interval without 1 whose center is beyond %.0f %% and beyond what the A/A pair differs by, and is judged with all others of this report, A/A pairs among themselves (Benjamini-Hochberg, q < %.2g)", 100*threshold, falseDiscoveries))
	if !slices.ContainsFunc(s.Plan.Comparisons(), func(m result.Match) bool { return m.Same }) {
		lines = append(lines, "nothing was compared with itself (--aa), so the noise of this run is not known to the verdicts")
	}
	if s.Plan.Compiler != "" {
		lines = append(lines, "C built by "+s.Plan.Compiler)
	}
	for _, e := range compared {
		if e.match.Same && (e.cpu.differs() || e.rate.differs()) {
			lines = append(lines, e.a+" shows a difference although it is "+e.b+" ("+e.load.String()+"): believe nothing that is not much larger, or run it again with more --trials or --sessions")
		}
	}
	for _, l := range s.Plan.LeftOut {
		lines = append(lines, "not measured: "+l.Contestant+": "+l.Why)
	}
	return lines
}

// sessionGap is how far sessions are apart, where one plan says it for all.
func sessionGap(s *result.Set) string {
	if len(s.Joined) > 0 {
		return fmt.Sprintf(" of %s runs", stat.Count(len(s.Joined)))
	}
	return fmt.Sprintf(" %.10g s apart", s.Plan.SessionGapSeconds)
}

// whyApart says what two that are run apart would do to each other at the same
// moment.
func whyApart(l result.Load) string {
	switch {
	case l.Op != "" && l.Op != "read":
		return "two that write to one file would wait for each other's locks"
	case l.Cache == "cold":
		return "each would find in the page cache what its rival has read"
	}
	return "a thread that spins would take the CPU from its rival"
}

// An effectGroup is what is shown together: of a calibration one comparison under
// all loads, of an ablation all features under one load.
type effectGroup struct {
	title   string
	effects []effect
}

func effectGroups(s *result.Set, compared []effect) (groups []effectGroup) {
	at := map[string]int{}
	for _, e := range compared {
		title := e.a + " / " + e.b + ": " + e.match.Label
		if s.Plan.Purpose != result.PurposeCalibration {
			title = e.load.String()
		}
		i, ok := at[title]
		if !ok {
			i = len(groups)
			at[title], groups = i, append(groups, effectGroup{title: title})
		}
		groups[i].effects = append(groups[i].effects, e)
	}
	if s.Plan.Purpose == result.PurposeAblation {
		for _, g := range groups {
			sortByCPU(g.effects)
		}
	} else if of := against(s, "uring", "epoll"); len(of) > 0 {
		groups = append(groups, effectGroup{"(uring / epoll) / (c-uring / c-epoll): ours / C's", of})
	}
	return groups
}

// name tells an effect from the others of its group.
func (e effect) name(s *result.Set) string {
	switch s.Plan.Purpose {
	case result.PurposeAblation:
		return e.match.Label
	case "":
		return e.a + " / " + e.b
	}
	name := fmt.Sprintf("%d × %s", e.load.Conns+e.load.Depth, sizeText(e.load))
	if how := or(e.load.Direction, e.load.Mode); how != "" {
		name += ", " + how
	}
	return name
}

// effectHeading says what the names of effects are made of.
func effectHeading(s *result.Set) string {
	switch {
	case s.Plan.Purpose == "":
		return "first / second"
	case s.Plan.Cells[0].Op != "":
		return "depth × size"
	}
	return "connections × size"
}

// calibrationGrids has a table for each comparison, a row for each load.
func calibrationGrids(s *result.Set, compared []effect) (grids []grid) {
	for _, g := range effectGroups(s, compared) {
		grids = append(grids, ratioGrid(s, g))
	}
	return grids
}

func ratioGrid(s *result.Set, group effectGroup) grid {
	of := group.effects
	unit := s.Plan.Unit().Short
	g := grid{title: group.title, header: []string{effectHeading(s), "CPU/" + unit, "95 % interval", unit + "/s", "95 % interval", "p99", "95 % interval", "pairs"}}
	for _, e := range of {
		rate, rateRange := center(e.rate), interval(e.rate)
		if e.unequalWhy != "" {
			rate, rateRange = none, none
		}
		if e.unequalWhy != "" && s.Plan.Purpose != "" {
			g.notes = append(g.notes, "throughput is not comparable: "+e.unequalWhy)
		}
		g.addEffect([]string{
			e.name(s), center(e.cpu), interval(e.cpu), rate, rateRange, center(e.p99), interval(e.p99), stat.Count(e.cpu.Pairs),
		}, e.cpu, rateOf(e), e.p99)
	}
	if len(of) > 1 && s.Plan.Purpose == result.PurposeCalibration {
		row := []string{"median, range"}
		for _, f := range []func(effect) finding{cpuOf, rateOf, p99Of} {
			m, lo, hi := medianOf(of, f)
			row = append(row, number(m), span2(number(lo), number(hi)))
		}
		g.rows = append(g.rows, append(row, ""))
	}
	return g
}

func cpuOf(e effect) finding { return e.cpu }
func p99Of(e effect) finding { return e.p99 }
func rateOf(e effect) finding {
	if e.unequalWhy != "" {
		return finding{Effect: stat.Compare()}
	}
	return e.rate
}

// medianOf is the median over loads, with the least and the greatest.
func medianOf(of []effect, f func(effect) finding) (median, least, greatest float64) {
	var values []float64
	for _, e := range of {
		if x := f(e).Center; !math.IsNaN(x) {
			values = append(values, x)
		}
	}
	if len(values) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return stat.Median(values).Center, slices.Min(values), slices.Max(values)
}

// against compares the ratio a/b of our backends with that of their C twins,
// block by block, under each load that has both.
func against(s *result.Set, a, b string) (all []effect) {
	matched := map[[2]string]map[result.Load]result.Match{{a, b}: {}, {"c-" + a, "c-" + b}: {}}
	for _, m := range slices.Backward(s.Plan.Matches) { // the first counts
		x, y := &s.Plan.Cells[m.A], &s.Plan.Cells[m.B]
		if of := matched[[2]string{x.Contestant, y.Contestant}]; of != nil {
			of[x.Load] = m
		}
	}
	twins := matched[[2]string{"c-" + a, "c-" + b}]
	if len(twins) == 0 {
		return nil
	}
	x := s.Index()
	for _, load := range s.Plan.Loads() {
		ours, ok := matched[[2]string{a, b}][load]
		theirs, ok2 := twins[load]
		if !ok || !ok2 {
			continue
		}
		of := func(f func(*result.Trial) float64) finding {
			return finding{Effect: stat.Compare(blockRatios(x.PairsOf(ours), x.PairsOf(theirs), f)...)}
		}
		all = append(all, effect{load: load, cpu: of((*result.Trial).ServerCPUPerMessage), rate: of((*result.Trial).PerSecond), p99: of(p99)})
	}
	return all
}

// blockRatios pairs the ratios of two matches that were found in the same block.
func blockRatios(ours, theirs [][]result.Pair, f func(*result.Trial) float64) [][][2]float64 {
	values := make([][][2]float64, len(ours))
	for i := range ours {
		for _, x := range ours[i] {
			for _, y := range theirs[i] {
				if x.A.Block == y.A.Block {
					values[i] = append(values[i], [2]float64{f(x.A) / f(x.B), f(y.A) / f(y.B)})
				}
			}
		}
	}
	return values
}

func number(x float64) string {
	if math.IsNaN(x) {
		return none
	}
	if x > beyond {
		return fmt.Sprintf("above %d", beyond)
	}
	return fmt.Sprintf("%.3f", x)
}

func center(e finding) string { return number(e.Center) }

func interval(e finding) string { return span2(number(e.Lo), number(e.Hi)) }

func span2(lo, hi string) string {
	if lo == none {
		return none
	}
	return lo + " to " + hi
}
