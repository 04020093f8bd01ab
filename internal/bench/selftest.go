package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/stat"
)

// SelfTest has a gate decide, attempts times for each slowdown in turn, between a
// server of this program and the same that spins for that share of its CPU a message.
// The sides of g are not used. Each is told after every decision. An error comes with
// the attempts until then.
func SelfTest(ctx context.Context, g Gate, rules []gate.Rule, slowdowns []float64, attempts int, each func(gate.Attempt)) (done []gate.Attempt, err error) {
	if len(g.Backends) != 1 {
		return nil, fmt.Errorf("--self-test slows one server; name one by --backend, such as epoll")
	}
	if attempts < 1 || len(slowdowns) == 0 {
		return nil, errors.New("--self-test takes one attempt or more, of one slowdown or more")
	}
	seed := g.Seed
	for n := range attempts {
		for i, slowdown := range slowdowns {
			one := g
			one.Rules = rules
			one.Seed = seed + uint64(n*len(slowdowns)+i)*2
			one.Base, one.Head = Side{Name: Base}, Side{Name: Head, Slow: slowdown}
			if _, _, err := one.Plan(ctx); err != nil {
				return done, err
			}
			d, runs, err := gate.Decide(ctx, &one, rules, one.Seed)
			if err != nil {
				return done, err
			}
			if d.Outcome == gate.Refused {
				return done, &Refusal{errors.New(d.Advice[0])}
			}
			a := gate.Attempted(slowdown, slowedBy(runs), d)
			done = append(done, a)
			each(a)
		}
	}
	return done, nil
}

// slowedBy is what was spun for a message in the first run, as a share of what one cost
// the server that was not slowed.
func slowedBy(runs []gate.Measured) float64 {
	var spun, base []float64
	for _, m := range runs[0].Plan.Matches {
		if m.Same {
			continue
		}
		for _, p := range slices.Concat(runs[0].PairsOf(m)...) {
			base = append(base, p.B.ServerCPUPerMessage())
			spun = append(spun, p.A.SpunPerMessage())
		}
	}
	by := stat.Median(spun).Center / stat.Median(base).Center
	if math.IsNaN(by) {
		return 0
	}
	return by
}
