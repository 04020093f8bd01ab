package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// A run is settled when every ratio is known as well as was asked for, with eight
// pairs, whatever the ratios are.
func TestSettled(t *testing.T) {
	set := &result.Set{Plan: result.Plan{Trials: 100, Until: 0.02, Duet: true, Cells: make([]result.Cell, 3), Matches: []result.Match{{A: 0, B: 1}, {A: 0, B: 2}}}}
	pairs := 0
	add := func(b int, cost float64) {
		pairs++
		for _, x := range []struct {
			cell int
			cost float64
		}{{0, 1e-6}, {b, cost}} {
			set.Trials = append(set.Trials, result.Trial{Cell: x.cell, Pair: pairs, Seconds: 1, Messages: 100_000, Server: &result.Process{CPUSeconds: x.cost * 1e5, Seconds: 1}})
		}
	}
	for i := range 8 {
		if settled(set) {
			t.Fatalf("settled after %d pairs", i)
		}
		add(1, 1e-6*(1+0.01*float64(i%2)))
		add(2, 3e-6*(1+0.01*float64(i%3)))
	}
	if !settled(set) {
		t.Error("not settled after 8 pairs of each")
	}
	for i := range 4 {
		add(2, 3e-6*(1+0.3*float64(i%2)))
	}
	if settled(set) {
		t.Error("settled though one ratio spreads")
	}
	set.Plan.Trials = 8
	if !settled(set) {
		t.Error("not settled with the most that is allowed")
	}
	set.Plan.Until = 0
	if settled(set) {
		t.Error("settled though nobody asked")
	}
}

// Where a threshold is given a run is settled as soon as it is plain on which side of it
// head is, and what is beside itself need not be known better; of two heads the one that
// is plain is measured no more.
func TestSettledPlainly(t *testing.T) {
	p := result.Plan{Trials: 100, Until: 0.005, Duet: true, WithinSeconds: 60}
	for _, name := range []string{"uring", "epoll"} {
		pairUp(&p, result.Cell{Contestant: name + " (base)", Backend: name}, result.Cell{Contestant: name, Backend: name}, true)
	}
	for i := range p.Matches {
		if !p.Matches[i].Same {
			p.Matches[i].Threshold = 0.01
		}
	}
	for _, c := range []struct {
		name        string
		blocks      int
		slow        [2]float64
		threshold   float64
		settled     bool
		cells, ends int
	}{
		{"both far", 8, [2]float64{0.1, 0.2}, 0.01, true, 6, 1},
		{"too few", 7, [2]float64{0.1, 0.2}, 0.01, false, 0, 0},
		{"one near", 8, [2]float64{0.1, 0.02}, 0.01, false, 3, 0},
		{"far below", 8, [2]float64{0, 0.001}, 0.2, true, 6, 1},
		{"no threshold", 8, [2]float64{0.1, 0.2}, 0, false, 0, 0},
	} {
		set := &result.Set{Plan: p, Started: time.Now()}
		set.Plan.Matches = slices.Clone(p.Matches)
		set.Ended = set.Started.Add(time.Minute)
		for i, m := range p.Matches {
			if !m.Same {
				set.Plan.Matches[i].Threshold = c.threshold
			}
			for block := range c.blocks {
				cost := 1 + 0.02*float64((block+i)%2)
				if !m.Same {
					cost *= 1 + c.slow[m.B/3]
				}
				for cell, cost := range map[int]float64{m.A: cost, m.B: 1} {
					set.Trials = append(set.Trials, result.Trial{Cell: cell, Block: block, Pair: 1 + block*len(p.Matches) + i, Seconds: 1, Messages: 100_000, Server: &result.Process{CPUSeconds: cost, Seconds: 1}})
				}
			}
		}
		found := slices.Compact(slices.Sorted(slices.Values(finished(set))))
		if got := settled(set); got != c.settled || len(found) != c.cells {
			t.Errorf("%s: settled %v, finished %v", c.name, got, found)
		}
		if got, want := ending(set), [...]string{"when its time was over", "when it was plain on which side of the threshold CPU lies"}[c.ends]; got != want {
			t.Errorf("%s: ended %q, want %q", c.name, got, want)
		}
	}
}

func TestUntilRefused(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Until = 0.9 }, "--until=90% is out of range"},
		{func(o *Options) { o.Until, o.Sessions = 0.02, 3 }, "--until looks at one session"},
		{func(o *Options) { o.Until, o.FindMax = 0.02, true }, "does not go with --find-max"},
	} {
		o := options("epoll", "net")
		c.change(&o)
		if _, _, err := o.Plan(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// A plan with a time ends before the block that would not be over by then.
func TestOutOfTime(t *testing.T) {
	set := &result.Set{Started: time.Now(), Plan: result.Plan{WithinSeconds: 60}}
	for _, c := range []struct {
		blocks int
		spent  time.Duration
		want   bool
	}{{1, 29 * time.Second, false}, {1, 31 * time.Second, true}, {10, 54 * time.Second, false}, {10, 55 * time.Second, true}} {
		if got := set.OutOfTime(c.blocks, set.Started.Add(c.spent)); got != c.want {
			t.Errorf("%d blocks in %v: %v", c.blocks, c.spent, got)
		}
	}
	set.Plan.WithinSeconds = 0
	if set.OutOfTime(1, set.Started.Add(time.Hour)) {
		t.Error("out of time though there is no limit")
	}
}
