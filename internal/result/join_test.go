package result

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// drawn is a set of some contestants under some loads, in duets or each alone, of
// which some trials are missing, as when a run was interrupted.
func drawn(rng *rand.Rand, n int, duet bool) *Set {
	start := time.Date(2026, 11, 22, n, 0, 0, 0, time.UTC)
	s := &Set{Schema: Schema, Started: start, Ended: start.Add(time.Minute), Command: []string{"ringbench", fmt.Sprint(n)}}
	s.Plan = Plan{Trials: 1 + rng.IntN(3), Sessions: rng.IntN(4), Seed: uint64(n), Duet: duet, Until: 0.1, SessionGapSeconds: 60}
	for _, conns := range rng.Perm(3)[:1+rng.IntN(3)] {
		load := Load{Workload: "echo", Conns: 1 + conns}
		names := rng.Perm(4)[:2+rng.IntN(2)]
		first := len(s.Plan.Cells)
		for _, name := range names {
			s.Plan.Cells = append(s.Plan.Cells, Cell{Contestant: string(rune('a' + name)), Load: load, TargetPID: rng.IntN(9)})
		}
		if rng.IntN(2) == 0 { // the first once more
			s.Plan.Cells = append(s.Plan.Cells, s.Plan.Cells[first])
			s.Plan.Matches = append(s.Plan.Matches, Match{A: first, B: len(s.Plan.Cells) - 1, Same: true})
		}
		s.Plan.Matches = append(s.Plan.Matches, Match{A: first, B: first + 1})
	}
	if rng.IntN(3) == 0 {
		s.Plan.Matches = nil
	}
	pair := 0
	add := func(cell, block int) {
		t := Trial{Cell: cell, Block: block, Session: block / s.Plan.Trials, Order: len(s.Trials), Pair: pair, Seconds: 1}
		t.Messages = rng.Uint64() // by which it is known again
		if rng.IntN(5) == 0 {
			t.Void = "lost"
		}
		s.Trials = append(s.Trials, t)
	}
	for block := range s.Plan.Trials*max(1, s.Plan.Sessions) - rng.IntN(2) {
		if !duet {
			for cell := range s.Plan.Cells {
				add(cell, block)
			}
			continue
		}
		for _, m := range s.Plan.Comparisons() {
			pair++
			add(m.A, block)
			add(m.B, block)
			s.Trials[len(s.Trials)-1].Order--
		}
	}
	return s
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whatever is joined: each trial is there once, of the cell that it was of, and what
// was numbered apart stays apart, what was together together.
func TestJoinKeepsTrials(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		duet := rng.IntN(2) == 0
		var from []Source
		for n := range 2 + rng.IntN(2) {
			from = append(from, Source{fmt.Sprintf("%d.json", n), drawn(rng, n, duet)})
		}
		before := text(t, from)
		j, err := Join(from...)
		if err != nil {
			t.Fatal(seed, err)
		}
		if text(t, from) != before {
			t.Fatalf("seed %d: a set that was joined has changed", seed)
		}
		if err := j.check(); err != nil {
			t.Fatal(seed, err)
		}
		at, sessions := 0, 0
		numbers := map[string]string{} // of the outcome, to where they came from
		for n, s := range from {
			for i := range s.Trials {
				was, is := s.Trials[i], j.Trials[at]
				at++
				x, y := s.Plan.Cells[was.Cell], j.Plan.Cells[is.Cell]
				if x.TargetPID = y.TargetPID; x != y || is.Messages != was.Messages || is.Void != was.Void || is.Session != was.Session+sessions {
					t.Fatalf("seed %d: %d.json has %+v of %+v, and the outcome %+v of %+v", seed, n, was, x, is, y)
				}
				for kind, pair := range map[string][2]int{"block": {is.Block, was.Block}, "order": {is.Order, was.Order}, "session": {is.Session, was.Session}, "pair": {is.Pair, was.Pair}} {
					if kind == "pair" && pair == [2]int{} {
						continue
					}
					key, origin := fmt.Sprint(kind, pair[0]), fmt.Sprint(n, kind, pair[1])
					if known, ok := numbers[key]; ok && known != origin {
						t.Fatalf("seed %d: %s is of %s and of %s", seed, key, known, origin)
					}
					numbers[key] = origin
				}
			}
			sessions += max(1, s.Plan.Sessions)
		}
		if at != len(j.Trials) || sessions != j.Plan.Sessions || len(j.Joined) != len(from) {
			t.Fatalf("seed %d: %d of %d trials, %d sessions, %d parts", seed, at, len(j.Trials), j.Plan.Sessions, len(j.Joined))
		}
		samePairs(t, j, from)
	}
}

