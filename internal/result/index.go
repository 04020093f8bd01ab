package result

import (
	"cmp"
	"fmt"
	"slices"
)

// An Index answers what is asked of every cell or match, in one pass over the Set
// as it was when the Index was made.
type Index struct {
	set    *Set
	names  []string
	trials [][]*Trial // by cell, not void
	pairs  map[[2]int][]Pair
	again  map[int]bool
}

// Index makes that of s.
func (s *Set) Index() *Index {
	x := &Index{set: s, names: s.Plan.names(), trials: make([][]*Trial, len(s.Plan.Cells)), pairs: map[[2]int][]Pair{}, again: map[int]bool{}}
	for _, m := range s.Plan.Matches {
		if m.Same {
			x.again[max(m.A, m.B)] = true
		}
	}
	for i := range s.Trials {
		if t := &s.Trials[i]; t.Void == "" && t.Cell >= 0 && t.Cell < len(x.trials) {
			x.trials[t.Cell] = append(x.trials[t.Cell], t)
		}
	}
	for _, p := range s.allPairs() {
		key := [2]int{p.A.Cell, p.B.Cell}
		x.pairs[key] = append(x.pairs[key], p)
	}
	for key, of := range x.pairs {
		x.pairs[key] = calm(of, Pair.Disturbed)
	}
	return x
}

// names are those of the rows of all cells: their contestants, numbered where a load
// holds several of that name, as in an A/A test.
func (p *Plan) names() []string {
	type key struct {
		contestant string
		load       int
	}
	_, at := p.loads()
	all, before := map[key]int{}, map[key]int{}
	for i, c := range p.Cells {
		all[key{c.Contestant, at[i]}]++
	}
	names := make([]string, len(p.Cells))
	for i, c := range p.Cells {
		k := key{c.Contestant, at[i]}
		before[k]++
		names[i] = c.Contestant
		if all[k] > 1 {
			names[i] = fmt.Sprintf("%s #%d", c.Contestant, before[k])
		}
	}
	return names
}

// Name is Plan.Name.
func (x *Index) Name(cell int) string { return x.names[cell] }

// Again is Plan.Again.
func (x *Index) Again(cell int) bool { return x.again[cell] }

// Measured lists the trials of a cell that are not void.
func (x *Index) Measured(cell int) []*Trial { return x.trials[cell] }

// Valid lists the trials of a cell that count: those that are not void and not
// disturbed, the disturbed ones too where they are most.
func (x *Index) Valid(cell int) []*Trial { return calm(x.trials[cell], (*Trial).disturbed) }

// Disturbed is how many of a cell's trials that are not void were disturbed, and
// whether they count all the same.
func (x *Index) Disturbed(cell int) (n, of int, count bool) {
	all := x.trials[cell]
	for _, t := range all {
		if t.disturbed() {
			n++
		}
	}
	return n, len(all), n > 0 && len(calm(all, (*Trial).disturbed)) == len(all)
}

// PairsOf lists the pairs of a match, with the trial of m.A as A, in groups by
// session. Without a duet a pair is the two trials of a block, and the rule of
// Valid is that for pairs.
func (x *Index) PairsOf(m Match) [][]Pair {
	sessions := make([][]Pair, max(1, x.set.Plan.Sessions))
	pairs := x.pairs[[2]int{min(m.A, m.B), max(m.A, m.B)}]
	if !x.set.Plan.Duet {
		pairs = x.blockPairs(m)
	}
	for _, p := range pairs {
		if p.B.Cell == m.A && p.A.Cell == m.B {
			p.A, p.B = p.B, p.A
		}
		if i := p.A.Session; p.A.Cell == m.A && p.B.Cell == m.B && i >= 0 && i < len(sessions) {
			sessions[i] = append(sessions[i], p)
		}
	}
	for _, of := range sessions {
		if x.set.Plan.Duet {
			slices.SortStableFunc(of, func(p, q Pair) int { return cmp.Compare(p.A.Pair, q.A.Pair) })
		}
	}
	return sessions
}

// Figures are what of says of both sides of pairs, in groups by session.
func Figures(sessions [][]Pair, of func(*Trial) float64) [][][2]float64 {
	values := make([][][2]float64, len(sessions))
	for i, pairs := range sessions {
		for _, p := range pairs {
			values[i] = append(values[i], [2]float64{of(p.A), of(p.B)})
		}
	}
	return values
}

// blockPairs are the trials of a match that ran alone in the same block.
func (x *Index) blockPairs(m Match) (pairs []Pair) {
	first := map[int]*Trial{}
	for _, t := range x.trials[m.A] {
		first[t.Block] = t
	}
	for _, t := range x.trials[m.B] {
		if first[t.Block] != nil {
			pairs = append(pairs, Pair{first[t.Block], t})
		}
	}
	return calm(pairs, Pair.Disturbed)
}
