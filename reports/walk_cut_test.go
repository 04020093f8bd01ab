package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// cutSets have more than a page shows.
func cutSets() map[string]*result.Set {
	return map[string]*result.Set{"loads": newMany(), "rates": newRates(), "contestants": newContestants(), "grids": newGrids(), "searches": newSearches()}
}

// newGrids is of two contestants under four loads at each of 34 depths of the pipeline.
func newGrids() *result.Set {
	s := newSet(1, 64)
	cells, trials := s.Plan.Cells[:2], s.Trials[:2]
	s.Plan.Cells, s.Trials = nil, nil
	for i := range 4 * 34 {
		for k, c := range cells {
			c.Conns, c.Size, c.Pipeline = 1+i%2, 64+i/2%2, 1+i/4
			for range 2 {
				t := trials[k]
				t.Cell, t.Order, t.Block = len(s.Plan.Cells), len(s.Trials), len(s.Trials)%2
				t.Server = &result.Process{CPUSeconds: t.Server.CPUSeconds * (1 + float64(len(s.Trials)%7)/50), Seconds: 1, ThreadSeconds: 1, CPUs: 1}
				s.Trials = append(s.Trials, t)
			}
			s.Plan.Cells = append(s.Plan.Cells, c)
		}
	}
	s.Plan.Matches = s.Plan.Comparisons()
	return s
}

// newSearches is of a contestant for each of 35 loads.
func newSearches() *result.Set {
	s := newSearch()
	cells, trials := s.Plan.Cells, s.Trials
	s.Plan.Cells, s.Trials, s.Found = nil, nil, nil
	for i := range 35 {
		f := result.Found{Contestant: string([]rune{'a' + rune(i/26), 'a' + rune(i%26)}), Sustained: len(s.Plan.Cells), Failed: len(s.Plan.Cells) + 1}
		for k, at := range []int{len(profiles), 0} {
			c := cells[at]
			c.Contestant, c.Conns, c.Rate = f.Contestant, 1+i, c.Rate+float64(1000*i)
			for _, t := range trials {
				if t.Cell == at {
					t.Cell, t.Order, t.Hiccups = len(s.Plan.Cells), len(s.Trials), nil
					t.Offered = t.Messages * uint64(10+2*k) / 10
					s.Trials = append(s.Trials, t)
				}
			}
			s.Plan.Cells = append(s.Plan.Cells, c)
			f.Load = c.Load
		}
		f.Load.Rate = 0
		s.Found = append(s.Found, f)
	}
	return s
}

// newMany is of 50 numbers of connections and two sizes. No trial has a steady state.
func newMany() *result.Set {
	s := many(64, len(profiles))
	late := result.Series{IntervalSeconds: 0.01, WarmUp: 10, Counts: slices.Concat(slices.Repeat([]uint64{1000, 1001, 1002}, 17), slices.Repeat([]uint64{1300}, 9))}
	for i := range s.Trials {
		s.Trials[i].Series = &late
	}
	s.Plan.Matches = s.Plan.Matches[:len(s.Plan.Matches)-1] // so that the last has fewer
	return s
}

// newRates is of one contestant under 35 loads at two rates, of which the second has a
// hundred more: too many for a line.
func newRates() *result.Set {
	s := newSweep()
	c, t := s.Plan.Cells[0], s.Trials[0]
	t.Hiccups, t.Server.Helpers = nil, nil
	calm, slow := newHistogram(1e5, 10_000), newHistogram(1e8, 10_000)
	s.Plan.Cells, s.Trials = nil, nil
	for i := range 35 {
		rates := 2
		if i == 1 {
			rates = 102
		}
		for k := range rates {
			c.Conns, c.Rate = i+1, float64(1000*(rates-k)+i)
			t.Cell, t.Order, t.Offered, t.Messages = len(s.Plan.Cells), len(s.Trials), uint64(c.Rate), uint64(c.Rate)
			if t.Response = &calm; k < 30 { // the knee is at a rate of which the line has no point
				t.Response = &slow
			}
			s.Plan.Cells, s.Trials = append(s.Plan.Cells, c), append(s.Trials, t)
		}
	}
	return s
}

