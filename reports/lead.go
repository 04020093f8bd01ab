package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// lead is what was found over all loads, in at most two sentences: of a comparison what
// the verdicts allow, of others what was measured or searched.
func lead(s *result.Set, all []view, compared []effect) string {
	measured := slices.ContainsFunc(all, view.measured)
	switch {
	case !measured:
		return "Nothing was measured."
	case s.Plan.Purpose != "":
		return leadOfPurpose(s, compared)
	}
	if list := comparedPairs(compared); len(list) > 0 {
		return leadOfPairs(s, list)
	}
	return leadOfFigures(s, all)
}

// A comparedPair is two contestants under all loads under which they were compared.
type comparedPair struct {
	a, b    string
	effects []effect
}

// leadPairs is how many pairs two sentences can hold.
const leadPairs = 3

// comparedPairs begin with the one that heat maps show.
func comparedPairs(all []effect) (list []comparedPair) {
	first, second := heatPair(all)
	at := map[[2]string]int{}
	for _, e := range all {
		if e.match.Same || e.pairs == 0 {
			continue
		}
		i, ok := at[[2]string{e.a, e.b}]
		if !ok {
			i = len(list)
			at[[2]string{e.a, e.b}], list = i, append(list, comparedPair{a: e.a, b: e.b})
		}
		list[i].effects = append(list[i].effects, e)
	}
	chief := func(p comparedPair) bool { return p.a == first && p.b == second || p.a == second && p.b == first }
	slices.SortStableFunc(list, func(p, q comparedPair) int {
		switch {
		case chief(p) == chief(q):
			return 0
		case chief(p):
			return -1
		}
		return 1
	})
	return list
}

func leadOfPairs(s *result.Set, list []comparedPair) string {
	more := ""
	if n := len(list); n > leadPairs {
		list, more = list[:leadPairs], fmt.Sprintf("; %s more below", stat.Count(n-leadPairs))
	}
	why := list[0].effects[0].cpu.why
	if why != "" && !slices.ContainsFunc(list, func(p comparedPair) bool {
		return slices.ContainsFunc(p.effects, func(e effect) bool { return e.cpu.why == "" || e.rate.why == "" })
	}) {
		return "No verdict: " + why + "."
	}
	sentence := func(what string, of func(effect) finding) string {
		var parts []string
		for _, p := range list {
			parts = append(parts, p.phrase(of))
		}
		return what + ": " + strings.Join(parts, "; ") + more + "."
	}
	return sentence("CPU a "+s.Plan.Unit().One, cpuOf) + " " + sentence("Throughput", func(e effect) finding { return e.rate })
}

// phrase says what the verdicts of a pair say, without one on where there is none.
func (p comparedPair) phrase(of func(effect) finding) string {
	by := map[stat.Verdict][]finding{}
	for _, e := range p.effects {
		f := of(e)
		by[f.verdict] = append(by[f.verdict], f)
	}
	total := len(p.effects)
	if total == 1 {
		f := of(p.effects[0])
		switch {
		case f.verdict == stat.Less:
			return fmt.Sprintf("%s %s %% less than %s (%s)", p.a, percent(1-f.Center), p.b, byRange(1-f.Hi, 1-f.Lo))
		case f.verdict == stat.Greater:
			return fmt.Sprintf("%s %s %% more than %s (%s)", p.a, percent(f.Center-1), p.b, byRange(f.Lo-1, f.Hi-1))
		case f.verdict == stat.NoDifference:
			return fmt.Sprintf("%s and %s the same within %s %%", p.a, p.b, percent(threshold))
		case f.why != "":
			return fmt.Sprintf("%s and %s: no verdict, %s", p.a, p.b, f.why)
		}
		return fmt.Sprintf("%s and %s not told from each other", p.a, p.b)
	}
	var parts []string
	for _, v := range []stat.Verdict{stat.Less, stat.Greater} {
		if n := len(by[v]); n > 0 {
			least, most := math.Inf(1), 0.0
			for _, f := range by[v] {
				least, most = min(least, math.Abs(f.Center-1)), max(most, math.Abs(f.Center-1))
			}
			parts = append(parts, fmt.Sprintf("%s in %s (%s)", map[stat.Verdict]string{stat.Less: "less", stat.Greater: "more"}[v], stat.Count(n), byRange(least, most)))
		}
	}
	if n := len(by[stat.NoDifference]); n > 0 {
		parts = append(parts, fmt.Sprintf("the same within %s %% in %s", percent(threshold), stat.Count(n)))
	}
	if n := len(by[stat.Inconclusive]); n > 0 {
		parts = append(parts, "not told from each other in "+stat.Count(n))
	}
	return fmt.Sprintf("%s against %s, under %s loads: %s", p.a, p.b, stat.Count(total), strings.Join(parts, ", "))
}

