package reports

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// Trials that were still warming up are told of; their warm-up itself is not looked
// at.
func TestSteadiness(t *testing.T) {
	series := func(first, rest uint64) *result.Series {
		s := &result.Series{IntervalSeconds: 0.02, WarmUp: 3, Counts: []uint64{0, 1, 50}}
		for i := range uint64(50) {
			level := rest
			if i < 20 {
				level = first
			}
			s.Counts = append(s.Counts, level+i%3)
		}
		return s
	}
	s := newSet(4, 64)
	for i := range s.Trials {
		tr := &s.Trials[i]
		tr.Series = series(1000, 1000)
		if tr.Cell == 1 && tr.Block > 0 {
			tr.Series = series(700, 1000)
		}
	}
	out := strings.Join(strings.Fields(table(t, s)), " ")
	if !strings.Contains(out, "steadiness: epoll (tcp, 64 connections × 64 B, closed loop): 3 of 4 trials not steady within the window (3 warm-up)") || strings.Count(out, "steadiness:") != 1 {
		t.Errorf("three of epoll's trials warmed up:\n%s", out)
	}
	s.Trials[0].Series = &result.Series{WarmUp: 99} // of a damaged file
	_ = table(t, s)
}
