package gate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
)

// A simulated machine measures what it is told to, with noise that is known.
type simulated struct {
	rng          *rand.Rand
	blocks       int
	planned      int        // blocks for which there was no time, 0 if there was
	sd           float64    // of the logarithm of a ratio
	slow         [2]float64 // of the first call of Measure, and of the second
	calls        [2]float64 // system calls a message of head, in the same; base makes 2
	dead         [2]string  // why head dies
	same         [2]float64 // by what base differs from itself
	mute         [2]bool    // the side answers nothing
	deadBase     string     // why base dies, and thenDeadBase why in the second call
	thenDeadBase string
	asked        [][]result.Cell
	others       [][2]string // that no run has
	interrupts   bool
}

func (s *simulated) Contestants() [][2]string { return append(s.others, [2]string{"base", "head"}) }

var (
	underLoad = result.Load{Workload: "echo", Network: "tcp", Conns: 64, Size: 64, Pipeline: 1}
	alone     = result.Load{Workload: "echo", Network: "tcp", Conns: 1, Size: 64, Pipeline: 1}
)

func (s *simulated) Measure(_ context.Context, heads []result.Cell) (runs []Measured, err error) {
	n := min(len(s.asked), 1)
	s.asked = append(s.asked, heads)
	wanted := func(l result.Load) bool {
		return heads == nil || slices.ContainsFunc(heads, func(c result.Cell) bool { return c.Load == l })
	}
	if s.calls[0] > 0 && wanted(alone) {
		set := s.plan(alone, 4)
		for block := range 4 {
			s.trial(set, 0, block, 2, 0, s.deadBase)
			s.trial(set, 1, block, s.calls[n], 0, s.dead[n])
		}
		runs = append(runs, Measured{Set: set, Calls: true})
	}
	if wanted(underLoad) {
		set := s.plan(underLoad, s.blocks)
		pair := 0
		for block := range s.blocks {
			pair++
			s.trial(set, 0, block, 0, pair, s.deadBase+s.dead[n])
			s.trial(set, 1, block, 0, pair, s.deadBase+s.dead[n]).Server.CPUSeconds *= (1 + s.slow[n]) * math.Exp(s.sd*s.rng.NormFloat64())
			pair++
			dead := s.deadBase
			if n == 1 {
				dead += s.thenDeadBase
			}
			s.trial(set, 0, block, 0, pair, dead)
			s.trial(set, 2, block, 0, pair, dead).Server.CPUSeconds *= math.Exp(s.same[n] + s.sd*s.rng.NormFloat64())
		}
		runs = append(runs, Measured{Set: set})
	}
	if s.interrupts {
		return runs, context.Canceled
	}
	return runs, nil
}

func (s *simulated) plan(l result.Load, blocks int) *result.Set {
	p := result.Plan{Trials: blocks, Duet: l == underLoad, Cells: []result.Cell{{Contestant: "base", Load: l}, {Contestant: "head", Load: l}}, Matches: []result.Match{{A: 1, B: 0}}}
	if s.planned > 0 {
		p.Trials, p.WithinSeconds = s.planned, 1e-9
	}
	if l == underLoad {
		p.Cells = append(p.Cells, result.Cell{Contestant: "base again", Load: l})
		p.Matches = append(p.Matches, result.Match{A: 0, B: 2, Same: true})
	}
	return &result.Set{Plan: p, Ended: time.Time{}.Add(time.Second), Env: result.Env{CPUs: 2}}
}

func (s *simulated) trial(set *result.Set, cell, block int, calls float64, pair int, void string) *result.Trial {
	t := result.Trial{Cell: cell, Block: block, Pair: pair, Void: void, Seconds: 1, Messages: 100_000, Server: &result.Process{CPUSeconds: 0.5, Seconds: 1}}
	if s.mute[cell%2] {
		t.Messages = 0
	}
	if calls > 0 {
		t.CountedSyscalls = &calls
	}
	set.Trials = append(set.Trials, t)
	return &set.Trials[len(set.Trials)-1]
}

func machine(change func(*simulated)) *simulated {
	s := &simulated{rng: rand.New(rand.NewPCG(1, 2)), blocks: 30, sd: 0.01}
	change(s)
	return s
}

