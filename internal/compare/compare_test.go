package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// A server is what the trials of a made-up contestant show.
type server struct {
	name     string
	cpu      float64   // ns a message
	noise    float64   // by which trials differ, up and down
	calls    float64   // a message
	jitter   float64   // by which the calls of trials differ
	latency  []int64   // ns, each as many times
	trials   []float64 // factors of cpu, instead of noise
	disturb  int       // so many trials are disturbed
	features []string
}

// pattern is what trials have instead of 1, times their noise: a mean of 0.
var pattern = []float64{-1, 1, -0.5, 0.5, 0, 0, 0.75, -0.75}

// add appends a cell with n trials, one a block.
func add(s *result.Set, conns, n int, v server) {
	cell := len(s.Plan.Cells)
	s.Plan.Cells = append(s.Plan.Cells, result.Cell{Contestant: v.name, Backend: "uring", Load: result.Load{Workload: "echo", Network: "tcp", Conns: conns, Size: 64, Pipeline: 1}})
	if v.latency == nil {
		v.latency = []int64{1000, 2000, 3000, 4000, 5000}
	}
	for i := range n {
		factor := math.Exp(v.noise * pattern[(i+cell)%len(pattern)])
		if v.trials != nil {
			factor = v.trials[i]
		}
		calls := v.calls * (1 + v.jitter*pattern[i%len(pattern)])
		t := result.Trial{Cell: cell, Block: i, Seconds: 1, Messages: 10_000, Service: result.NewHistogram(), CountedSyscalls: &calls, Features: v.features,
			Server: &result.Process{CPUSeconds: v.cpu * factor * 1e-5, Seconds: 1, PeakRSS: 1 << 20, Threads: 4}}
		if i < v.disturb {
			t.Disturbed = "steal"
		}
		for _, l := range v.latency {
			_ = t.Service.RecordValues(l, 2000)
		}
		s.Trials = append(s.Trials, t)
	}
	s.Plan.Trials = max(s.Plan.Trials, n)
}

// again makes the last cell one that is there to be compared with the one before.
func again(s *result.Set) {
	n := len(s.Plan.Cells)
	s.Plan.Matches = append(s.Plan.Matches, result.Match{A: n - 1, B: n - 2, Same: true})
}

func one(v server) *result.Set {
	s := &result.Set{Schema: result.Schema}
	add(s, 1, 8, v)
	return s
}

func results(t *testing.T, base, head *result.Set) *Comparison {
	t.Helper()
	c, err := Results([]*result.Set{base}, []*result.Set{head}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Comparison) find(t *testing.T, m Metric) Finding {
	t.Helper()
	i := slices.IndexFunc(c.Findings, func(f Finding) bool { return f.Metric == m })
	if i < 0 {
		t.Fatalf("no finding on %s", m)
	}
	return c.Findings[i]
}

// Each verdict is reached, and for the reason that it gives.
func TestVerdicts(t *testing.T) {
	base := server{name: "s", cpu: 1000, noise: 0.01, calls: 2}
	with := func(change func(*server)) server {
		v := base
		change(&v)
		return v
	}
	for _, c := range []struct {
		name   string
		head   server
		floor  float64 // of an A/A in head
		metric Metric
		want   Verdict
		why    string
	}{
		{"worse", with(func(v *server) { v.cpu *= 1.1 }), 0, CPU, Regression, ""},
		{"better", with(func(v *server) { v.cpu /= 1.1 }), 0, CPU, Improvement, ""},
		{"the same", with(func(v *server) { v.noise = 0 }), 0, CPU, NoDifference, ""},
		{"noisy", with(func(v *server) { v.noise = 0.1 }), 0, CPU, Inconclusive, "the interval reaches from one side to the other"},
		{"less than matters for certain", with(func(v *server) { v.cpu *= 1.015 }), 0, CPU, Inconclusive, "the interval reaches within the threshold"},
		{"worse, but not beyond the noise", with(func(v *server) { v.cpu *= 1.1 }), 0.5, CPU, Inconclusive, "differs by from itself in this session"},
		{"disturbed", with(func(v *server) { v.cpu *= 1.1; v.disturb = 8 }), 0, CPU, Inconclusive, "of head 8 of 8 trials were disturbed"},
		{"a call more", with(func(v *server) { v.calls = 3 }), 0, Syscalls, Regression, ""},
		{"a call less", with(func(v *server) { v.calls = 1 }), 0, Syscalls, Improvement, ""},
		{"as many calls", base, 0, Syscalls, NoDifference, ""},
		{"slower", with(func(v *server) { v.latency = []int64{1500, 3000, 4500, 6000, 7500} }), 0, P50, Regression, ""},
		{"a tail", with(func(v *server) { v.latency = []int64{1000, 2000, 3000, 4000, 50_000} }), 0, P99, Regression, ""},
		{"no tail", with(func(v *server) { v.latency = []int64{1000, 2000, 3000, 4000, 50_000} }), 0, P50, NoDifference, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := one(c.head)
			if c.floor > 0 {
				other := c.head
				other.name, other.cpu = "s again", c.head.cpu*(1+c.floor)
				add(head, 1, 8, other)
				again(head)
			}
			f := results(t, one(base), head).find(t, c.metric)
			if f.Verdict != c.want || !strings.Contains(f.Why, c.why) || (f.Why == "") != (c.want != Inconclusive) {
				t.Errorf("%v because %q, want %v because %q: %+v", f.Verdict, f.Why, c.want, c.why, f)
			}
			if c.floor > 0 && f.Floor < c.floor {
				t.Errorf("floor %v, want %v at least", f.Floor, c.floor)
			}
			if settled := f.Verdict != Inconclusive || f.Withheld != ""; settled != (f.More == 0) {
				t.Errorf("%v, and %d more", f.Verdict, f.More)
			}
		})
	}
}

