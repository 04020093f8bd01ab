package reports

import (
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// An effectOf is one of the three ratios of a match, as an index into both.
type effectOf struct{ match, of int }

// floor is what a load's contestant differs by from itself.
func (w *walked) floor(load result.Load, of int) float64 {
	for _, m := range w.matches() {
		if m.Same && w.set.Plan.Cells[m.B].Load == load {
			r := w.three(m)[of]
			return math.Expm1(max(-math.Log(r.lo), math.Log(r.hi)))
		}
	}
	return 0
}

// verdicts are "less", "more", "the same" and "" for what is not told: by one percent and
// the floor, and so that of the differences of a report one in twenty is none.
func (w *walked) verdicts() map[effectOf]string {
	if w.told != nil {
		return w.told
	}
	w.told = map[effectOf]string{}
	chance := map[effectOf]float64{}
	var all []float64
	for i, m := range w.matches() {
		for k, r := range w.three(m) {
			if math.IsNaN(r.lo) {
				continue
			}
			at, far := effectOf{i, k}, math.Abs(math.Log(r.mid))
			if !m.Same {
				se := math.Log(r.hi/r.lo) / 2 / student(0.05, r.freedom)
				chance[at] = studentP(far/se, r.freedom)
				all = append(all, chance[at])
			}
			beyond := far > math.Log1p(max(0.01, w.floor(w.set.Plan.Cells[m.B].Load, k)))
			switch {
			case max(-math.Log(r.lo), math.Log(r.hi)) <= math.Log(1.01):
				w.told[at] = "the same"
			case beyond && r.hi < 1:
				w.told[at] = "less"
			case beyond && r.lo > 1:
				w.told[at] = "more"
			}
		}
	}
	slices.Sort(all)
	likely := -1.0 // up to this the differences are
	for i, p := range all {
		if p <= 0.05*float64(i+1)/float64(len(all)) {
			likely = p
		}
	}
	for at, p := range chance {
		if m := w.matches()[at.match]; len(w.pairsOf(m.A, m.B)) < 3 || w.disturbedPairs(m) > 0 || p > likely && w.told[at] != "the same" {
			delete(w.told, at)
		}
	}
	return w.told
}

func (w *walked) disturbedPairs(m result.Match) (n int) {
	for _, p := range w.pairsOf(m.A, m.B) {
		if p[0].Disturbed != "" || p[1].Disturbed != "" {
			n++
		}
	}
	return n
}

// detectable is the least difference that four of five runs would have found.
func (w *walked) detectable(match, of int) float64 {
	m := w.matches()[match]
	r := w.three(m)[of]
	usual := student(0.05, r.freedom)
	se := math.Log(r.hi/r.lo) / 2 / usual
	return math.Expm1(max(math.Log1p(max(0.01, w.floor(w.set.Plan.Cells[m.B].Load, of))), usual*se) + student(0.4, r.freedom)*se)
}

// kindOf is which of the three ratios words are about, -1 for none.
func kindOf(words string) int {
	return slices.IndexFunc([]string{"CPU", "throughput", "p99"}, func(s string) bool { return strings.HasPrefix(strings.ToLower(words), strings.ToLower(s)) })
}

// pairs are the matches of two contestants that are not alike, of the loads under which
// they met.
func (w *walked) pairs(a, b string) (matches []int) {
	for i, m := range w.matches() {
		if !m.Same && w.names[m.A] == a && w.names[m.B] == b && len(w.pairsOf(m.A, m.B)) > 0 {
			matches = append(matches, i)
		}
	}
	return matches
}

// change are the percents of a ratio and of its interval.
func (r ratio) change() []float64 {
	return []float64{(r.mid - 1) * 100, (r.lo - 1) * 100, (r.hi - 1) * 100}
}

// differing is what is said of a pair under one load, of which word is the verdict.
func differing(word string) func(*walked, *place, []string) []any {
	return func(w *walked, at *place, words []string) []any {
		k := kindOf(words[len(words)-1])
		if at.match < 0 || k < 0 || w.verdicts()[effectOf{at.match, k}] != word {
			return nil
		}
		return []any{math.Abs(w.three(w.matches()[at.match])[k].change()[0]), words[1]}
	}
}

// underHowMany is a clause of a lead on several loads: how many have a verdict, and from
// which change to which.
func underHowMany(w *walked, at *place, words []string) []any {
	if at.match < 0 {
		return nil
	}
	var by []float64
	m := w.matches()[at.match]
	for _, i := range w.pairs(w.names[m.A], w.names[m.B]) {
		if w.verdicts()[effectOf{i, at.of}] == strings.TrimPrefix(words[0], "not told from each other") {
			by = append(by, math.Abs(w.three(w.matches()[i])[at.of].change()[0]))
		}
	}
	says := []any{words[0], float64(len(by))}
	if len(words) == 2 {
		return says
	}
	ends := want{numbers: []float64{slices.Min(by), slices.Max(by)}}
	if nums(ends.numbers[0]).in(words[2]) { // they are printed alike
		ends.numbers = ends.numbers[1:]
	}
	return append(says, ends)
}

// leadOfTwo is a part of a lead on two contestants, the clauses of which it hands on.
func leadOfTwo(w *walked, at *place, words []string) []any {
	at.of = kindOf(words[0])
	if at.of < 0 {
		return nil
	}
	return append([]any{nil}, leadOfNext(w, at, words[1:])...)
}

// leadOfNext is of two more contestants.
func leadOfNext(w *walked, at *place, words []string) []any {
	pairs := w.pairs(words[0], words[1])
	if len(pairs) == 0 {
		return nil
	}
	at.match = pairs[0]
	w.clauses(at, words[3])
	return []any{words[0], words[1], float64(len(pairs)), words[3]}
}

// clauses are parted by commas.
func (w *walked) clauses(at *place, text string) {
	for _, clause := range strings.Split(text, ", ") {
		w.claim(at, clause)
	}
}

// medianOver is that of the ratios of CPU of two contestants over all loads; ends are the
// least and the greatest.
func (w *walked) medianOver(a, b string) (m middle) {
	var values []float64
	for _, i := range w.pairs(a, b) {
		values = append(values, w.three(w.matches()[i])[0].mid)
	}
	return middleOf(values...)
}

// ablated are the features, how many of them take more or less, and of which that is
// farthest.
func (w *walked) ablated(word string) (of, n float64, label string, most float64) {
	for i, m := range w.matches() {
		if m.Same {
			continue
		}
		of++
		if w.verdicts()[effectOf{i, 0}] == word {
			n++
			if by := w.three(m)[0].change()[0]; math.Abs(by) > math.Abs(most) {
				most, label = by, m.Label
			}
		}
	}
	return of, n, label, most
}

// ablation is the line on a feature, of which words begin with the label and the load, and
// end with what its change has at these.
func ablation(differs bool, at ...int) func(*walked, *place, []string) []any {
	return func(w *walked, _ *place, words []string) []any {
		for i, m := range w.matches() {
			verdict := w.verdicts()[effectOf{i, 0}]
			if m.Label == words[0] && w.set.Plan.Cells[m.B].Load.String() == words[1] && differs == (verdict == "less" || verdict == "more") {
				says := []any{words[0], words[1], nil}
				for _, k := range at {
					says = append(says, w.three(m)[0].change()[k])
				}
				return says
			}
		}
		return nil
	}
}

// verdictPhrases are of leads and verdicts.
var verdictPhrases = []*phrase{
	{form: "… # …/s at # ns of server CPU each (…)", says: func(w *walked, at *place, words []string) []any {
		cell := slices.IndexFunc(w.set.Plan.Cells, func(c result.Cell) bool { return c.Contestant == words[0] && c.Load == w.loads[max(at.load, 0)] })
		if cell < 0 {
			return nil
		}
		verdict := w.verdict(cell).words
		if verdict == none {
			verdict = "saturation unknown"
		}
		return []any{words[0], w.middle(cell, raw.rate).mid, nil, w.middle(cell, raw.cpu).mid, verdict}
	}},
	{form: "# % less …", says: differing("less")}, {form: "# % more …", says: differing("more")},
	{form: "…: no difference detectable, one of # % would have been", says: func(w *walked, at *place, words []string) []any {
		k := kindOf(words[0])
		if at.match < 0 || w.verdicts()[effectOf{at.match, k}] != "" {
			return nil
		}
		return []any{words[0], 100 * w.detectable(at.match, k)}
	}},
	{form: "… the same within # %", says: func(w *walked, at *place, words []string) []any {
		if at.match < 0 || w.verdicts()[effectOf{at.match, kindOf(words[0])}] != "the same" {
			return nil
		}
		return []any{words[0], 1.}
	}},
	{form: "No verdict: # of # pairs count, and a verdict takes #", says: tooFew}, {form: "no verdict, # of # pairs count, and a verdict takes #", says: tooFew},
	{form: "No verdict: # of # pairs were disturbed", says: disturbedOf}, {form: "no verdict, # of # pairs were disturbed", says: disturbedOf},

	{form: "…: … against …, under # loads: …", says: leadOfTwo}, {form: "… against …, under # loads: …", says: leadOfNext},
	{form: "the same within # % in #", says: func(w *walked, at *place, words []string) []any {
		return []any{1., underHowMany(w, at, []string{"the same", words[1]})[1]}
	}},
	{form: "… in # (… %)", says: underHowMany}, {form: "… in #", says: underHowMany},

	{form: "CPU a …, against the default: of # features # … more, most of all … (# %)", says: func(w *walked, _ *place, _ []string) []any {
		of, n, label, most := w.ablated("more")
		return []any{nil, of, n, nil, label, most}
	}},
	{form: "# … less, most of all … (# %)", says: func(w *walked, _ *place, _ []string) []any {
		_, n, label, most := w.ablated("less")
		return []any{n, nil, label, most}
	}},
	{form: "Of # no difference was found", says: func(w *walked, _ *place, _ []string) []any {
		of, more, _, _ := w.ablated("more")
		_, less, _, _ := w.ablated("less")
		return []any{of - more - less}
	}},
	{form: "… (…): CPU a … no difference detectable (# to # %)", says: ablation(false, 1, 2)},
	{form: "… (…): CPU a … # % (# to # %)", says: ablation(true, 0, 1, 2)},

	{form: "CPU a …, median of # loads: …", says: func(w *walked, at *place, words []string) []any {
		w.clauses(at, words[2])
		return []any{nil, float64(len(w.loads)), words[2]}
	}},
	{form: "Against each other: …", says: func(w *walked, at *place, words []string) []any {
		w.clauses(at, words[0])
		return []any{words[0]}
	}},
	{form: "… / … #", says: func(w *walked, _ *place, words []string) []any {
		return []any{words[0], words[1], w.medianOver(words[0], words[1]).mid}
	}},
	{form: "… / …: …: CPU a … # in the median of # loads (# to #)", says: func(w *walked, _ *place, words []string) []any {
		m := w.medianOver(words[0], words[1])
		if strings.HasPrefix(words[0], "(") {
			var values []float64
			for at := range w.loads {
				values = append(values, w.twins(at)[0].mid)
			}
			m = middleOf(values...)
		}
		return []any{words[0], words[1], nil, nil, m.mid, float64(m.n), m.lo, m.hi}
	}},

	{form: "Highest …/s with …: …", says: func(w *walked, at *place, words []string) []any {
		if words[1] != w.set.Plan.Search.String() {
			return nil
		}
		w.claim(at, words[2])
		return []any{nil, words[1], words[2]}
	}},
	{form: "… less than #", says: func(w *walked, _ *place, words []string) []any {
		sustained, failed := w.foundOf(words[0])
		if !math.IsNaN(sustained) {
			return nil
		}
		return []any{words[0], failed}
	}},
	{form: "… #", says: func(w *walked, at *place, words []string) []any {
		if w.set.Plan.Search == nil || at.section != "verdict" {
			return nil
		}
		sustained, _ := w.foundOf(words[0])
		return []any{words[0], sustained}
	}},
	{form: "… (…): # …/s sustained with …, # not (…)", says: func(w *walked, _ *place, words []string) []any {
		sustained, failed := w.foundOf(words[0])
		return []any{words[0], words[1], sustained, nil, w.set.Plan.Search.String(), failed, w.missedBy(words[0])}
	}},
	{form: "… (…): no rate sustained with …, # not (…)", says: func(w *walked, _ *place, words []string) []any {
		_, failed := w.foundOf(words[0])
		return []any{words[0], words[1], w.set.Plan.Search.String(), failed, w.missedBy(words[0])}
	}},
	{form: "…in the median of its trials at least # % of what was offered is answered within the window, and of response times …", says: func(w *walked, _ *place, _ []string) []any {
		return []any{nil, 100 * w.set.Plan.Search.AnsweredShare, w.set.Plan.Search.String()}
	}},
	{form: "the two rates are at most # % apart, each confirmed by # trials", says: func(w *walked, _ *place, _ []string) []any {
		return []any{100 * (w.set.Plan.Search.BracketRatio - 1), float64(w.set.Plan.Trials)}
	}},

	{form: "Under # loads … # to # …/s at # to # ns of server CPU each", says: func(w *walked, _ *place, words []string) []any {
		var rates, costs []float64
		for cell := range w.set.Plan.Cells {
			rates, costs = append(rates, w.middle(cell, raw.rate).mid), append(costs, w.middle(cell, raw.cpu).mid)
		}
		return []any{float64(len(w.loads)), words[1], slices.Min(rates), slices.Max(rates), nil, slices.Min(costs), slices.Max(costs)}
	}},
}

// foundOf are the highest rate of a contestant and the lowest that it does not sustain.
func (w *walked) foundOf(name string) (sustained, failed float64) {
	i := slices.IndexFunc(w.set.Found, func(f result.Found) bool { return f.Contestant == name })
	rates := []float64{math.NaN(), math.NaN()}
	for k, cell := range []int{w.set.Found[i].Sustained, w.set.Found[i].Failed} {
		if cell >= 0 {
			rates[k] = w.set.Plan.Cells[cell].Rate
		}
	}
	return rates[0], rates[1]
}

func (w *walked) missedBy(name string) want {
	i := slices.IndexFunc(w.set.Found, func(f result.Found) bool { return f.Contestant == name })
	return w.missed(w.set.Found[i].Failed)
}

// spokenOf is the match at hand; a lead speaks of the first that has pairs.
func (w *walked) spokenOf(at *place) (m result.Match, pairs float64) {
	match := at.match
	if match < 0 {
		match = slices.IndexFunc(w.matches(), func(m result.Match) bool { return !m.Same && len(w.pairsOf(m.A, m.B)) > 0 })
	}
	m = w.matches()[match]
	return m, float64(len(w.pairsOf(m.A, m.B)))
}

func tooFew(w *walked, at *place, _ []string) []any {
	_, pairs := w.spokenOf(at)
	return []any{pairs, float64(w.set.Plan.Trials * max(1, w.set.Plan.Sessions)), 3.}
}

func disturbedOf(w *walked, at *place, _ []string) []any {
	m, pairs := w.spokenOf(at)
	return []any{float64(w.disturbedPairs(m)), pairs}
}
