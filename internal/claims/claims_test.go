package claims

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// Every test names a run or says why there is none, and every run is used.
func TestListIsWhole(t *testing.T) {
	used := map[string]bool{}
	for _, c := range List {
		for _, x := range c.Tests {
			used[x.Run] = true
			if (x.Why != "") == (x.of != nil) || x.of != nil && (Runs[x.Run] == nil || x.Unit == "" || x.Least >= x.Most) {
				t.Errorf("%s: %+v", c.Title, x)
			}
		}
	}
	for name := range Runs {
		if !used[name] || !slices.Contains(Order, name) {
			t.Errorf("run %s is of no claim, or has no place", name)
		}
	}
	if len(Order) != len(Runs) {
		t.Errorf("%d runs, %d in order", len(Runs), len(Order))
	}
}

func TestVerdicts(t *testing.T) {
	x := Test{Least: 1.1, Most: 1.5}
	for _, c := range []struct {
		f    Figure
		want string
	}{
		{Figure{Center: 1.2, Lo: 1.15, Hi: 1.3}, Reproduced},
		{Figure{Center: 1.05, Lo: 1.0, Hi: 1.09}, Refuted + ": less than claimed"},
		{Figure{Center: 1.7, Lo: 1.6, Hi: 1.8}, Refuted + ": more than claimed"},
		{Figure{Center: 1.2, Lo: 1.0, Hi: 1.4}, Inconclusive},
		{Figure{Center: 1.2, Lo: math.NaN(), Hi: math.NaN()}, Inconclusive}, // one pair
		{Figure{Missing: "no device"}, NotMeasurable},
	} {
		if got := x.Verdict(c.f); got != c.want {
			t.Errorf("%+v: %s, want %s", c.f, got, c.want)
		}
	}
	for _, c := range []struct {
		of   []string
		want string
	}{
		{nil, NotMeasurable},
		{[]string{NotMeasurable}, NotMeasurable},
		{[]string{Reproduced, NotMeasurable}, Reproduced},
		{[]string{Refuted + ": less than claimed", Reproduced}, Partly},
		{[]string{Refuted + ": less than claimed", Refuted + ": more than claimed"}, Refuted},
		{[]string{Inconclusive, Reproduced}, Inconclusive},
	} {
		if got := Verdict(c.of); got != c.want {
			t.Errorf("%q: %s, want %s", c.of, got, c.want)
		}
	}
}

// duet is a set in which a takes x times b's CPU a message, at 8 and 100 connections
// × 128 B, there twice as many times.
func duet(a, b string, x float64) *result.Set {
	s := &result.Set{Plan: result.Plan{Duet: true, Trials: 3}}
	pair := 0
	for i, conns := range []int{8, 100} {
		l := result.Load{Workload: "echo", Network: "tcp", Conns: conns, Size: 128}
		s.Plan.Cells = append(s.Plan.Cells, result.Cell{Contestant: a, Load: l}, result.Cell{Contestant: b, Load: l})
		for range 3 {
			pair++
			for j, cost := range []float64{x * float64(i+1), 1} {
				s.Trials = append(s.Trials, result.Trial{Cell: 2*i + j, Pair: pair, Seconds: 1, Messages: uint64(100_000 / cost), Server: &result.Process{CPUSeconds: 0.5, Seconds: 1}})
			}
		}
	}
	return s
}

func TestFigures(t *testing.T) {
	s := duet("epoll", "uring", 1.25)
	for _, c := range []struct {
		name string
		got  Figure
		want float64
	}{
		{"the first load", ratio("epoll", "uring", cpu, nil)(s), 1.25},
		{"the other way round", ratio("uring", "epoll", cpu, nil)(s), 0.8},
		{"another load", ratio("epoll", "uring", cpu, cell(100, 128))(s), 2.5},
		{"the best", best("uring", "epoll", rate)(s), 2.5},
		{"the best of the other", best("epoll", "uring", rate)(s), 0.8},
	} {
		if f := c.got; f.Missing != "" || math.Abs(f.Center/c.want-1) > 1e-3 || f.N != 3 || f.Lo > f.Center || f.Hi < f.Center {
			t.Errorf("%s: %+v, want %v", c.name, f, c.want)
		}
	}
	// A load that is less well known may be the best all the same.
	s.Trials[1].Messages *= 4
	if f := best("uring", "epoll", rate)(s); math.Abs(f.Center/2.5-1) > 1e-3 || f.Hi < 5 {
		t.Errorf("the best beside one that is less well known: %+v", f)
	}
	if f := ratio("epoll", "uring", cpu, cell(7, 7))(s); f.Missing == "" {
		t.Errorf("of a load that is not there: %+v", f)
	}
	// Three trials have no interval of 95 %, two sessions that of their means.
	if f := level("epoll", cpu)(s); f.Missing != "" || !math.IsNaN(f.Lo) || !math.IsNaN(f.Hi) {
		t.Errorf("three trials: %+v", f)
	}
	s.Plan.Sessions, s.Trials[4].Session, s.Trials[4].Server = 2, 1, &result.Process{CPUSeconds: 1, Seconds: 1}
	if f, half := level("epoll", cpu)(s), math.Ln2/2*12.706; math.Abs(math.Log(f.Hi/f.Center)-half) > 1e-3 || f.N != 3 {
		t.Errorf("two sessions: %+v", f)
	}
	s.Plan.LeftOut = []result.LeftOut{{Contestant: "uring+sqpoll", Why: "no"}}
	if f := ratio("uring+sqpoll", "uring", cpu, nil)(s); f.Missing != "no" {
		t.Errorf("of one that was left out: %+v", f)
	}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	r := Report{Outcomes: map[string]Outcome{"files": {Why: "io_uring is not available here"}}}
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Nothing was measured", "Not measurable here, CPU a cached 4 KiB read, one at a time: epoll's threads to pread in place: io_uring is not available here"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	grid := duet("uring", "epoll", 1/1.05)
	r.Outcomes["grid"] = Outcome{Set: grid}
	b.Reset()
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Refuted", "less than claimed", "| 1000 × 128 | 1.60 |  |"} {
		if !strings.Contains(strings.ReplaceAll(b.String(), "refuted", "Refuted"), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
