package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/workloads"
)

// Limits of how much a server is slowed.
const (
	maxSlowShare = 10
	maxSlowNanos = 1e9
)

// slower is one of the cells again, slowed as NAME=5% or NAME=400ns asks.
func slower(s string, cells []result.Cell) (c result.Cell, err error) {
	at := max(strings.LastIndexByte(s, '='), 0) // a variant's name may have one too
	name, by := s[:at], strings.TrimPrefix(s[at:], "=")
	i := slices.IndexFunc(cells, func(c result.Cell) bool { return c.Backend != "" && c.Contestant == name })
	if i < 0 {
		return c, fmt.Errorf("--slow=%s: no server of ours of that name takes part; name it with --backend too", s)
	}
	c = cells[i]
	percent, isShare := strings.CutSuffix(by, "%")
	if isShare {
		p, err := strconv.ParseFloat(percent, 64)
		if c.SlowShare = p / 100; err != nil || !(c.SlowShare > 0 && c.SlowShare <= maxSlowShare) {
			return c, fmt.Errorf("--slow=%s: %q is no share above 0 and up to %d%%", s, by, 100*maxSlowShare)
		}
		c.Contestant += fmt.Sprintf(" (slowed %g %%)", p)
		return c, nil
	}
	d, err := time.ParseDuration(by)
	if err != nil || d <= 0 || d > maxSlowNanos {
		return c, fmt.Errorf("--slow=%s must be NAME=SHARE, such as epoll=5%%, or NAME=TIME, such as epoll=400ns, above 0 and up to %v", s, time.Duration(maxSlowNanos))
	}
	c.SpinNanos = float64(d)
	c.Contestant += fmt.Sprintf(" (slowed %d ns)", d)
	return c, nil
}

// spinTrials is in how many trials at least it is found out what a message costs.
const spinTrials = 3

// setSpins measures what a message costs the servers of which others are to be
// slower by a share, in the same form as the trials will be, and sets SpinNanos of
// those cells.
func (r *runner) setSpins(ctx context.Context, progress func(what string)) error {
	cells := slices.Clone(r.plan.Cells) // the caller's
	for i := range cells {
		c := &cells[i]
		if c.SlowShare == 0 || c.SpinNanos > 0 {
			continue
		}
		same := slices.IndexFunc(cells, func(o result.Cell) bool {
			return o.Backend == c.Backend && o.Load == c.Load && o.SlowShare == 0 && o.SpinNanos == 0
		})
		if same < 0 {
			return fmt.Errorf("%s: %s, which it is to be compared with, does not take part", c.Contestant, c.Backend)
		}
		progress("CPU a message of " + c.Backend)
		cost, err := r.costs(ctx, same)
		if err != nil {
			return fmt.Errorf("measure what a message costs %s: %w", c.Backend, err)
		}
		c.SpinNanos = c.SlowShare * cost
	}
	r.plan.Cells = cells
	return nil
}

// costs is the median of the CPU that a message costs the server of a cell, in ns;
// for a duet beside itself.
func (r *runner) costs(ctx context.Context, cell int) (float64, error) {
	one := plan.Run{Cells: []int{cell}}
	if r.plan.Duet {
		one.Cells = []int{cell, cell}
	}
	var found []float64
	for try := 0; len(found) < spinTrials && try < 5*spinTrials; try++ { // on a busy machine a short window may have no answer
		trials, err := r.trial(ctx, one)
		if err != nil {
			return 0, err
		}
		for i := range trials {
			if trials[i].Void != "" {
				return 0, errors.New(trials[i].Void)
			}
			if cost := trials[i].ServerCPUPerMessage(); cost > 0 {
				found = append(found, cost)
			}
		}
	}
	cost := stat.Median(found).Center
	if !(cost > 0) {
		return 0, fmt.Errorf("no message was answered in %v", seconds(r.plan.DurationSeconds))
	}
	return cost, nil
}

// slowedError is how far what was spun may be off.
const slowedError = 0.01

// slowed is what the server has spun in the load that has ended; nil where it does
// not. It is an error when that is not what was asked for.
func (c *contestant) slowed(ctx context.Context) (*result.Slowed, error) {
	if c.cell.SpinNanos == 0 {
		return nil, nil
	}
	var s result.Slowed
	if err := c.server.Call(ctx, "slowed", nil, &s); err != nil {
		return nil, ctxOr(ctx, ended("%v", err))
	}
	asked := s.Messages * c.cell.SpinNanos / 1e9
	// What each loop owes still: less than makes it spin, and a batch.
	owed := float64(c.cell.Loops+c.cell.Conns)*workloads.SlowQuantum.Seconds() + float64(c.cell.Conns*c.cell.Pipeline)*c.cell.SpinNanos/1e9
	if math.Abs(s.CPUSeconds-asked) > slowedError*asked+owed {
		return nil, ended("%s was to spin for %.6f s over %.0f messages and has for %.6f s", c.cell.Contestant, asked, s.Messages, s.CPUSeconds)
	}
	return &s, nil
}
