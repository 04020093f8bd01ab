package reports

import (
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// At the top stands in two sentences what the verdicts allow, and no more.
func TestLead(t *testing.T) {
	void := newSet(1, 64)
	for i := range void.Trials {
		void.Trials[i].Void = "server died"
	}
	alone := newSet(3, 1, 64)
	alone.Plan.Cells = []result.Cell{alone.Plan.Cells[0], alone.Plan.Cells[4]}
	var trials []result.Trial
	for _, tr := range alone.Trials {
		if tr.Cell%4 == 0 {
			tr.Cell /= 4
			trials = append(trials, tr)
		}
	}
	alone.Trials = trials
	// Under the second load uring takes more, under the third as much, and of the fourth
	// two pairs are left.
	contests := func(loads ...int) *result.Set {
		s := newContests("", loads, []string{"uring", "epoll"}, contest{a: 0, b: 1, cpu: []float64{0.9, 0.902, 0.898, 0.9, 0.9}})
		for i := range s.Trials {
			tr := &s.Trials[i]
			switch {
			case tr.Cell%2 == 1:
			case tr.Cell == 2:
				tr.Server.CPUSeconds *= 1.05 / 0.909
			case tr.Cell == 4:
				tr.Server.CPUSeconds /= 0.918
			case tr.Cell == 6 && tr.Block > 1:
				tr.Void = "server died"
			}
		}
		return s
	}
	few := newAblation()
	for i := range few.Trials {
		if few.Trials[i].Block > 1 {
			few.Trials[i].Void = "server died"
		}
	}
	disturbed := newAblation()
	for i := range disturbed.Trials {
		if disturbed.Trials[i].Cell == 2 {
			disturbed.Trials[i].Disturbed = "steal took 9 %"
		}
	}
	open := newSearch()
	open.Found[0].Failed = -1
	for name, c := range map[string]struct {
		s    *result.Set
		want string
	}{
		"empty":     {&result.Set{}, "Nothing was measured."},
		"all void":  {void, "Nothing was measured."},
		"one trial": {newSet(1, 64), "No verdict: 1 of 1 pairs count, and a verdict takes 3."},
		"alone":     {alone, "Under 2 loads uring 23,600 to 118,000 messages/s at 6,812 ns of server CPU each. Nothing was compared."},
		"one load":  {contests(64), "CPU a message: uring 10 % less than epoll (9.8 to 10 %). Throughput: uring 11 % more than epoll (11 %)."},
		"many loads": {contests(1, 8, 64, 256), "CPU a message: uring against epoll, under 4 loads: less in 1 (10 %), more in 1 (5.0 %), the same within 1.0 % in 1, not told from each other in 1. " +
			"Throughput: uring against epoll, under 4 loads: more in 3 (8.9 to 11 %), not told from each other in 1."},
		"ablation": {newAblation(), "CPU a message, against the default: of 3 features 2 take more, most of all +sqpoll (+49.8 %); none takes less. Of 1 no difference was found."},
		"too few":  {few, "No verdict: 2 of 4 pairs count, and a verdict takes 3."},
		"calibration": {newCalibration(), "CPU a message, median of 3 loads: uring / c-uring 1.030, epoll / c-epoll 1.050. " +
			"Against each other: uring / epoll 0.919, c-uring / c-epoll 0.919."},
		"ablation without a verdict": {disturbed, "CPU a message, against the default: of 3 features 1 takes more, most of all +sqpoll (+49.8 %); none takes less. Of 1 no difference was found, of 1 there is no verdict."},
		"open search":                {open, "Highest messages/s with p99<1.8ms: uring at least 100,000; epoll less than 120,000."},
		"search":                     {newSearch(), "Highest messages/s with p99<1.8ms: uring 100,000; epoll less than 120,000."},
	} {
		if got := lead(c.s, views(c.s), effects(c.s)); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
