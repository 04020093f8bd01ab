package bench

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/result"
)

// What confirms a head has its base, and that base beside itself, and nothing else.
func TestConfirming(t *testing.T) {
	var p result.Plan
	for _, name := range []string{"uring", "epoll"} {
		pairUp(&p, result.Cell{Contestant: name + " (base)", Backend: name}, result.Cell{Contestant: name, Backend: name}, true)
	}
	one := confirming(&p, []result.Cell{{Contestant: "epoll"}})
	var names []string
	for _, c := range one.Cells {
		names = append(names, c.Contestant)
	}
	if want := []string{"epoll (base)", "epoll", "epoll (base)" + again}; !slices.Equal(names, want) {
		t.Errorf("cells %q, want %q", names, want)
	}
	if len(one.Matches) != 2 || !one.Matches[0].Same || one.Matches[1].Same || one.Matches[1].A != 1 {
		t.Errorf("matches %+v", one.Matches)
	}
	if len(p.Cells) != 6 || len(p.Matches) != 4 {
		t.Errorf("the plan has now %d cells and %d matches", len(p.Cells), len(p.Matches))
	}
	if none := confirming(&p, []result.Cell{{Contestant: "net"}}); len(none.Cells) != 0 {
		t.Errorf("of what is not there: %+v", none.Cells)
	}
}

// A round rate, so that what differs a little from day to day is the same load.
func TestPaced(t *testing.T) {
	for answered, want := range map[float64]float64{
		1: 0, 2.3: 1, 10: 4, 14.3: 6, 23: 10, 88_000: 30_000, 89_000: 40_000, 111_000: 40_000, 1e7: 4e6,
		math.NaN(): 0, math.Inf(-1): 0, 0: 0,
	} {
		if got := paced(answered); got != want {
			t.Errorf("of %v: %v, want %v", answered, got, want)
		}
	}
}

// A rule that nothing to be measured falls under is told as soon as that is plain: of a
// load that has no rate yet, when it has.
func TestRulesAreCovered(t *testing.T) {
	for _, c := range []struct {
		rule  gate.Rule
		paced bool
		rate  float64
		want  string
	}{
		{gate.Rule{}, false, 0, ""},
		{gate.Rule{Contestants: []string{"net"}}, false, 0, "no contestant has such a name here, where they are epoll; correct"},
		{gate.Rule{Contestants: []string{"net"}}, true, 0, "no contestant has such a name"},
		{gate.Rule{Contestants: []string{"net"}, Optional: true}, false, 0, ""},
		{gate.Rule{Loads: []string{"*closed loop"}}, false, 0, ""},
		{gate.Rule{Loads: []string{"*open loop*"}}, false, 0, "no load has such a name here, where they are tcp, 8 connections × 64 B, closed loop; correct"},
		{gate.Rule{Loads: []string{"*open loop*"}, Optional: true}, false, 0, ""},
		{gate.Rule{Loads: []string{"*1 connection *"}}, false, 0, "where they are tcp, 8 connections × 64 B, closed loop"},
		{gate.Rule{Loads: []string{"*1 connection *"}, Metric: compare.Syscalls}, false, 0, ""},
		{gate.Rule{Loads: []string{"*at 7000 messages/s"}}, true, 0, ""},
		{gate.Rule{Loads: []string{"*at 7000 messages/s"}}, true, 7000, ""},
		{gate.Rule{Loads: []string{"*at 7000 messages/s"}}, true, 5000, "where they are tcp, 8 connections × 64 B, open loop at 5000 messages/s"},
	} {
		c.rule.Metric = cmp.Or(c.rule.Metric, compare.CPU)
		g := Gate{Rules: []gate.Rule{c.rule}, Paced: c.paced, load: &result.Plan{}, calls: &result.Plan{}}
		l := result.Load{Network: "tcp", Conns: 8, Size: 64, Rate: c.rate}
		pairUp(g.load, result.Cell{Contestant: "epoll (base)", Load: l}, result.Cell{Contestant: "epoll", Load: l}, true)
		l.Conns, l.Rate = 1, 0
		pairUp(g.calls, result.Cell{Contestant: "epoll (base)", Load: l}, result.Cell{Contestant: "epoll", Load: l}, false)
		if err := g.covered(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, rate %v: %v, want %q", &c.rule, c.rate, err, c.want)
		}
	}
}