// A counter is exact by what its trials spread, those of an A/A among them, and else
// compared with an interval.
func TestExactCounters(t *testing.T) {
	for _, c := range []struct {
		name              string
		base, head        float64 // jitter
		again             float64 // of calls, in an A/A of base
		calls             float64
		exact, lost       bool
		verdict           Verdict
		resolutionAtLeast float64
	}{
		{"constant", 0, 0, 0, 2, true, false, NoDifference, 0.001},
		{"constant and another", 0, 0, 0, 2.01, true, false, Regression, 0.001},
		{"the ends of a trial", 0.001, 0.0005, 0, 2.004, true, false, NoDifference, 0.004},
		{"more than the ends", 0.001, 0.0005, 0, 2.02, true, false, Regression, 0.004},
		{"near the limit on one side", 0.001, 0.006, 0, 2, true, false, NoDifference, 0.02},
		{"batches", 0.05, 0.05, 0, 2, false, false, Inconclusive, 0},
		{"batches in head alone", 0, 0.05, 0, 2, false, true, Inconclusive, 0},
		{"batches in base alone", 0.05, 0, 0, 2, false, false, Inconclusive, 0},
		{"another in an A/A", 0, 0, 2.1, 2, false, false, NoDifference, 0},
		{"none", 0, 0, 0, 0, true, false, Improvement, 0.001},
	} {
		base := one(server{name: "s", cpu: 1, calls: 2, jitter: c.base})
		if c.again > 0 {
			add(base, 1, 8, server{name: "s again", cpu: 1, calls: c.again})
			again(base)
		}
		f := results(t, base, one(server{name: "s", cpu: 1, calls: c.calls, jitter: c.head})).find(t, Syscalls)
		if f.Exact != c.exact || f.Lost != c.lost || f.Verdict != c.verdict || f.Resolution < c.resolutionAtLeast-1e-9 {
			t.Errorf("%s: exact %v, lost %v, %v, resolution %v; want %+v", c.name, f.Exact, f.Lost, f.Verdict, f.Resolution, c)
		}
		if f.Exact && !math.IsNaN(f.Q) {
			t.Errorf("%s: q %v of what is no matter of chance", c.name, f.Q)
		}
	}
}