// newContestants is of 34 under eight loads, and of more under the first: one trial each,
// of the first few seven. Their courses are more points than a picture has.
func newContestants() *result.Set {
	s := newSet(1, 64)
	cell, trial := s.Plan.Cells[0], s.Trials[0]
	trial.Series = &result.Series{IntervalSeconds: 0.25, WarmUp: 2, Counts: append([]uint64{10, 20}, slices.Repeat([]uint64{25, 25, 24, 26}, 6)...)}
	s.Plan.Cells, s.Trials = nil, nil
	for load := range 8 {
		for i := range map[bool]int{true: 82, false: 34}[load == 0] {
			c, t := cell, trial
			c.Contestant, c.Conns = string([]rune{'a' + rune(i/26), 'a' + rune(i%26)}), 64+load
			t.Cell, t.Messages = len(s.Plan.Cells), t.Messages+uint64(100*(i+load))
			s.Plan.Cells = append(s.Plan.Cells, c)
			for range map[bool]int{true: 7, false: 1}[i < 5] {
				t.Block, t.Order = t.Block+1, len(s.Trials)
				t.Messages += uint64(t.Block % 3)
				s.Trials = append(s.Trials, t)
			}
		}
	}
	return s
}

// first is of how many things a page shows the first, at least one; if not all, it has to
// say so.
func (w *walked) first(where string, shown, of int) int {
	if shown > of || shown == 0 && of > 0 {
		w.Errorf("%s: %d of %s for %d", w.page, shown, where, of)
		return 0
	}
	if shown < of {
		w.cuts[where] = [2]int{shown, max(of, w.cuts[where][1])}
	}
	return shown
}

// walkChoice is of what a page shows of more, and in which order: tables and sentences are
// of the first loads and pairs of the plan.
func (w *walked) walkChoice(p shownPage) {
	var all, measured, compared []int
	for at, cells := range w.cells {
		all = append(all, at)
		if slices.ContainsFunc(cells, func(cell int) bool { return len(w.all(cell)) > 0 }) {
			measured = append(measured, at)
		}
	}
	var said []string // what verdicts begin with
	for _, m := range w.matches() {
		at := slices.Index(w.loads, w.set.Plan.Cells[m.B].Load)
		if len(w.pairsOf(m.A, m.B)) == 0 {
			continue
		}
		if !slices.Contains(compared, at) {
			compared = append(compared, at)
		}
		if !m.Same {
			said = append(said, w.titles[at]+": "+w.names[m.A]+" / "+w.names[m.B]+": ")
		}
	}
	w.walkNotes(p)
	w.walkInterrupted(p)
	w.walkTablesOf(p, "fairness", measured, "loads that were measured")
	if w.set.Plan.Purpose == result.PurposeMaximum {
		w.walkSearches(p)
	}
	if w.set.Plan.Purpose != "" {
		return
	}
	w.walkTablesOf(p, "summary", all, "loads")
	w.walkTablesOf(p, "figures", all, "loads")
	w.walkTablesOf(p, "effects", compared, "tables")
	for _, title := range w.titles {
		said = append(said, title+": ")
	}
	w.walkVerdicts(p, said)
}

// walkVerdicts is of the first verdicts, and of what each begins with.
func (w *walked) walkVerdicts(p shownPage, said []string) {
	lines := slices.DeleteFunc(slices.Clone(p.texts), func(x shownText) bool { return x.section != "verdict" || x.kind != "li" || x.label != "" })
	n := len(lines)
	if n > 0 && strings.HasPrefix(lines[n-1].text, "and ") {
		n--
	}
	for i := range w.first("verdicts", n, len(said)) {
		if !strings.HasPrefix(lines[i].text, said[i]) {
			w.Errorf("%s: verdict %d is %q, want one on %q", w.page, i, lines[i].text, said[i])
		}
	}
}

// walkSearches is of two tables for each of the first loads that were searched, and of a
// verdict on each that was found.
func (w *walked) walkSearches(p shownPage) {
	var all, shown, said []string
	for _, f := range w.set.Found {
		if load := f.Load.Unpaced(); !slices.Contains(all, load) {
			all = append(all, load)
		}
		said = append(said, f.Contestant+" ("+f.Load.Unpaced()+"): ")
	}
	for _, t := range p.tables {
		if t.section == "summary" {
			shown = append(shown, searchedIn(t))
		}
	}
	n := w.first("summary loads", len(shown)/2, len(all))
	for i := range n {
		if shown[2*i] != all[i] || shown[2*i+1] != all[i] {
			w.Errorf("%s: tables %d are of %q, want %s", w.page, 2*i, shown[2*i:2*i+2], all[i])
		}
	}
	w.walkVerdicts(p, said)
}

// searchedIn is the load that a table of a search is of.
func searchedIn(t shownTable) string {
	load, _, _ := strings.Cut(t.title, ": highest rate")
	return load
}

