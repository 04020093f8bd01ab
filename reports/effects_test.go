package reports

import (
	"math"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/page/pagetest"
)

// A contest is a match: in pair i A takes cpu[i] of B's CPU a message, and is
// slower by as much; under each further load by 1 % more.
type contest struct {
	a, b  int
	label string
	cpu   []float64
	apart bool
	same  bool
}

// newContests makes a set of duets of the named contestants under each number of
// connections; contests name cells of the first load and are repeated for the
// others.
func newContests(purpose string, conns []int, names []string, contests ...contest) *result.Set {
	s := newSet(0, 64)
	p := &s.Plan
	p.Duet, p.Grouping, p.Placement, p.Purpose, p.Cells = true, "autogroup", "split", purpose, nil
	p.Trials = len(contests[0].cpu)
	pair := 0
	for i, n := range conns {
		for _, name := range names {
			c := result.Cell{Contestant: name, Load: result.Load{Network: "tcp", Conns: n, Size: 64, Pipeline: 1}, Loops: 1}
			if name, isC := strings.CutPrefix(name, "c-"); isC {
				c.Command = "/tmp/" + name + " {port} 4096"
			} else {
				c.Backend = strings.TrimSuffix(name, " again")
			}
			p.Cells = append(p.Cells, c)
		}
		for _, c := range contests {
			m := result.Match{A: c.a + i*len(names), B: c.b + i*len(names), Label: c.label, Apart: c.apart, Same: c.same}
			p.Matches = append(p.Matches, m)
			for block, x := range c.cpu {
				pair++
				x *= 1 + float64(i)/100
				for cell, ratio := range map[int]float64{m.A: x, m.B: 1} {
					made := profile{rate: 1e5 / ratio, cpu: 8e-6 * ratio, p50: 5e5 * ratio, threads: 6}
					t := newTrial(made, 64, 0)
					t.Cell, t.Block, t.Pair = cell, block, pair
					if be := p.Cells[cell].Backend; be != "" {
						t.Features = []string{be}
					}
					s.Trials = append(s.Trials, t)
				}
			}
		}
	}
	return s
}

func newAblation() *result.Set {
	s := newContests(result.PurposeAblation, []int{64}, []string{"uring", "uring again", "uring-multishot", "uring+coop", "uring+sqpoll"},
		contest{a: 2, b: 0, label: "-multishot", cpu: []float64{1.09, 1.10, 1.11, 1.10}},
		contest{a: 3, b: 0, label: "+coop", cpu: []float64{0.97, 1.03, 1.01, 0.99}},
		contest{a: 4, b: 0, label: "+sqpoll", cpu: []float64{1.4, 1.6, 1.5, 1.5}, apart: true},
		contest{a: 1, b: 0, label: "A/A", cpu: []float64{0.98, 1.02, 1.01, 0.99}, same: true},
	)
	s.Plan.LeftOut = []result.LeftOut{{Contestant: "uring+napi", Why: "loopback has no NAPI id"}}
	return s
}

func TestAblationGolden(t *testing.T) { golden(t, "ablation.txt", table(t, newAblation())) }

func newCalibration() *result.Set {
	s := newContests(result.PurposeCalibration, []int{1, 64, 1000}, []string{"uring", "c-uring", "epoll", "c-epoll", "c-uring again"},
		contest{a: 0, b: 1, label: "Go / C", cpu: []float64{1.01, 1.02, 1.03}},
		contest{a: 2, b: 3, label: "Go / C", cpu: []float64{1.03, 1.04, 1.05}},
		contest{a: 0, b: 2, label: "the suite's own ratio", cpu: []float64{0.9, 0.91, 0.92}},
		contest{a: 1, b: 3, label: "the same ratio in C", cpu: []float64{0.92, 0.9, 0.91}},
		contest{a: 4, b: 1, label: "A/A: the noise", cpu: []float64{0.99, 1, 1.01}, same: true},
	)
	s.Plan.Compiler = "cc -O2 (cc 12.2.0)"
	return s
}

func TestCalibrationGolden(t *testing.T) { golden(t, "calibration.txt", table(t, newCalibration())) }

