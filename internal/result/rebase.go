package result

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rebase has every contestant compared with the one of that name, in place of that with
// which the run compared them. Its cell comes first under each load. What is compared
// with itself stays.
func (s *Set) Rebase(base string) error {
	p := &s.Plan
	switch {
	case p.Duet:
		return errors.New("a duet has compared those that ran at the same moment, and no others; ringbench compare --contestants=A,B takes any two")
	case p.Purpose != "":
		return fmt.Errorf("what %s compares is what it was run for", p.Purpose)
	}
	var order []int // cells, in their new order
	var matches []Match
	names := p.names()
	for load, cells := range p.CellsByLoad() {
		at := slices.IndexFunc(cells, func(c int) bool { return names[c] == base })
		if at < 0 {
			return fmt.Errorf("there is no %q under %s; known are %s", base, p.Loads()[load], strings.Join(pick(names, cells), ", "))
		}
		first := cells[at]
		for _, c := range cells {
			if c != first && !p.Again(c) {
				matches = append(matches, Match{A: first, B: c})
			}
		}
		order = append(append(append(order, first), cells[:at]...), cells[at+1:]...)
	}
	matches = append(slices.DeleteFunc(slices.Clone(p.Matches), func(m Match) bool { return !m.Same }), matches...)
	now := make([]int, len(p.Cells))
	cells := make([]Cell, len(p.Cells))
	for to, from := range order {
		now[from], cells[to] = to, p.Cells[from]
	}
	for i := range matches {
		matches[i].A, matches[i].B = now[matches[i].A], now[matches[i].B]
	}
	p.Cells, p.Matches = cells, matches
	s.Trials = slices.Clone(s.Trials)
	for i := range s.Trials {
		s.Trials[i].Cell = now[s.Trials[i].Cell]
	}
	return nil
}

func pick(names []string, cells []int) (of []string) {
	for _, c := range cells {
		of = append(of, names[c])
	}
	return of
}