// Allocations are exact by how many they are: what a process allocates besides is as good
// as none, and one in every message is another program, also where it is not quite one.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name        string
		messages    uint64
		base, head  []float64
		exact, lost bool
		verdict     Verdict
	}{
		{"those of the process", 5_000, []float64{0.02, 0.09, 0.03}, []float64{0.09, 0.02, 0.1}, true, false, NoDifference},
		{"one a message", 5_000, []float64{0.02, 0.09, 0.03}, []float64{1.02, 1.09, 1.03}, true, false, Regression},
		{"one in a few, not always", 5_000, []float64{0.02, 0.03, 0.03}, []float64{0.2, 0.9, 0.5}, true, false, Regression},
		{"one less", 5_000, []float64{3, 3.01, 3}, []float64{2, 2.01, 2}, true, false, Improvement},
		{"one in fifty", 100_000, []float64{0.001, 0.001, 0}, []float64{0.021, 0.021, 0.02}, true, false, Regression},
		{"now and then", 100_000, []float64{0.001, 0.001, 0}, []float64{0, 0.2, 0.3}, false, true, Inconclusive},
		{"too few messages to know", 50, []float64{0.2, 0.2, 0.3}, []float64{1.2, 1.2, 1.3}, false, false, Inconclusive},
		{"not known", 5_000, nil, []float64{1, 1, 1}, false, false, Inconclusive},
	} {
		s := &result.Set{}
		for _, name := range []string{"base", "head"} {
			add(s, 1, 3, server{name: name, cpu: 1000})
		}
		for i := range s.Trials {
			trial := &s.Trials[i]
			if trial.Messages = c.messages; c.base != nil {
				trial.CountedAllocations = &[][]float64{c.base, c.head}[trial.Cell][trial.Block]
			}
		}
		found, err := Pairs(s, "base", "head", Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := Finding{}
		if i := slices.IndexFunc(found.Findings, func(f Finding) bool { return f.Metric == Allocations }); i >= 0 {
			f = found.Findings[i]
		}
		if f.Exact != c.exact || f.Lost != c.lost || f.Verdict != c.verdict {
			t.Errorf("%s: exact %v, lost %v, %v; want %+v", c.name, f.Exact, f.Lost, f.Verdict, c)
		}
	}
}

// Two contestants of one run are compared by pairs, which a level that changes from
// block to block does not blur, and with the floor of the run's own A/A.
func TestPairs(t *testing.T) {
	levels := []float64{1, 2, 0.5, 3, 1.5, 0.7, 1.2, 2.2}
	s := &result.Set{Schema: result.Schema}
	slower := make([]float64, len(levels))
	for i, x := range levels {
		slower[i] = 1.1 * x * (1 + 0.001*pattern[i])
	}
	add(s, 1, 8, server{name: "base", cpu: 1000, trials: levels, calls: 2})
	add(s, 1, 8, server{name: "base again", cpu: 1000, trials: levels, calls: 2})
	again(s)
	add(s, 1, 8, server{name: "head", cpu: 1000, trials: slower, calls: 2})
	add(s, 64, 8, server{name: "head", cpu: 1000})
	c, err := Pairs(s, "base", "head", Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := c.find(t, CPU)
	if f.Verdict != Regression || !f.Paired || math.Abs(f.Effect.Center-1.1) > 0.001 || f.Effect.Pairs != 8 || f.Contestant != "head" || f.BestCase() < 0.09 || f.WorstCase() > 0.11 {
		t.Errorf("%+v", f)
	}
	if f.Robust.N != 8 || !(f.Robust.Lo < 1.1 && 1.1 < f.Robust.Hi) {
		t.Errorf("robust: %+v", f.Robust)
	}
	if c.Findings[0].Metric != CPU || len(c.Unmatched) != 1 || c.Unmatched[0].Side != "head" || len(c.Shifts) != 1 {
		t.Errorf("first %s, unmatched %+v, %d shifts", c.Findings[0].Metric, c.Unmatched, len(c.Shifts))
	}
	if apart := f.At(0.2); apart.Verdict != Inconclusive && apart.Verdict != NoDifference || apart.Threshold != 0.2 {
		t.Errorf("by a threshold of 20 %%: %v", apart.Verdict)
	}
	if _, err := Pairs(s, "base", "nobody", Options{}); err == nil || !strings.Contains(err.Error(), "base, head") {
		t.Errorf("error %v does not name the contestants", err)
	}
	// Without a trial of base beside itself the noise is not known, rather than none.
	for i := range s.Trials {
		if s.Trials[i].Cell == 1 {
			s.Trials[i].Void = "late"
		}
	}
	if c, err = Pairs(s, "base", "head", Options{}); err != nil {
		t.Fatal(err)
	}
	if f := c.find(t, CPU); f.Verdict != Inconclusive || f.Why != "base beside itself was not measured often enough to know the noise" {
		t.Errorf("without a floor: %v because %q", f.Verdict, f.Why)
	}
	// The same as if measured apart drowns in the levels.
	if f := results(t, one(server{name: "s", cpu: 1000, trials: levels}), one(server{name: "s", cpu: 1100, trials: levels})).find(t, CPU); f.Verdict != Inconclusive || f.Paired {
		t.Errorf("apart: %+v", f)
	}
}

// Results of several files are sessions, of which the means are compared.
func TestSeveralResults(t *testing.T) {
	var base, head []*result.Set
	for i := range 3 {
		level := 1000 * math.Exp(0.2*float64(i))
		base = append(base, one(server{name: "s", cpu: level, calls: 1}))
		head = append(head, one(server{name: "s", cpu: level, calls: 1}))
	}
	add(head[1], 1, 8, server{name: "s again", cpu: 1000, calls: 1})
	again(head[1])
	head[1].Trials[8].CountedSyscalls = nil // as of a trial whose counters could not be read
	c, err := Results(base, head, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f := c.find(t, CPU); f.Effect.Sessions != 3 || f.Effect.Pairs != 24 || f.Verdict != Inconclusive {
		t.Errorf("%+v", f)
	}
	if f := c.find(t, P50); f.Effect.Sessions != 3 || f.Effect.Pairs != 24 {
		t.Errorf("%+v", f)
	}
	if slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "measured apart") }) {
		t.Errorf("warned of one session: %q", c.Warnings)
	}
}