// byRange is from one fraction to another, in percent.
func byRange(least, most float64) string {
	from, to := percent(least), percent(most)
	if from == to {
		return to + " %"
	}
	return from + " to " + to + " %"
}

// leadOfFigures is of contestants that were not compared.
func leadOfFigures(s *result.Set, all []view) string {
	type ends struct{ least, most float64 }
	rates, costs, known := map[string]ends{}, map[string]ends{}, map[string]bool{}
	var names []string
	note := func(m map[string]ends, name string, x float64) {
		e, ok := m[name]
		switch {
		case math.IsNaN(x):
			return
		case !ok:
			e = ends{x, x}
		}
		m[name] = ends{min(e.least, x), max(e.most, x)}
	}
	for _, v := range all {
		for _, r := range v.rows {
			if len(r.trials) > 0 && !known[r.name] {
				known[r.name], names = true, append(names, r.name)
			}
			note(rates, r.name, r.rate.Center)
			note(costs, r.name, r.server.Center)
		}
	}
	said := func(e ends) string {
		if e.least == e.most {
			return whole(e.least)
		}
		return whole(e.least) + " to " + whole(e.most)
	}
	unit := s.Plan.Unit()
	var parts []string
	for _, name := range names[:min(len(names), leadPairs)] {
		part := name + " " + said(rates[name]) + " " + unit.Many + "/s"
		if c, ok := costs[name]; ok {
			part += " at " + said(c) + " ns of server CPU each"
		}
		parts = append(parts, part)
	}
	under := ""
	if len(all) > 1 {
		under = "Under " + stat.Count(len(all)) + " loads "
	}
	more := ""
	if n := len(names) - leadPairs; n > 0 {
		more = fmt.Sprintf("; %s more below", stat.Count(n))
	}
	return under + strings.Join(parts, "; ") + more + ". Nothing was compared."
}

// leadOfPurpose is of a set that was made for ratios, or of a search.
func leadOfPurpose(s *result.Set, compared []effect) string {
	if s.Plan.Purpose == result.PurposeMaximum {
		return leadOfSearch(s)
	}
	all := slices.DeleteFunc(slices.Clone(compared), func(e effect) bool { return e.match.Same || e.pairs == 0 })
	switch {
	case len(all) == 0:
		return "Nothing was compared."
	case !slices.ContainsFunc(all, func(e effect) bool { return e.cpu.why == "" }):
		return "No verdict: " + all[0].cpu.why + "."
	case s.Plan.Purpose == result.PurposeAblation:
		return leadOfAblation(s, all)
	}
	return leadOfCalibration(s, compared)
}

// leadOfCalibration is what ours take of what their C twins take, then what io_uring
// takes of what epoll takes, in either.
func leadOfCalibration(s *result.Set, compared []effect) string {
	twin := func(name string) bool { return strings.HasPrefix(name, "c-") }
	var costs, ratios []string
	loads := 0
	for _, g := range effectGroups(s, compared) {
		e := g.effects[0]
		m, _, _ := medianOf(g.effects, cpuOf)
		if e.match.Same || e.a == "" || math.IsNaN(m) {
			continue
		}
		part := e.a + " / " + e.b + " " + number(m)
		if !twin(e.a) && twin(e.b) {
			costs, loads = append(costs, part), max(loads, len(g.effects))
		} else {
			ratios = append(ratios, part)
		}
	}
	text := "CPU a " + s.Plan.Unit().One
	if loads > 1 {
		text += ", median of " + stat.Count(loads) + " loads"
	}
	text += ": " + strings.Join(costs, ", ") + "."
	if len(ratios) > 0 {
		text += " Against each other: " + strings.Join(ratios, ", ") + "."
	}
	return text
}