// The suite's ratio against C's is taken block by block: where both move
// together it stands still, and the interval is narrow.
func TestRatioAgainstC(t *testing.T) {
	s := newContests(result.PurposeCalibration, []int{64}, []string{"uring", "c-uring", "epoll", "c-epoll"},
		contest{a: 0, b: 2, cpu: []float64{0.9, 1.1, 1.3}},
		contest{a: 1, b: 3, cpu: []float64{0.9 / 1.02, 1.1 / 1.02, 1.3 / 1.02}},
	)
	of := against(s, "uring", "epoll")
	if len(of) != 1 {
		t.Fatalf("%d loads, want 1", len(of))
	}
	if e := of[0].cpu; math.Abs(e.Center-1.02) > 1e-4 || e.Hi-e.Lo > 1e-4 || e.Pairs != 3 {
		t.Errorf("%+v, want 1.02 and no spread", e)
	}
}

// The sessions of a plan are told apart.
func TestIntervalOverSessions(t *testing.T) {
	s := newContests(result.PurposeAblation, []int{64}, []string{"uring", "uring-defer"}, contest{a: 1, b: 0, label: "-defer", cpu: []float64{1.09, 1.11, 1.05, 1.07}})
	if out := table(t, s); !strings.Contains(out, "pairs of one session") || strings.Contains(out, "none detectable") {
		t.Errorf("of one session:\n%s", out)
	}
	s.Plan.Trials, s.Plan.Sessions, s.Plan.SessionGapSeconds = 2, 2, 60
	for i := range s.Trials {
		s.Trials[i].Session = s.Trials[i].Block / 2
	}
	if out := table(t, s); !strings.Contains(out, "means of 2 sessions 60 s apart") || !strings.Contains(out, "none detectable") {
		t.Errorf("of two sessions, which differ by more than they have in common:\n%s", out)
	}
}

// A verdict that is withheld is not one that there is no difference.
func TestAblationWithoutVerdict(t *testing.T) {
	s := newAblation()
	for i := range s.Trials {
		if tr := &s.Trials[i]; tr.Cell == 2 { // -multishot
			tr.Disturbed = "steal took 9 %"
		}
	}
	out := table(t, s) + strings.Join(Document(s).Verdicts, "\n")
	for _, want := range []string{"-multishot       no verdict ", "no verdict on -multishot: 4 of 4 pairs were disturbed", "-multishot (tcp, 64 connections × 64 B, closed loop): CPU a message: no verdict, 4 of 4"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestEffectNotes(t *testing.T) {
	s := newAblation()
	s.Plan.Matches[1].Same = true // coop, which then stands for an A/A pair without a difference
	for i := range s.Trials {
		switch tr := &s.Trials[i]; tr.Cell {
		case 2: // -multishot
			tr.Features = []string{"uring"}
		case 1: // A/A
			tr.Server.CPUSeconds *= 1.5
		}
	}
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{
		"uring-multishot ran with the very features of uring: it says nothing of -multishot",
		"uring again shows a difference although it is uring",
		"not measured: uring+napi: loopback has no NAPI id",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "uring+coop shows a difference") {
		t.Errorf("a difference is seen that is none:\n%s", out)
	}
	s.Plan.Grouping = "none"
	s.Trials[0].Server.Threads = 70
	if out := table(t, s); !strings.Contains(out, "not comparable: no scheduling groups") {
		t.Errorf("throughput of unequal threads is printed:\n%s", out)
	}
}

// Nothing measured, or voids only, is said and not computed.
func TestEffectsOfNothing(t *testing.T) {
	for _, s := range []*result.Set{newAblation(), newCalibration()} {
		for i := range s.Trials {
			s.Trials[i].Void = "server died"
		}
		if out := table(t, s); strings.Contains(out, "NaN") || strings.Contains(out, "no difference") || !strings.Contains(out, none) {
			t.Errorf("of void trials:\n%s", out)
		}
		s.Trials = nil
		if out := table(t, s); strings.Contains(out, "NaN") {
			t.Errorf("of no trials:\n%s", out)
		}
		if strings.Contains(pagetest.Legible(pageOf(t, s)), "NaN") {
			t.Error("the page of no trials has what is no number")
		}
	}
}

// Two pairs that disagree have intervals that would not fit the terminal.
func TestEffectsBeyondPrint(t *testing.T) {
	for got, want := range map[string]string{
		signed(1.5):  "+50.0",
		signed(1e12): "more than +9900",
		number(1.5):  "1.500",
		number(1e12): "above 100",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSignedChange(t *testing.T) {
	for ratio, want := range map[float64]string{1: "0.0", 0.9996: "0.0", 1.0004: "0.0", 0.9994: "-0.1", 1.05: "+5.0", 101: "more than +9900"} {
		if got := signed(ratio); got != want {
			t.Errorf("%v: %q, not %q", ratio, got, want)
		}
	}
}