func TestDecide(t *testing.T) {
	rules := []Rule{{Metric: compare.CPU, Threshold: 0.02}, {Metric: compare.Syscalls, Exact: true, Optional: true}}
	for _, c := range []struct {
		name    string
		machine *simulated
		want    Outcome
		runs    int
		says    string // by the gravest judgement, or as advice
	}{
		{"the same", machine(func(s *simulated) { s.calls = [2]float64{2, 2} }), Pass, 1, ""},
		{"slower", machine(func(s *simulated) { s.slow = [2]float64{0.1, 0.1} }), Fail, 2, "a second run found it again"},
		{"slower once", machine(func(s *simulated) { s.slow = [2]float64{0.1, 0} }), Pass, 2, "a second run did not find it"},
		{"then noisy", machine(func(s *simulated) { s.slow = [2]float64{0.1, 0.02} }), Noisy, 2, "a second run did not find it"},
		{"noise", machine(func(s *simulated) { s.sd = 0.2 }), Noisy, 1, "only a change of"},
		{"noise and no time", machine(func(s *simulated) { s.sd, s.planned = 0.2, 200 }), Noisy, 1, "more trials (longer than --within gave) of each side"},
		{"too few and no time", machine(func(s *simulated) { s.blocks, s.planned = 1, 200 }), Noisy, 1, "measure longer (--within)"},
		{"another is not there", machine(func(s *simulated) { s.others = [][2]string{{"base", "other"}} }), Noisy, 1, `other could not be compared: no load has both "base" and "other"`},
		{"a call more", machine(func(s *simulated) { s.calls = [2]float64{3, 3} }), Fail, 2, "it is exact, so the program has changed; a second run found it again"},
		{"head dies", machine(func(s *simulated) { s.dead = [2]string{"out of cheese", "out of cheese"} }), Fail, 2, "head (tcp, 64 connections × 64 B, closed loop) could not be measured: out of cheese; a second run found it again"},
		{"head died once", machine(func(s *simulated) { s.dead[0], s.blocks = "out of cheese", 60 }), Noisy, 2, "a second run has nothing of it"},
		{"then base dies", machine(func(s *simulated) { s.dead, s.thenDeadBase = [2]string{"out of cheese", "out of cheese"}, "no licence" }), Noisy, 2, "a second run has nothing of it"},
		{"then base differs from itself", machine(func(s *simulated) { s.slow, s.same[1] = [2]float64{0.1, 0.1}, 0.2 }), Noisy, 2, "within what the same thing differs by from itself"},
		{"head hangs", machine(func(s *simulated) { s.mute[1] = true }), Fail, 2, "could not be measured: no message was answered in 1 s; a second run found it again"},
		{"base hangs", machine(func(s *simulated) { s.mute[0] = true }), Refused, 1, "no message was answered in 1 s"},
		{"base dies", machine(func(s *simulated) { s.deadBase = "no licence" }), Refused, 1, "no licence"},
	} {
		d, runs, err := Decide(t.Context(), c.machine, rules, 1)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(d.Advice, "\n")
		for _, noise := range []string{"measure what the rule", "; no load has both"} {
			if c.want != Noisy && strings.Contains(said, noise) {
				t.Errorf("%s: advice that cannot help: %s", c.name, said)
			}
		}
		for _, j := range d.Judged {
			said += "\n" + j.Text
			if j.Decides() && j.Outcome == Fail && !j.Confirmed {
				t.Errorf("%s: not confirmed: %s", c.name, j.Text)
			}
		}
		if d.Outcome != c.want || len(c.machine.asked) != c.runs || !strings.Contains(said, c.says) {
			t.Errorf("%s: %v after %d measurements, want %v after %d and %q:\n%s", c.name, d.Outcome, len(c.machine.asked), c.want, c.runs, c.says, said)
		}
		if c.runs == 2 && (len(c.machine.asked[1]) != 1 || c.machine.asked[1][0].Contestant != "head") {
			t.Errorf("%s: measured again: %v", c.name, c.machine.asked[1])
		}
		if len(runs) < c.runs {
			t.Errorf("%s: %d runs", c.name, len(runs))
		}
	}
	two := machine(func(s *simulated) { s.slow, s.calls = [2]float64{0.1, 0}, [2]float64{3, 3} })
	if d, _, err := Decide(t.Context(), two, rules, 1); err != nil || d.Outcome != Fail || d.Judged[0].Metric != compare.Syscalls || !d.Judged[0].Confirmed {
		t.Errorf("what was found again is not first: %+v, %v", d, err)
	}
	if d, runs, err := Decide(t.Context(), machine(func(s *simulated) { s.interrupts = true }), rules, 1); d != nil || len(runs) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v, %d runs, %v", d, len(runs), err)
	}
}

