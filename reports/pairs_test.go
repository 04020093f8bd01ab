package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// newDuet is uring against epoll at 64 connections. In pair number i uring is
// faster by up[i]; it always takes 0.95 of epoll's CPU a message.
func newDuet(up ...float64) *result.Set {
	s := newSet(1, 64)
	s.Plan.Duet, s.Plan.Grouping, s.Plan.Placement = true, "autogroup", "shared"
	s.Plan.Cells, s.Plan.Trials = s.Plan.Cells[:2], len(up)
	s.Trials = nil
	epoll := profiles[1]
	for i, x := range up {
		uring := profiles[0]
		uring.rate, uring.cpu, uring.p50 = epoll.rate*x, epoll.cpu*0.95, epoll.p50/2
		for cell, p := range []profile{uring, epoll} {
			t := newTrial(p, 64, 0)
			t.Cell, t.Block, t.Order, t.Pair, t.First = cell, i, 2*i+cell, i+1, cell == i%2
			s.Trials = append(s.Trials, t)
		}
	}
	return s
}

func duet(t *testing.T, s *result.Set) string {
	t.Helper()
	var b bytes.Buffer
	if err := drawAll(&b, inOrder(s, nil, loadsMost)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDuetGolden(t *testing.T) {
	golden(t, "comparison.txt", duet(t, newDuet(1.03, 1.05, 1.01, 1.04, 1.02)))
}

func TestDuetFigures(t *testing.T) {
	// By hand: ratios 1.1, 1.21 and 1.331 have the geometric mean 1.21; their logs
	// have a standard deviation of 0.09531, so the interval is 1.21 times or through
	// exp(4.3027 × 0.09531/√3) = 1.2672.
	out := duet(t, newDuet(1.1, 1.21, 1.331))
	for _, want := range []string{"uring / epoll", "1.210  0.955 to 1.533", "0.950  0.950 to 0.950", "relative under contention", "autogroup", "5.0 % less CPU a message", "throughput: no difference detectable"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A ratio that not every pair has says how many it is over.
func TestDuetOfFewerPairs(t *testing.T) {
	s := newDuet(1.03, 1.05, 1.01)
	few := newHistogram(1e5, 900) // p99 takes 1,000
	s.Trials[2].Service = few
	out := strings.Join(strings.Fields(duet(t, s)), " ")
	if !strings.Contains(out, "p99 of uring / epoll is over 2 of 3 pairs") || strings.Contains(out, "CPU/msg of") {
		t.Errorf("p99 is over two pairs, all else over three:\n%s", out)
	}
}

func TestDuetOfUnequalThreadsWithoutGroups(t *testing.T) {
	s := newDuet(1.03, 1.05)
	s.Plan.Grouping = "none"
	if out := duet(t, s); strings.Contains(out, "threads against") {
		t.Errorf("6 threads against 6 are comparable:\n%s", out)
	}
	s.Trials[2].Server.Threads = 70
	out := strings.Join(strings.Fields(duet(t, s)), " ")
	for _, want := range []string{"throughput: no verdict", "70 threads against 6", "0.950"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "1.040") {
		t.Errorf("the throughput ratio is printed:\n%s", out)
	}
	s.Plan.Grouping = "cgroup"
	if out := duet(t, s); strings.Contains(out, "threads against") {
		t.Errorf("groups make any number of threads comparable:\n%s", out)
	}
}

func TestDuetIsPartOfTheTable(t *testing.T) {
	out := table(t, newDuet(1.03, 1.05))
	if d, f := strings.Index(out, "uring / epoll"), strings.Index(out, "messages/s"); d < 0 || f < d {
		t.Errorf("the comparison does not come first:\n%s", out)
	}
	if strings.Contains(out, "13,623") {
		t.Errorf("the machine's CPU, which is of both, is charged to one:\n%s", out)
	}
	void := newDuet(1.03)
	void.Trials[0].Void = "server died"
	if out := table(t, void); strings.Contains(out, "uring / epoll") {
		t.Errorf("a ratio of a void pair:\n%s", out)
	}
	aa := newDuet(1.03, 1.05)
	aa.Plan.Cells[1].Contestant = "uring"
	if out := table(t, aa); !strings.Contains(out, "uring #1 / uring #2") {
		t.Errorf("A/A is not told apart:\n%s", out)
	}
}
