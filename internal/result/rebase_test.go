package result

import (
	"slices"
	"strings"
	"testing"
)

// Trials stay with their cells, and all are compared with the new base, under each load.
func TestRebase(t *testing.T) {
	set := func() *Set {
		s := &Set{}
		for _, conns := range []int{1, 64} {
			for i, name := range []string{"uring", "epoll", "net", "uring again"} {
				s.Plan.Cells = append(s.Plan.Cells, Cell{Contestant: name, Load: Load{Conns: conns}})
				s.Trials = append(s.Trials, Trial{Cell: len(s.Plan.Cells) - 1, Messages: uint64(10*conns + i)})
			}
			at := len(s.Plan.Cells) - 4
			s.Plan.Matches = append(s.Plan.Matches, Match{A: at, B: at + 3, Same: true}, Match{A: at, B: at + 1}, Match{A: at, B: at + 2})
		}
		return s
	}
	before, s := set(), set()
	if err := s.Rebase("net"); err != nil {
		t.Fatal(err)
	}
	for i, trial := range s.Trials {
		if was, is := before.Plan.Cells[before.Trials[i].Cell], s.Plan.Cells[trial.Cell]; was != is {
			t.Errorf("trial %d was of %v, is of %v", i, was, is)
		}
	}
	var compared []string
	for _, m := range s.Plan.Matches {
		a, b := s.Plan.Cells[m.A], s.Plan.Cells[m.B]
		if a.Load != b.Load || m.Same != strings.HasSuffix(b.Contestant, "again") {
			t.Errorf("%+v", m)
		}
		compared = append(compared, a.Contestant+" / "+b.Contestant)
	}
	want := []string{"uring / uring again", "uring / uring again", "net / uring", "net / epoll", "net / uring", "net / epoll"}
	if !slices.Equal(compared, want) || s.Plan.Cells[0].Contestant != "net" || s.Plan.Cells[4].Contestant != "net" {
		t.Errorf("%q", compared)
	}
	for spoil, why := range map[string]func(*Set){"duet": func(s *Set) { s.Plan.Duet = true }, "calibration": func(s *Set) { s.Plan.Purpose = PurposeCalibration }, "": func(*Set) {}} {
		s := set()
		why(s)
		if err := s.Rebase("threadpool"); err == nil || !strings.Contains(err.Error(), spoil) {
			t.Errorf("%s: %v", spoil, err)
		}
	}
}