// leadOfAblation counts what each feature does to CPU, and names the ends.
func leadOfAblation(s *result.Set, all []effect) string {
	sortByCPU(all)
	var more, less []effect
	withheld := 0
	for _, e := range all {
		switch {
		case e.cpu.verdict == stat.Greater:
			more = append(more, e)
		case e.cpu.verdict == stat.Less:
			less = append(less, e)
		case e.cpu.why != "":
			withheld++
		}
	}
	slices.Reverse(less)
	n := "of " + stat.Count(len(all)) + " features"
	if loads := len(s.Plan.Loads()); loads > 1 {
		n = fmt.Sprintf("of %s comparisons under %s loads", stat.Count(len(all)), stat.Count(loads))
	}
	side := func(what string, list []effect) string {
		if len(list) == 0 {
			return "none takes " + what
		}
		return fmt.Sprintf("%s %s %s, most of all %s (%s %%)", stat.Count(len(list)), takes(len(list)), what, list[0].match.Label, signed(list[0].cpu.Center))
	}
	text := fmt.Sprintf("CPU a %s, against the default: %s %s; %s.", s.Plan.Unit().One, n, side("more", more), side("less", less))
	var rest []string
	if n := len(all) - len(more) - len(less) - withheld; n > 0 {
		rest = append(rest, stat.Count(n)+" no difference was found")
	}
	if withheld > 0 {
		rest = append(rest, stat.Count(withheld)+" there is no verdict")
	}
	if len(rest) > 0 {
		text += " Of " + strings.Join(rest, ", of ") + "."
	}
	return text
}

func takes(n int) string {
	if n == 1 {
		return "takes"
	}
	return "take"
}

// leadOfSearch gives the highest rate of each contestant, under several loads the least
// and the greatest. Where no rate beyond was tried, as in a search that was interrupted, it
// is one that can be had and need not be the highest.
func leadOfSearch(s *result.Set) string {
	type found struct {
		rates, beyond []float64
		open          bool
	}
	by := map[string]*found{}
	var names []string
	for _, f := range s.Found {
		if strings.HasSuffix(f.Contestant, " again") {
			continue // the noise
		}
		of := by[f.Contestant]
		if of == nil {
			of = &found{}
			by[f.Contestant], names = of, append(names, f.Contestant)
		}
		if f.Sustained >= 0 {
			of.rates, of.open = append(of.rates, s.Plan.Cells[f.Sustained].Rate), of.open || f.Failed < 0
		} else if f.Failed >= 0 {
			of.beyond = append(of.beyond, s.Plan.Cells[f.Failed].Rate)
		}
	}
	if len(names) == 0 {
		return "The search found nothing."
	}
	unit := s.Plan.Unit()
	var parts []string
	for _, name := range names[:min(len(names), leadPairs)] {
		of := by[name]
		part := name + " "
		if of.open {
			part += "at least "
		}
		switch {
		case len(of.rates) == 0 && len(of.beyond) == 0:
			part += "not found"
		case len(of.rates) == 0:
			part += "less than " + whole(slices.Min(of.beyond))
		case slices.Min(of.rates) == slices.Max(of.rates):
			part += whole(of.rates[0])
		default:
			part += whole(slices.Min(of.rates)) + " to " + whole(slices.Max(of.rates))
		}
		if n := len(of.beyond); n > 0 && len(of.rates) > 0 {
			part += ", none under " + stat.Count(n) + " loads"
		}
		parts = append(parts, part)
	}
	more := ""
	if n := len(names) - leadPairs; n > 0 {
		more = fmt.Sprintf("; %s more below", stat.Count(n))
	}
	return fmt.Sprintf("Highest %s/s with %s: %s%s.", unit.Many, s.Plan.Search, strings.Join(parts, "; "), more)
}
