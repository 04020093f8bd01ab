package reports

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// A report of a workload that is not counted in messages does not speak of any.
func TestReportsNameTheUnit(t *testing.T) {
	solo, pair, ablation := newSet(2, 1, 64), newDuet(1.03, 1.05), newSet(2, 64)
	ablation.Plan.Purpose = result.PurposeAblation
	ablation.Plan.Duet, ablation.Plan.Matches = true, []result.Match{{A: 0, B: 1, Label: "x"}}
	for i := range ablation.Trials {
		ablation.Trials[i].Pair = 1 + ablation.Trials[i].Block
	}
	ablation.Trials = ablation.Trials[:2]
	for _, s := range []*result.Set{solo, pair, ablation} {
		for i := range s.Plan.Cells {
			s.Plan.Cells[i].Workload = "churn"
		}
		s.Plan.Cells[1].Rate = 200_000
		s.Trials[0].Unserved = 1
		s.Trials[0].Client.SpinSeconds = 0.1
		var page strings.Builder
		if err := HTML(&page, s); err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(page.String(), "<script")
		for _, out := range []string{table(t, s), text} {
			for _, line := range strings.Split(out, "\n") {
				if strings.Contains(line, "message") || strings.Contains(line, "msg") {
					t.Errorf("%q", line)
				}
			}
			if !strings.Contains(out, "connections/s") && s != ablation || !strings.Contains(out, "a connection") {
				t.Errorf("no connections in\n%s", out)
			}
		}
	}
}

// A table of short connections has their requests where they are several.
func TestTableOfShortConnections(t *testing.T) {
	s := newSet(2, 64)
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Workload, s.Plan.Cells[i].Requests = "churn", 10
	}
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{
		"tcp, 64 connections at a time, 10 requests × 64 B each, closed loop",
		"contestant connections ± % requests/s p50",
		"119,180 1.0 1,191,800",
		"no_bufs 24 (0.001 a connection)", // 12 in each of two trials, of a tenth as many connections as messages
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Requests = 1
	}
	if out := table(t, s); strings.Contains(out, "requests/s") || !strings.Contains(out, "1 request × 64 B each") {
		t.Errorf("requests a second are connections a second:\n%s", out)
	}
}

// What idle connections take has a table of its own, which says what was not had.
func TestTableOfIdleConnections(t *testing.T) {
	s := newSet(2, 64)
	if out := table(t, s); strings.Contains(out, "idle connections") {
		t.Errorf("there are none:\n%s", out)
	}
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Idle = 10_000
	}
	kib := func(n int64) *int64 { n *= 1024; return &n }
	for i := range s.Trials {
		m := &result.IdleMemory{Connections: 10_000, User: kib(15_000), Kernel: kib(90_000), Source: "objects by /proc/slabinfo"}
		if s.Trials[i].Cell == 3 {
			m.User = nil
		}
		if s.Trials[i].Cell == 2 {
			m = nil
		}
		s.Trials[i].Idle = m
	}
	out := strings.Join(strings.Fields(table(t, s)), " ")
	for _, want := range []string{"64 connections × 64 B and 10000 idle", "uring 10,000 1.50 9.00 2", "threadpool 10,000 – – 2", "net 10,000 – 9.00 2", "objects by /proc/slabinfo"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// The size in a title is that of a message, whatever a unit is made of, and of a
// file; loads of a proxy are told apart.
func TestSizesInTitles(t *testing.T) {
	for _, x := range []struct {
		load       result.Load
		want, name string
	}{
		{result.Load{Workload: "proxy", Mode: "request", Size: 64}, "64 B", "7 × 64 B, request"},
		{result.Load{Workload: "proxy", Mode: "stream", Direction: "both", Size: 64}, "64 B", "7 × 64 B, both"},
		{result.Load{Workload: "churn", Requests: 10, Size: 64}, "64 B", "7 × 64 B"},
		{result.Load{Workload: "stream", FileBytes: 1 << 20, Buffer: 4096}, "1 MiB", "7 × 1 MiB"},
		{result.Load{Workload: "stream", FileBytes: 1 << 20, Buffer: 4096, Protocol: "http", Requests: 3}, "1 MiB", "7 × 1 MiB"},
		{result.Load{Workload: "echo", Size: 4096}, "4096 B", "7 × 4096 B"}, // as its name, tcp, 7 connections × 4096 B, has it
		{result.Load{Workload: "echo", Size: 64, Sizes: "8:1,64:1"}, "(8:1,64:1) B", "7 × (8:1,64:1) B"},
	} {
		x.load.Conns = 7
		if parts := loadParts(x.load); !slices.Contains(parts, x.want) {
			t.Errorf("%+v: %q", x.load, parts)
		}
		if got := (effect{load: x.load}).name(&result.Set{Plan: result.Plan{Purpose: result.PurposeCalibration}}); got != x.name {
			t.Errorf("%+v: %q, not %q", x.load, got, x.name)
		}
	}
	if got := (effect{load: result.Load{Op: "read", Depth: 7, Size: 4096}}).name(&result.Set{Plan: result.Plan{Purpose: result.PurposeCalibration}}); got != "7 × 4 KiB" {
		t.Errorf("of a file: %q", got)
	}
}