// samePairs holds the pairs of every comparison to those that the runs had, session
// by session.
func samePairs(t *testing.T, j *Set, from []Source) {
	t.Helper()
	known := func(pairs []Pair) (list []string) {
		for _, p := range pairs {
			x, y := p.A.Messages, p.B.Messages
			list = append(list, fmt.Sprint(min(x, y), max(x, y)))
		}
		slices.Sort(list)
		return list
	}
	var had, has []string
	session := 0
	for _, s := range from {
		for _, m := range s.Plan.Comparisons() {
			for i, pairs := range s.PairsOf(m) {
				had = append(had, fmt.Sprint(session+i, known(pairs)))
			}
		}
		session += max(1, s.Plan.Sessions)
	}
	for _, m := range j.Plan.Comparisons() {
		for i, pairs := range j.PairsOf(m) {
			has = append(has, fmt.Sprint(i, known(pairs)))
		}
	}
	empty := func(s string) bool { return strings.HasSuffix(s, " []") }
	had, has = slices.DeleteFunc(had, empty), slices.DeleteFunc(has, empty)
	slices.Sort(had)
	slices.Sort(has)
	// A run that did not compare two cells may have trials of both in a block.
	for _, pairs := range had {
		if !slices.Contains(has, pairs) {
			t.Fatalf("pairs are lost: %s not in %s", pairs, has)
		}
	}
}

// It makes no difference in how many steps runs are joined.
func TestJoinInSteps(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		a, b, c := Source{"a", drawn(rng, 1, true)}, Source{"b", drawn(rng, 2, true)}, Source{"c", drawn(rng, 3, true)}
		all, err := Join(a, b, c)
		if err != nil {
			t.Fatal(err)
		}
		two, err := Join(a, b)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := Join(Source{"ab", two}, c)
		if err != nil {
			t.Fatal(err)
		}
		all.Warnings, steps.Warnings = nil, nil
		if !reflect.DeepEqual(all, steps) {
			t.Fatalf("seed %d:\n%s\n%s", seed, text(t, all), text(t, steps))
		}
	}
}

func TestJoinSaysWhatDiffers(t *testing.T) {
	a, b := sample(), sample()
	b.Started, b.Command, b.Warnings = b.Ended, []string{"other"}, []string{"late"}
	b.Env.Kernel, b.Interrupted, b.Plan.LeftOut = "6.18", true, []LeftOut{{"uring", "no"}}
	j, err := Join(Source{"a.json", a}, Source{"b.json", b})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"b.json: late", "a.json and b.json differ in kernel: unknown, 6.18 (grave)"}
	if !slices.Equal(j.Warnings, want) || !j.Interrupted || j.Command != nil || len(j.Plan.LeftOut) != 1 || len(j.Plan.Cells) != 1 {
		t.Errorf("%q, interrupted %v, command %q, %d left out, %d cells", j.Warnings, j.Interrupted, j.Command, len(j.Plan.LeftOut), len(j.Plan.Cells))
	}
	for i, s := range []*Set{a, b} { // each builds its C programs anew
		s.Env, s.Plan.Purpose, s.Warnings = Env{}, PurposeCalibration, nil
		s.Plan.Cells[0].Command = fmt.Sprintf("/tmp/%d/uring {port}", i)
	}
	if j, err = Join(Source{"a.json", a}, Source{"b.json", b}); err != nil || len(j.Plan.Cells) != 1 || len(j.Warnings) > 0 {
		t.Errorf("calibrations: %d cells, %q, %v", len(j.Plan.Cells), j.Warnings, err)
	}
	if alone, err := Join(Source{"a.json", a}); err != nil || alone != a {
		t.Errorf("of one: %p, not %p, %v", alone, a, err)
	}
}

func TestJoinRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(a, b *Set)
		want   string
	}{
		{func(a, b *Set) { b.Started = a.Started }, "a.json and b.json hold the same run, started 2026-11-22T12:00:00Z: its trials would count twice; name it once"},
		{func(a, b *Set) { a.Plan.Purpose = PurposeAblation }, "a.json is an ablation and b.json is a comparison: make a report of each"},
		{func(a, b *Set) { b.Plan.Purpose = "new" }, "a.json is a comparison and b.json is of the purpose new: make a report of each"},
		{func(a, b *Set) { b.Plan.Duet = true }, "in b.json two contestants ran at the same moment and in a.json each alone: make a report of each"},
		{func(a, b *Set) { b.Plan.Cells[0].Workload = "churn" }, "a.json counts messages and b.json counts connections: make a report of each"},
		{func(a, b *Set) { a.Plan.Sessions, b.Plan.Sessions = SessionsMax, 1 }, "together they have 1001 sessions, and a result has at most 1000"},
		{func(a, b *Set) { searches(a, b); b.Plan.Search.Objectives[0].Below = 2 }, "a.json searched for the highest rate with p99<1s and b.json with p99<2s: make a report of each"},
		{func(a, b *Set) { searches(a, b) }, "a.json and b.json both searched for the highest rate of uring (tcp, 64 connections × 64 B): make a report of each"},
		{func(a, b *Set) { searches(a, b); b.Found[0].Contestant = "epoll" }, ""},
	} {
		a, b := sample(), sample()
		b.Started = b.Ended
		c.change(a, b)
		_, err := Join(Source{"a.json", a}, Source{"b.json", b})
		if got := fmt.Sprint(err); got != c.want && (c.want != "" || err != nil) {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func searches(sets ...*Set) {
	for _, s := range sets {
		s.Plan.Purpose = PurposeMaximum
		s.Plan.Search = &Search{Objectives: []Objective{{99, 1}}}
		s.Found = []Found{{Contestant: "uring", Load: s.Plan.Cells[0].Load, Sustained: 0, Failed: -1}}
	}
}
