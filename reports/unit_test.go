package reports

import (
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