// A load of one connection is that of the calls too: what they are is judged once.
func TestOneConnection(t *testing.T) {
	m := machine(func(s *simulated) { s.calls = [2]float64{2, 2} })
	runs, err := m.Measure(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	calls, load := runs[0].Trials, runs[1].Trials
	for i := range runs[1].Plan.Cells {
		runs[1].Plan.Cells[i].Load = alone
	}
	for _, void := range []string{"", "out of cheese"} {
		for _, trials := range [][]result.Trial{calls, load} {
			for i := range trials {
				if trials[i].CountedSyscalls = calls[0].CountedSyscalls; trials[i].Cell == 1 {
					trials[i].Void = void
				}
			}
		}
		var names []string
		for _, j := range decide(runs, m.Contestants(), DefaultRules(), compare.Options{}).Judged {
			names = append(names, string(j.Metric)+" of "+j.Contestant+" "+j.Load.String())
		}
		slices.Sort(names)
		if len(names) == 0 || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("void %q: judged %q", void, names)
		}
	}
}

// By the default rule on CPU, and noise as duets have it on a shared machine, the same
// is not called a regression, and one of 5 % is.
func TestErrorRates(t *testing.T) {
	const decisions = 40
	for slow, want := range map[float64][2]int{0: {0, 0}, 0.02: {decisions / 2, decisions}, 0.05: {decisions, decisions}} {
		called := 0
		for i := range uint64(decisions) {
			m := machine(func(s *simulated) {
				s.rng, s.sd, s.blocks, s.slow = rand.New(rand.NewPCG(i, 3)), 0.015, 30, [2]float64{slow, slow}
			})
			d, _, err := Decide(t.Context(), m, DefaultRules()[:1], i)
			if err != nil {
				t.Fatal(err)
			}
			if d.Outcome == Fail {
				called++
			}
		}
		if called < want[0] || called > want[1] {
			t.Errorf("slower by %v: %d of %d called a regression, want %v", slow, called, decisions, want)
		}
	}
}

func TestRatesAndRecommendation(t *testing.T) {
	var attempts []Attempt
	for i := range 20 {
		attempts = append(attempts,
			Attempt{Slowdown: 0.1, Outcome: Fail, Blocks: 10, Smallest: 0.04, Took: 20 * time.Second},
			Attempt{Outcome: []Outcome{Pass, Noisy}[i%2], Blocks: 20, Smallest: 0.03, Took: time.Duration(20+i) * time.Second})
	}
	r := Rates(attempts)
	if len(r) != 2 || r[0].Slowdown != 0 || r[0].Regressions != 0 || r[0].Noisy != 10 || r[0].Attempts != 20 || r[0].Longest != 39*time.Second || r[0].Called.Hi > 0.169 || r[1].Called.Lo < 0.83 {
		t.Errorf("%+v", r)
	}
	s, ok := Recommend(attempts, 5*time.Minute)
	if !ok || s.Threshold != 0.02 || s.Rules[0].Threshold != 0.02 || s.Until != 0.01 || s.Trials != 63 {
		t.Errorf("%+v, %v", s, ok)
	}
	attempts[1].Outcome = Fail
	if s, ok = Recommend(attempts, 5*time.Minute); !ok || s.Threshold != 0.03 || s.Why != "there was a false alarm" {
		t.Errorf("after a false alarm: %+v, %v", s, ok)
	}
	if _, ok = Recommend(attempts, time.Second); ok {
		t.Error("settings for a second")
	}
}
