package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// A Step is what is about to be done: a run of the plan, or what comes before the
// first or between two.
type Step struct {
	Done, Of      int // runs
	Block, Blocks int // of the run, from 1; 0: of none, or of how many is not known
	What          string
	Cells         []int         // of the run, as indices into the plan's
	Left          time.Duration // about, until the end of the plan; 0: not known
}

// Progress is told each step before it begins, and with Done == Of at the end,
// however it came: never while a window is measured. The set is as it is so far, and
// is not to be kept.
type Progress func(Step, *result.Set)

// Keep is given what there is of a run whenever a block of it is whole, but for the
// last, so that it survives whatever ends the process. It must not hold on to the
// set. Its error becomes a warning, and it is not called again.
type Keep func(*result.Set) error

type runner struct {
	plan    *result.Plan
	files   supplies // that the plan's workload was supplied with
	hiccups *hiccups // nil: not watched for
}

// Run carries out a plan. It returns what was measured also when ctx ends it
// early (the set is then marked as interrupted) and when a process could not be
// started, with the error. Keep may be nil.
func Run(ctx context.Context, p *result.Plan, progress Progress, keep Keep) (*result.Set, error) {
	return runAfter(ctx, nil, p, progress, keep)
}

// runAfter is Run by a process that knows the harness floor already, unless that is
// nil.
func runAfter(ctx context.Context, floor *result.Floor, p *result.Plan, progress Progress, keep Keep) (*result.Set, error) {
	set := &result.Set{Schema: result.Schema, Started: time.Now().UTC(), Env: meter.Environment(), Plan: *p, Floor: floor}
	set.Env.Capabilities = Capabilities(backends.Families())
	runs, err := plan.Of(p)
	if err == nil {
		err = carryOut(ctx, set, runs, progress, keep)
	}
	return set, err
}

// carryOut adds to a set what the runs of its plan measure.
func carryOut(ctx context.Context, set *result.Set, runs []plan.Run, progress Progress, keep Keep) error {
	err := run(ctx, set, runs, progress, keep)
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

func run(ctx context.Context, set *result.Set, runs []plan.Run, progress Progress, keep Keep) (err error) {
	p := &set.Plan
	r := &runner{plan: p}
	tell := func(s Step) {
		s.Of = len(runs)
		progress(s, set)
	}
	defer tell(Step{Done: len(runs)})
	if supply := of(p.Cells[0]).supply; supply != nil {
		tell(Step{What: "file"})
		var release func()
		if r.files, release, err = supply(ctx, set); err != nil {
			return err
		}
		defer release()
	}
	if set.Floor == nil {
		tell(Step{What: "harness floor"})
		if set.Floor, err = r.harnessFloor(ctx); err != nil {
			return err
		}
	}
	if err := r.setSpins(ctx, func(what string) { tell(Step{What: what}) }); err != nil {
		return err
	}
	if r.hiccups, err = watchHiccups(ctx, p); err != nil {
		return err
	}
	defer r.hiccups.stop()
	if p.Search != nil {
		return r.findMax(ctx, set, progress)
	}
	return r.blocks(ctx, set, runs, tell, keep)
}

// blocks carries out the runs of a plan, session by session.
func (r *runner) blocks(ctx context.Context, set *result.Set, runs []plan.Run, tell func(Step), keep Keep) error {
	p := &set.Plan
	session := 0
	if n := len(set.Trials); n > 0 {
		session = set.Trials[n-1].Session
	}
	gap := seconds(p.SessionGapSeconds)
	blocks := 1 + runs[len(runs)-1].Block
	left := lengthOf(p, runs) + time.Duration(runs[len(runs)-1].Block/p.Trials-session)*gap
	var enough []int // cells
	defer disturb(set)
	for i, one := range runs {
		if i > 0 && one.Block != runs[i-1].Block {
			disturb(set)
			if settled(set) || set.OutOfTime(one.Block, time.Now()) {
				break
			}
			enough = finished(set)
			if keep != nil {
				if err := keep(set); err != nil {
					keep = nil
					set.Warnings = append(set.Warnings, "finished blocks were not kept for the case that the run is killed: "+err.Error())
				}
			}
		}
		if now := one.Block / p.Trials; now > session {
			session = now
			tell(Step{Done: i, What: fmt.Sprintf("pause before session %d of %d", session+1, p.Sessions), Left: left})
			left -= gap
			rest := gap
			if i == 0 {
				rest -= time.Since(set.Ended) // of the run that is resumed
			}
			if err := pause(ctx, rest); err != nil {
				return err
			}
		}
		if slices.Contains(enough, one.Cells[0]) {
			left -= lengthOf(p, runs[i:i+1])
			continue
		}
		tell(Step{
			Done: i, Block: one.Block + 1, Blocks: blocks, Cells: one.Cells, Left: left,
			What: namesOf(p, one.Cells) + " " + p.Cells[one.Cells[0]].Load.String(),
		})
		left -= lengthOf(p, runs[i:i+1])
		trials, err := r.trial(ctx, one)
		for i := range trials {
			trials[i].Session = session
		}
		set.Trials = append(set.Trials, trials...)
		if err != nil {
			set.Interrupted = true
			return err
		}
	}
	return nil
}

func namesOf(p *result.Plan, cells []int) string {
	var names []string
	for _, c := range cells {
		names = append(names, p.Name(c))
	}
	return strings.Join(names, " and ")
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
