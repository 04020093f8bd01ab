package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

// The placements of server and client.
const (
	Split  = "split"  // on CPUs of their own
	Shared = "shared" // on the same
	Alone  = "alone"  // there is no client
)

// Progress is told before each run of the plan, and with done == of at the end,
// however it came.
type Progress func(done, of int, what string)

type runner struct {
	plan    *result.Plan
	files   supplies // that the plan's workload was supplied with
	hiccups *hiccups // nil: not watched for
}

// Run carries out a plan. It returns what was measured also when ctx ends it
// early (the set is then marked as interrupted) and when a process could not be
// started, with the error.
func Run(ctx context.Context, p *result.Plan, progress Progress) (*result.Set, error) {
	set := &result.Set{Schema: result.Schema, Started: time.Now().UTC(), Env: meter.Environment(), Plan: *p}
	set.Env.Capabilities = Capabilities(backends.Families())
	runs, err := plan.Of(p)
	if err == nil {
		err = carryOut(ctx, set, runs, progress)
	}
	return set, err
}

// carryOut adds to a set what the runs of its plan measure.
func carryOut(ctx context.Context, set *result.Set, runs []plan.Run, progress Progress) error {
	err := run(ctx, set, runs, progress)
	var unique []string // a run that is resumed warns once more
	for _, w := range append(set.Warnings, warmed(set)...) {
		if !slices.Contains(unique, w) {
			unique = append(unique, w)
		}
	}
	set.Warnings = unique
	set.Ended = time.Now().UTC()
	if ctx.Err() != nil {
		set.Interrupted = true
		err = ctx.Err()
	}
	return err
}

func run(ctx context.Context, set *result.Set, runs []plan.Run, progress Progress) (err error) {
	p := &set.Plan
	r := &runner{plan: p}
	defer progress(len(runs), len(runs), "")
	if supply := of(p.Cells[0]).supply; supply != nil {
		progress(0, len(runs), "file")
		var release func()
		if r.files, release, err = supply(ctx, set); err != nil {
			return err
		}
		defer release()
	}
	if set.Floor == nil {
		progress(0, len(runs), "harness floor")
		if set.Floor, err = r.harnessFloor(ctx); err != nil {
			return err
		}
	}
	if err := r.setSpins(ctx, func(what string) { progress(0, len(runs), what) }); err != nil {
		return err
	}
	if r.hiccups, err = watchHiccups(ctx, p); err != nil {
		return err
	}
	defer r.hiccups.stop()
	if p.Search != nil {
		return r.findMax(ctx, set, progress)
	}
	session := 0
	if n := len(set.Trials); n > 0 {
		session = set.Trials[n-1].Session
	}
	for i, one := range runs {
		if i > 0 && one.Block != runs[i-1].Block && settled(set) {
			break
		}
		if now := one.Block / p.Trials; now > session {
			session = now
			progress(i, len(runs), fmt.Sprintf("pause before session %d of %d", session+1, p.Sessions))
			gap := seconds(p.SessionGapSeconds)
			if i == 0 {
				gap -= time.Since(set.Ended) // of the run that is resumed
			}
			if err := pause(ctx, gap); err != nil {
				return err
			}
		}
		progress(i, len(runs), p.Name(one.Cells[0])+" "+p.Cells[one.Cells[0]].Load.String())
		trials, err := r.trial(ctx, one)
		for i := range trials {
			trials[i].Session = session
		}
		disturb(set, trials)
		set.Trials = append(set.Trials, trials...)
		if err != nil {
			set.Interrupted = true
			return err
		}
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// harnessFloor measures the load generator against the null backend, or a server
// that drives itself on it.
func (r *runner) harnessFloor(ctx context.Context) (*result.Floor, error) {
	if _, err := backends.Lookup("null"); err != nil {
		return nil, err
	}
	cell := r.plan.Cells[0]
	if of(cell).floor == nil {
		return nil, nil
	}
	drives := of(cell).drives()
	cell = of(cell).floor(cell)
	cell.Contestant = "null"
	c := &contestant{cell: cell}
	defer c.stop()
	p := *r.plan
	p.Client = "null"
	ctx, cancel := context.WithTimeout(ctx, DefaultPatience)
	defer cancel()
	if !drives {
		if err := c.startOwn(ctx, &p); err != nil {
			return nil, err
		}
	}
	if err := c.connect(ctx, &p); err != nil {
		return nil, err
	}
	// No longer than a trial, and that is long enough for millions of messages.
	warmup, window := min(seconds(p.WarmupSeconds), 100*time.Millisecond), min(seconds(p.DurationSeconds), 400*time.Millisecond)
	m, err := r.window(ctx, []*contestant{c}, warmup, window)
	if err != nil {
		return nil, err
	}
	report, err := c.endLoad(ctx, nil) // null has no sockets to hang up
	if err != nil {
		return nil, err
	}
	used := m.clients[0]
	if !drives {
		used = m.servers[0]
	}
	return &result.Floor{
		Seconds:    window.Seconds(),
		Messages:   report.Messages,
		CPUSeconds: used.CPUSeconds / used.Seconds * window.Seconds(),
	}, nil
}

// errEnded is why a trial is void when one of its processes was lost.
type errEnded struct{ why string }

func (e errEnded) Error() string { return e.why }

func isVoid(err error) bool {
	var e errEnded
	return errors.As(err, &e)
}

func ended(format string, args ...any) error { return errEnded{fmt.Sprintf(format, args...)} }
