package result

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Part is one of the runs that a set was joined from. Its sessions follow on those
// of the parts before it.
type Part struct {
	Name     string    `json:"name"` // of the file
	Command  []string  `json:"command"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Seed     uint64    `json:"seed"`
	Sessions int       `json:"sessions"`
}

// A Source is a set with the name of the file that it was read from.
type Source struct {
	Name string
	*Set
}

// Join makes one set of several runs, in the order in which they are given. Cells
// that are equal become one, so that its trials are those of all runs, and each
// run's sessions are sessions of their own, so that intervals carry what differs
// between runs. Sessions, blocks, orders and pairs are counted on. What a set says
// once, as its environment, is that of the first; in which conditions the others
// differ from it is in Warnings.
//
// It refuses runs that no one report can be of. The sets are left as they are, and
// share with the outcome what trials point at. One set alone is the outcome.
func Join(from ...Source) (*Set, error) {
	if len(from) == 0 {
		return nil, errors.New("no result to join")
	}
	first := from[0]
	if len(from) == 1 {
		return first.Set, nil
	}
	for i, s := range from {
		for _, before := range from[:i] {
			if why := apart(before, s); why != "" {
				return nil, errors.New(why)
			}
		}
	}
	joined := *first.Set
	joined.Trials, joined.Found, joined.Resumed, joined.Warnings, joined.Joined = nil, nil, nil, nil, nil
	joined.Plan.Cells, joined.Plan.Matches, joined.Plan.LeftOut = nil, nil, nil
	joined.Plan.Sessions, joined.Plan.SessionGapSeconds, joined.Plan.Until = 0, 0, 0
	j := joiner{Set: &joined, cells: map[Cell][]int{}, matched: map[[2]int]bool{}}
	for _, s := range from {
		j.add(s)
	}
	if n := joined.Plan.Sessions; n > SessionsMax {
		return nil, fmt.Errorf("together they have %d sessions, and a result has at most %d", n, SessionsMax)
	}
	for _, s := range from[1:] {
		for _, d := range Differences(first.Set, s.Set) {
			joined.Warnings = append(joined.Warnings, fmt.Sprintf("%s and %s differ in %s", first.Name, s.Name, d))
		}
	}
	return &joined, nil
}

// apart says why no one report can be of both, "" if it can.
func apart(a, b Source) string {
	if run := SharedRun(a.Set, b.Set); run != nil {
		return fmt.Sprintf("%s and %s hold the same run, started %s: its trials would count twice; name it once", a.Name, b.Name, run.Started.UTC().Format(time.RFC3339))
	}
	switch {
	case a.Plan.Purpose != b.Plan.Purpose:
		return fmt.Sprintf("%s is %s and %s is %s: make a report of each", a.Name, purpose(&a.Plan), b.Name, purpose(&b.Plan))
	case a.Plan.Duet != b.Plan.Duet:
		duet, alone := a, b
		if b.Plan.Duet {
			duet, alone = b, a
		}
		return fmt.Sprintf("in %s two contestants ran at the same moment and in %s each alone: make a report of each", duet.Name, alone.Name)
	case len(a.Plan.Cells) > 0 && len(b.Plan.Cells) > 0 && a.Plan.Unit() != b.Plan.Unit():
		return fmt.Sprintf("%s counts %s and %s counts %s: make a report of each", a.Name, a.Plan.Unit().Many, b.Name, b.Plan.Unit().Many)
	}
	if a.Plan.Purpose != PurposeMaximum {
		return ""
	}
	if x, y := a.Plan.Search.String(), b.Plan.Search.String(); x != y {
		return fmt.Sprintf("%s searched for the highest rate with %s and %s with %s: make a report of each", a.Name, x, b.Name, y)
	}
	for _, x := range a.Found {
		if slices.ContainsFunc(b.Found, func(y Found) bool { return x.Contestant == y.Contestant && x.Load == y.Load }) {
			return fmt.Sprintf("%s and %s both searched for the highest rate of %s (%s): make a report of each", a.Name, b.Name, x.Contestant, x.Load.Unpaced())
		}
	}
	return ""
}

// SharedRun is a run that two sets hold, alone or joined to others; nil: there is none.
func SharedRun(a, b *Set) *Part {
	for _, x := range (Source{Set: a}).parts() {
		for _, y := range (Source{Set: b}).parts() {
			if !x.Started.IsZero() && x.Started.Equal(y.Started) && a.Env.Host == b.Env.Host {
				return &x
			}
		}
	}
	return nil
}

func purpose(p *Plan) string {
	switch p.Purpose {
	case "":
		return "a comparison"
	case PurposeMaximum:
		return "a search for the highest rate"
	case PurposeAblation:
		return "an ablation"
	case PurposeCalibration:
		return "a calibration"
	}
	return "of the purpose " + p.Purpose
}

// parts are the runs that a source holds.
func (s Source) parts() []Part {
	if len(s.Joined) > 0 {
		return s.Joined
	}
	return []Part{{s.Name, s.Command, s.Started, s.Ended, s.Plan.Seed, max(1, s.Plan.Sessions)}}
}

// A joiner is the outcome so far, and where counting goes on.
type joiner struct {
	*Set
	block, order, pair int
	cells              map[Cell][]int // by identity: where they are
	matched            map[[2]int]bool
}

func (j *joiner) add(s Source) {
	place := j.places(s.Plan.Cells, s.Plan.Purpose)
	session, block, order, pair := j.Plan.Sessions, j.block, j.order, j.pair
	for _, t := range s.Trials {
		t.Cell, t.Session, t.Block, t.Order = place[t.Cell], t.Session+session, t.Block+block, t.Order+order
		if t.Pair > 0 {
			t.Pair += pair
		}
		j.block, j.order, j.pair = max(j.block, t.Block+1), max(j.order, t.Order+1), max(j.pair, t.Pair)
		j.Trials = append(j.Trials, t)
	}
	for _, r := range s.Resumed {
		r.Block += block
		j.Resumed = append(j.Resumed, r)
	}
	if s.Plan.Purpose != PurposeMaximum {
		j.match(s.Plan.Comparisons(), place)
	}
	for _, f := range s.Found {
		for _, cell := range []*int{&f.Sustained, &f.Failed} {
			if *cell >= 0 {
				*cell = place[*cell]
			}
		}
		j.Found = append(j.Found, f)
	}
	for _, l := range s.Plan.LeftOut {
		if !slices.Contains(j.Plan.LeftOut, l) {
			j.Plan.LeftOut = append(j.Plan.LeftOut, l)
		}
	}
	for _, w := range s.Warnings {
		j.Warnings = append(j.Warnings, s.Name+": "+w)
	}
	j.Plan.Trials, j.Plan.Sessions = max(j.Plan.Trials, s.Plan.Trials), session+max(1, s.Plan.Sessions)
	j.Interrupted = j.Interrupted || s.Interrupted
	if s.Plan.Seed != j.Plan.Seed {
		j.Plan.Seed = 0
	}
	if !slices.Equal(s.Command, j.Command) {
		j.Command = nil
	}
	if s.Started.Before(j.Started) {
		j.Started = s.Started
	}
	if s.Ended.After(j.Ended) {
		j.Ended = s.Ended
	}
	j.Joined = append(j.Joined, s.parts()...)
}

// places finds where the cells of a plan are, and adds those that are new. Of
// several that are equal, as in a test of one contestant with itself, the second is
// the second there.
func (j *joiner) places(cells []Cell, purpose string) []int {
	place := make([]int, len(cells))
	seen := map[Cell]int{}
	for i, c := range cells {
		id := identity(c, purpose)
		n := seen[id]
		if n == len(j.cells[id]) {
			j.cells[id] = append(j.cells[id], len(j.Plan.Cells))
			j.Plan.Cells = append(j.Plan.Cells, c)
		}
		place[i] = j.cells[id][n]
		seen[id]++
	}
	return place
}

// identity is a cell without what differs from run to run: the number of a process,
// the place of a C program that each calibration builds anew, and a spin of the
// same share, which each run finds again.
func identity(c Cell, purpose string) Cell {
	c.TargetPID = 0
	if c.SlowShare > 0 {
		c.SpinNanos = 0
	}
	if program, args, _ := strings.Cut(c.Command, " "); purpose == PurposeCalibration && c.Command != "" {
		c.Command = filepath.Base(program) + " " + args
	}
	return c
}

// match adds the matches that are new, whichever of their cells comes first.
func (j *joiner) match(matches []Match, place []int) {
	for _, m := range matches {
		m.A, m.B = place[m.A], place[m.B]
		if key := [2]int{min(m.A, m.B), max(m.A, m.B)}; !j.matched[key] {
			j.matched[key] = true
			j.Plan.Matches = append(j.Plan.Matches, m)
		}
	}
}
