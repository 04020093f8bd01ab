package bench

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/internal/testenv"
)

// An ablation compares the default with itself first. Of many such comparisons
// no more find a difference than one in twenty does by chance.
func TestSameIsNoDifference(t *testing.T) {
	testenv.Long(t)
	b, err := backends.Lookup("uring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	a := Ablation{Options: options(), Backend: "uring"}
	a.echo().Conns, a.echo().Sizes = []int{1, 4, 16, 64, 256}, []int{64, 256, 1024, 4096}
	a.Trials, a.Duration, a.Warmup = 8, 300*time.Millisecond, 100*time.Millisecond
	p, _, err := a.Plan()
	if err != nil {
		t.Fatal(err)
	}
	onlySame(p)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	set, err := Run(ctx, p, silent, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(*result.Trial) float64{"CPU": (*result.Trial).ServerCPUPerMessage, "throughput": (*result.Trial).PerSecond} {
		known, differ := 0, 0
		for _, m := range set.Plan.Matches {
			e := stat.Compare(result.Figures(set.PairsOf(m), f)...)
			if !e.Known() {
				continue
			}
			known++
			if e.Differs() {
				differ++
				t.Logf("%s: %s: %.3f, %.3f to %.3f from %d pairs", name, set.Plan.Cells[m.B].Load, e.Center, e.Lo, e.Hi, e.Pairs)
			}
		}
		t.Logf("%s: %d of %d comparisons find a difference", name, differ, known)
		if known < len(set.Plan.Matches)/2 {
			t.Errorf("%s: %d of %d comparisons have an interval", name, known, len(set.Plan.Matches))
		}
		if differ >= 1 && atLeast(differ, known, 0.05) < 0.0005 {
			t.Errorf("%s: %d of %d comparisons of the default with itself find a difference", name, differ, known)
		}
	}
}

// onlySame leaves a plan what compares a cell with itself.
func onlySame(p *result.Plan) {
	keep := make([]bool, len(p.Cells))
	for _, m := range p.Matches {
		if m.Same {
			keep[m.A], keep[m.B] = true, true
		}
	}
	p.Keep(keep)
}

// atLeast is the chance that k or more of n independent events happen, each of
// chance p.
func atLeast(k, n int, p float64) (sum float64) {
	term := math.Pow(1-p, float64(n)) // of none
	for i := range n + 1 {
		if i >= k {
			sum += term
		}
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
	}
	return sum
}

// The chances are from Python 3.11: sum(comb(20,i)*.05**i*.95**(20-i) for i in range(k,21)).
func TestAtLeast(t *testing.T) {
	for k, want := range map[int]float64{0: 1, 1: 0.6415140775914581, 5: 0.0025739403346522805, 6: 0.0003292943245282764} {
		if got := atLeast(k, 20, 0.05); math.Abs(got-want) > 1e-12 {
			t.Errorf("%d of 20: %v, want %v", k, got, want)
		}
	}
}
