package reports

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// newSearch is uring at 100,000 messages/s, which it sustains, and at 120,000,
// and epoll, which sustains nothing that was tried.
func newSearch() *result.Set {
	s := newSet(3, 64, 64)
	s.Plan.Purpose = result.PurposeMaximum
	s.Plan.Search = &result.Search{Objectives: []result.Objective{{Percentile: 99, Below: 1.8e-3}}, AnsweredShare: 0.99, BracketRatio: 1.05}
	load := s.Plan.Cells[0].Load
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Rate = []float64{120_000, 100_000}[i/len(profiles)]
	}
	for i := range s.Trials {
		t := &s.Trials[i]
		h := t.Service
		t.Response, t.Offered = &h, t.Messages
		if t.Cell == 0 {
			t.Offered = 120_000 // of 118,000 in the median
		}
	}
	s.Found = []result.Found{
		{Contestant: "uring", Load: load, Sustained: len(profiles), Failed: 0},
		{Contestant: "epoll", Load: load, Sustained: -1, Failed: 1, Unfinished: "it was ended early"},
	}
	return s
}

func TestTableOfASearch(t *testing.T) {
	s := newSearch()
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{
		"tcp, 64 connections × 64 B: highest rate with p99<1.8ms contestant sustained/s not sustained/s missed there",
		"uring 100,000 120,000 98.3 % answered",
		"epoll – 120,000 p99 1.91 ms",
		"epoll: the search is not finished: it was ended early",
		"uring 100,000 118,000", "epoll 100,000 109,000",
		"at least 99 % of what was offered",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "overload:") {
		t.Error("what was looked for is said to be an overload")
	}
	if got := maximumVerdicts(s)[0]; got != "uring (tcp, 64 connections × 64 B): 100,000 messages/s sustained with p99<1.8ms, 120,000 not (98.3 % answered)" {
		t.Error(got)
	}
	s.Trials = nil // an interrupted one
	table(t, s)
}
