package gate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
)

// A Rule is on one metric of some cells.
type Rule struct {
	Metric compare.Metric `json:"metric"`
	// Threshold is by what fraction head may be worse. It is not for a counter that
	// is exact, which may not be worse at all.
	Threshold float64 `json:"threshold,omitempty"`
	// Exact: the rule is for counters that are exact, in base at least; of others it
	// says nothing.
	Exact bool `json:"exact,omitempty"`
	// Advice alone: a regression is reported, and passes.
	Advice bool `json:"advice,omitempty"`
	// Optional: where nothing that was measured falls under the rule, it is left out.
	Optional bool `json:"optional,omitempty"`
	// Contestants and Loads, if given, are patterns on names, in which * stands for
	// anything: any one of each has to match.
	Contestants []string `json:"contestants,omitempty"`
	Loads       []string `json:"loads,omitempty"`
}

// DefaultRules hold where nobody gives any: CPU, and what a program's calls are where
// they are exact. The p99 at a fixed rate, and throughput where there is none, are
// advice, as on a shared machine they are mostly its neighbours'.
func DefaultRules() []Rule {
	return []Rule{
		{Metric: compare.CPU, Threshold: 0.01},
		{Metric: compare.Syscalls, Exact: true, Optional: true},
		{Metric: compare.CQEs, Exact: true, Optional: true},
		{Metric: compare.Submissions, Exact: true, Optional: true},
		{Metric: compare.Copies, Exact: true, Optional: true},
		{Metric: compare.Allocations, Exact: true, Optional: true},
		{Metric: compare.P99, Threshold: 0.1, Advice: true, Optional: true, Loads: []string{"*open loop*"}},
		{Metric: compare.Throughput, Threshold: 0.05, Advice: true, Optional: true, Loads: []string{"*closed loop*"}},
	}
}

// covers reports whether a finding falls under r.
func (r *Rule) covers(f *compare.Finding) bool {
	return f.Metric == r.Metric && (f.Exact || f.Lost || !r.Exact) && r.On(f.Contestant, f.Load)
}

// On reports whether the rule is on a head of that name under that load.
func (r *Rule) On(contestant string, l result.Load) bool {
	return r.OnContestant(contestant) && matches(r.Loads, l.String())
}

// OnContestant reports whether the rule is on a head of that name.
func (r *Rule) OnContestant(name string) bool { return matches(r.Contestants, name) }

// CPUThreshold is the least by which rules decide on a head's CPU, where besides that
// only exact counters decide: then a measurement need not go on when it is plain on
// which side of it CPU lies. Else it is 0.
func CPUThreshold(rules []Rule, head result.Cell) (least float64) {
	for i := range rules {
		r := &rules[i]
		switch {
		case r.Advice || r.Exact || !r.On(head.Contestant, head.Load):
		case r.Metric != compare.CPU:
			return 0
		case least == 0 || r.Threshold < least:
			least = r.Threshold
		}
	}
	return least
}

func matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(flat(p), flat(name))
		return err == nil && ok
	})
}

// flat is s without what path.Match stops at.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// String names the rule.
func (r *Rule) String() string {
	s := string(r.Metric)
	if r.Exact {
		s += ", where it is exact"
	}
	for _, of := range []struct {
		what string
		list []string
	}{{"contestants", r.Contestants}, {"loads", r.Loads}} {
		if len(of.list) > 0 {
			s += fmt.Sprintf(", %s %s", of.what, strings.Join(of.list, " or "))
		}
	}
	return s
}

// OnlyCalls reports whether rules ask for nothing but what programs call, under
// whatever load.
func OnlyCalls(rules []Rule) bool {
	return !slices.ContainsFunc(rules, func(r Rule) bool { return !r.Metric.Counter() || len(r.Loads) > 0 })
}
