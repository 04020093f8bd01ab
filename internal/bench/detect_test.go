package bench

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/internal/testenv"
)

var attempts = flag.Int("attempts", 3, "with -long, how often a known difference of each size is to be found")

// A server that is slower by a known share is found to be slower by a duet, and
// the interval holds by how much, in so many of the attempts, each of seven minutes.
func TestKnownDifferenceIsFound(t *testing.T) {
	testenv.Long(t)
	const covered = 0.9
	for _, c := range []struct {
		percent  int
		length   time.Duration
		detected float64
	}{{2, 5 * time.Minute, 0.9}, {5, time.Minute, 0.95}, {10, time.Minute, 0.99}} {
		t.Run(fmt.Sprintf("%d%%", c.percent), func(t *testing.T) {
			missed, outside := 0, 0
			for i := range *attempts {
				e, truth := attempt(t, c.percent, c.length, uint64(i+1))
				t.Logf("slower by %.2f %%: found %.2f %%, %.2f to %.2f %%, from %d pairs", 100*(truth-1), 100*(e.Center-1), 100*(e.Lo-1), 100*(e.Hi-1), e.Pairs)
				if !(e.Lo > 1) {
					missed++
				}
				if !(e.Lo <= truth && truth <= e.Hi) {
					outside++
				}
			}
			t.Logf("of %d attempts of %v, %d found it and %d have the truth in the interval", *attempts, c.length, *attempts-missed, *attempts-outside)
			if missed > 0 && atLeast(missed, *attempts, 1-c.detected) < 0.0005 {
				t.Errorf("%d of %d attempts missed it; of %.0f %% it is to be found", missed, *attempts, 100*c.detected)
			}
			if outside > 0 && atLeast(outside, *attempts, 1-covered) < 0.0005 {
				t.Errorf("in %d of %d attempts the truth is outside the interval; in %.0f %% it is to be within", outside, *attempts, 100*covered)
			}
		})
	}
}

// knownRate is in messages a second, by Poisson arrivals: so few that one seldom comes
// while the server spins, which saves it from being woken, so that what is spun is what a
// message costs more. See doc/gate.md.
const knownRate = 2_000

// attempt is what a duet of that length finds of a server that is slower by so
// much, and the truth: 1 and what was spun for a message, as a share of what the
// other server used for one.
func attempt(t *testing.T, percent int, length time.Duration, seed uint64) (e stat.Effect, truth float64) {
	t.Helper()
	o := options("epoll")
	o.echo().Conns, o.echo().Rates, o.Slow = []int{64}, []float64{knownRate}, []string{fmt.Sprintf("epoll=%d%%", percent)}
	o.echo().Arrivals = string(load.Poisson)
	o.Duet, o.Seed, o.Duration, o.Warmup = true, seed, 500*time.Millisecond, 200*time.Millisecond
	one, err := Estimate(planOf(t, o))
	if err != nil {
		t.Fatal(err)
	}
	o.Trials = 2
	two, err := Estimate(planOf(t, o))
	if err != nil {
		t.Fatal(err)
	}
	pair := two - one
	o.Trials = max(2, int((length-(one-pair))/pair)-spinTrials)
	ctx, cancel := context.WithTimeout(t.Context(), 3*length+time.Minute)
	defer cancel()
	set, err := Run(ctx, planOf(t, o), silent, nil)
	if err != nil {
		t.Fatal(err)
	}
	pairs := set.PairsOf(result.Match{A: 1, B: 0})
	e = stat.Compare(result.Figures(pairs, (*result.Trial).ServerCPUPerMessage)...)
	var base, spun []float64
	for _, p := range pairs[0] {
		base = append(base, p.B.ServerCPUPerMessage())
		spun = append(spun, p.A.SpunPerMessage())
	}
	return e, 1 + stat.Median(spun).Center/stat.Median(base).Center
}