// walkTablesOf is of the tables of a section, as many for each of the first loads.
func (w *walked) walkTablesOf(p shownPage, section string, loads []int, what string) {
	var of []int
	for _, t := range p.tables {
		if t.section == section {
			of = append(of, w.loadOf(t.title))
		}
	}
	shown := slices.Compact(slices.Clone(of))
	n := w.first(section+" "+what, len(shown), len(loads))
	if !slices.Equal(shown[:n], loads[:n]) {
		w.Errorf("%s: the tables of %s are of the loads %v, want %v", w.page, section, shown, loads)
	}
	for _, load := range shown {
		each := map[string]int{"figures": 2}[section]
		if w.loads[load].Idle > 0 && section == "figures" {
			each = 3
		}
		if got := len(slices.DeleteFunc(slices.Clone(of), func(x int) bool { return x != load })); got != max(each, 1) {
			w.Errorf("%s: %d tables of load %d in %s", w.page, got, load, section)
		}
	}
}

// walkNotes is of those on cells of which a trial has no steady state: the first 24.
func (w *walked) walkNotes(p shownPage) {
	var want []string
	for cell, place := range w.places {
		if n, _ := w.sum(cell, func(t raw) float64 { return t.unsteady()["no steady state"] }); n > 0 {
			want = append(want, place)
		}
	}
	var got []string
	for _, x := range p.texts {
		if x.label == "steadiness" && (len(want) > 24 || strings.Contains(x.text, "no steady state")) {
			got = append(got, x.text)
		}
	}
	if len(want) > 24 {
		want = append(want[:24], "and more of the same: the result file and ringbench report --csv have all")
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		w.Errorf("%s: notes on steadiness %q, want %q", w.page, got, want)
	}
}

// walkInterrupted is of a run that is not whole, which is the first that limits figures.
func (w *walked) walkInterrupted(p shownPage) {
	var limits []shownText
	for _, x := range p.texts {
		if x.section == "verdict" && x.kind == "li" && x.label != "" {
			limits = append(limits, x)
		}
	}
	for i, x := range limits {
		if x.label == "interrupted" && (i > 0 || !w.set.Interrupted) {
			w.Errorf("%s: %q is limit %d", w.page, x.text, i)
		}
	}
	remedy := "ringbench run --resume takes the file and finishes it"
	if len(w.set.Joined) > 0 {
		remedy = "ringbench run --resume takes that of the run and finishes it"
	}
	if w.set.Interrupted && (len(limits) == 0 || limits[0].label != "interrupted" || !strings.Contains(limits[0].text, remedy)) {
		w.Errorf("%s: the limits do not begin with the interruption: %+v", w.page, limits)
	}
	for _, x := range p.texts {
		if x.label == "until" && w.set.Interrupted {
			w.Errorf("%s: it came to its end: %s", w.page, x.text)
		}
	}
}

// cutAt is how many of how many are shown where a sentence stands.
func (w *walked) cutAt(at *place, what string) []any {
	where := at.chart
	if where == "" {
		where = at.section
	}
	where += " " + what
	if what == "rows" && at.chart == "" {
		where = fmt.Sprint("table ", at.table)
	}
	cut, ok := w.cuts[where]
	if !ok {
		return nil
	}
	delete(w.cuts, where)
	return []any{float64(cut[0]), float64(cut[1]), what}
}

// cutPhrases are of what a page leaves out.
var cutPhrases = []*phrase{
	{form: "the first # of # …: the result file and ringbench report --csv have all", says: func(w *walked, at *place, words []string) []any { return w.cutAt(at, words[2]) }},
	{form: "the first # of up to # …", says: func(w *walked, at *place, words []string) []any { return w.cutAt(at, words[2]) }},
	{form: "the first # of # …", says: func(w *walked, at *place, words []string) []any { return w.cutAt(at, words[2]) }},
	{form: "the first # × # of # × #", says: func(w *walked, at *place, words []string) []any {
		rows, columns := w.cutAt(at, "rows"), w.cutAt(at, "columns")
		if rows == nil || columns == nil {
			return nil
		}
		return []any{rows[0], columns[0], rows[1], columns[1]}
	}},
	{form: "of more than # rates every other or fewer", says: func(w *walked, at *place, words []string) []any {
		if says := w.cutAt(at, "rates"); says != nil {
			return says[:1]
		}
		return nil
	}},
	{form: "and # more: the result file and ringbench report --csv have all", says: func(w *walked, at *place, words []string) []any {
		cut, ok := w.cuts["verdicts"]
		if delete(w.cuts, "verdicts"); !ok || at.section != "verdict" {
			return nil
		}
		return []any{float64(cut[1] - cut[0])}
	}},
	{form: "# more below", says: func(w *walked, at *place, words []string) []any {
		if w.set.Plan.Search != nil {
			return []any{float64(len(w.set.Found) - 3)}
		}
		var pairs []string
		for _, m := range w.matches() {
			if two := w.names[m.A] + " / " + w.names[m.B]; !m.Same && len(w.pairsOf(m.A, m.B)) > 0 && !slices.Contains(pairs, two) {
				pairs = append(pairs, two)
			}
		}
		return []any{float64(len(pairs) - 3)}
	}},
}
