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
	for _, e := range all {
		if e.match.Same || e.pairs == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(p comparedPair) bool { return p.a == e.a && p.b == e.b })
		if i < 0 {
			i, list = len(list), append(list, comparedPair{a: e.a, b: e.b})
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
		list, more = list[:leadPairs], fmt.Sprintf("; of %d pairs more see below", n-leadPairs)
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
			parts = append(parts, fmt.Sprintf("%s in %d (%s)", map[stat.Verdict]string{stat.Less: "less", stat.Greater: "more"}[v], n, byRange(least, most)))
		}
	}
	if n := len(by[stat.NoDifference]); n > 0 {
		parts = append(parts, fmt.Sprintf("the same within %s %% in %d", percent(threshold), n))
	}
	if n := len(by[stat.Inconclusive]); n > 0 {
		parts = append(parts, fmt.Sprintf("not told in %d", n))
	}
	return fmt.Sprintf("%s against %s, under %d loads: %s", p.a, p.b, total, strings.Join(parts, ", "))
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
	rates, costs := map[string]ends{}, map[string]ends{}
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
			if len(r.trials) > 0 && !slices.Contains(names, r.name) {
				names = append(names, r.name)
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
		under = fmt.Sprintf("Under %d loads ", len(all))
	}
	return under + strings.Join(parts, "; ") + ". Nothing was compared."
}

// leadOfPurpose is of a set that was made for ratios, or of a search.
func leadOfPurpose(s *result.Set, compared []effect) string {
	lines := verdicts(s, nil, compared)
	more := ""
	if n := len(lines); n > leadPairs {
		lines, more = lines[:leadPairs], fmt.Sprintf("; and %d more below", n-leadPairs)
	}
	return strings.Join(lines, "; ") + more + "."
}