// What bears on a comparison comes with it.
func TestConditions(t *testing.T) {
	base, head := one(server{name: "s", cpu: 1000}), one(server{name: "s", cpu: 1000})
	base.Env.Kernel, head.Env.Kernel = "6.1", "6.2"
	base.Env.Commit, head.Env.Commit = "aaa", "bbb"
	head.Trials[0].Void, head.Interrupted = "it died", true
	add(base, 64, 8, server{name: "gone", cpu: 1})
	c := results(t, base, head)
	if len(c.Differences) == 0 || c.Differences[0].Condition != "kernel" || c.Base.Commit != "aaa" || c.Head.Commit != "bbb" {
		t.Errorf("%v, %+v, %+v", c.Differences, c.Base, c.Head)
	}
	if len(c.Unmatched) != 1 || c.Unmatched[0].Contestant != "gone" || c.Unmatched[0].Side != "base" {
		t.Errorf("unmatched %+v", c.Unmatched)
	}
	for _, want := range []string{"measured apart, in one session", "1 of 24 trials are void", "1 of 2 runs were interrupted", "nothing was compared with itself"} {
		if !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("no warning of %q in %q", want, c.Warnings)
		}
	}
	few := &result.Set{}
	add(few, 1, 2, server{name: "s", cpu: 2000})
	if f := results(t, base, few).find(t, CPU); f.Verdict != Inconclusive || f.Why != "of head only 2 of the 3 trials that it takes can be used" {
		t.Errorf("%v because %q", f.Verdict, f.Why)
	}
	if _, err := Results([]*result.Set{one(server{name: "x"})}, []*result.Set{one(server{name: "y"})}, Options{}); err == nil || !strings.Contains(err.Error(), "base has x (tcp, 1 connection × 64 B, closed loop), head has y") {
		t.Errorf("nothing in common: %v", err)
	}
}

// One pair that is far off makes Student's interval wide and Hodges and Lehmann's not.
func TestDisagreement(t *testing.T) {
	s := &result.Set{}
	far := []float64{1.05, 1.051, 1.049, 1.05, 1.052, 1.048, 1.05, 1.053, 1.047, 1.049, 1.05, 1.051, 0.2}
	add(s, 1, len(far), server{name: "base", cpu: 1000})
	add(s, 1, len(far), server{name: "head", cpu: 1000, trials: far})
	c, err := Pairs(s, "base", "head", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(c.Warnings, func(w string) bool {
		return strings.Contains(w, "CPU a message of head") && strings.Contains(w, "disagree")
	}) {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// Of many comparisons of the same thing few differ, as they are judged together.
func TestFamily(t *testing.T) {
	base, head := &result.Set{}, &result.Set{}
	for i := range 20 {
		v := server{name: fmt.Sprint(i), cpu: 1000, noise: 0.03}
		add(base, 1, 5, v)
		if i == 7 { // by itself it would be called
			v.cpu *= 1.06
		}
		add(head, 1, 5, v)
	}
	for _, f := range results(t, base, head).Findings {
		if f.Metric == CPU && f.Contestant == "7" {
			if alone := f.Effect.Beyond(0, 0); f.Verdict != Inconclusive || f.Effect.P() > 0.05 || !strings.Contains(f.Why, "by chance") {
				t.Errorf("alone %v with p %v; among others %v because %q, q %v", alone, f.Effect.P(), f.Verdict, f.Why, f.Q)
			}
		}
	}
}
