package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/ctwin"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

// A Rest is what is left to do of a run that was interrupted: the blocks that are
// not whole. One that was cut is run again from its start, so that what is compared
// within it lies close together in time.
type Rest struct {
	Block, Blocks int // the first that is not whole; of how many
	Cut           int // trials of Block that are there
	runs          []plan.Run
}

// Remaining finds what is left to do of a set by this version of ringbench on this
// machine. The error says that nothing is, or what keeps the rest from being
// comparable with what is there.
func Remaining(set *result.Set, version string) (*Rest, error) {
	if len(set.Joined) > 0 {
		return nil, errors.New("it was joined from several runs; resume the one that was interrupted")
	}
	runs, err := plan.Of(&set.Plan)
	if err != nil {
		return nil, err
	}
	there := map[int]int{} // trials by the order of their run
	for i := range set.Trials {
		there[set.Trials[i].Order]++
	}
	first := slices.IndexFunc(runs, func(r plan.Run) bool { return there[r.Order] < len(r.Cells) })
	if first < 0 {
		return nil, errors.New("its plan was finished: nothing is left to run")
	}
	if !set.Interrupted && settled(set) {
		return nil, errors.New("its plan was finished: by --until nothing is left to run")
	}
	block := runs[first].Block
	rest := &Rest{Block: block, Blocks: 1 + runs[len(runs)-1].Block}
	for i := range set.Trials {
		if set.Trials[i].Block >= block {
			rest.Cut++
		}
	}
	rest.runs = runs[slices.IndexFunc(runs, func(r plan.Run) bool { return r.Block == block }):]
	if err := sameConditions(set, meter.Environment(), version); err != nil {
		return nil, err
	}
	return rest, fits(set.Plan)
}

// Outline says how much is left of a plan, and about how long that takes.
func (r *Rest) Outline(p *result.Plan) string {
	text := fmt.Sprintf("%d of %s are whole; %s left, about %v", r.Block, count(r.Blocks, "block"), count(len(r.runs), "run"), estimate(p, r.runs).Round(time.Second))
	if r.Cut > 0 {
		text += fmt.Sprintf("; block %d was cut after %s, which will be dropped", r.Block+1, count(r.Cut, "trial"))
	}
	return text
}

// sameConditions names what differs between the conditions of a set and those now
// that bears on what is measured.
func sameConditions(set *result.Set, now result.Env, version string) error {
	var differ []string
	for _, c := range []struct{ what, then, now string }{
		{"kernel", set.Env.Kernel, now.Kernel},
		{"CPU", set.Env.CPUModel, now.CPUModel},
		{"number of CPUs", fmt.Sprint(set.Env.CPUs), fmt.Sprint(now.CPUs)},
		{"Go", set.Env.GoVersion, now.GoVersion},
		{"ringbench", set.Version, version},
	} {
		if c.then != c.now {
			differ = append(differ, fmt.Sprintf("%s was %q and is %q", c.what, c.then, c.now))
		}
	}
	allowed := child.Allowed()
	for _, cpus := range [][]int{set.Plan.ServerCPUs, set.Plan.ClientCPUs, set.Plan.OriginCPUs} {
		for _, cpu := range cpus {
			if !slices.Contains(allowed, cpu) {
				differ = append(differ, fmt.Sprintf("CPU %d was in use and this process may use %s", cpu, child.List(allowed)))
			}
		}
	}
	if g := child.Grouping(); set.Plan.Duet && g != set.Plan.Grouping {
		differ = append(differ, fmt.Sprintf("scheduling groups were %q and are %q", set.Plan.Grouping, g))
	}
	if err := meter.CanTrace(); set.Plan.Audit && err != nil {
		differ = append(differ, "system calls were counted by tracepoint too: "+err.Error())
	}
	if len(differ) > 0 {
		return fmt.Errorf("what is left would not be comparable: %s; run the whole plan again", strings.Join(slices.Compact(differ), "; "))
	}
	return nil
}

// fits checks that the plan of a file can be run here: none of its cells may be
// left out any more.
func fits(p result.Plan) error {
	var o Options
	for i, c := range p.Cells {
		if _, known := playable[c.Workload]; !known {
			return fmt.Errorf("cell %d is of workload %q, which this ringbench does not know", i, c.Workload)
		}
		switch {
		case c.Target != "":
			if _, err := checkTarget(c.Target, c.TargetPID); err != nil {
				return err
			}
		case c.Command != "":
			if p.Purpose == result.PurposeCalibration {
				break // its programs are built anew
			}
			args := strings.Fields(c.Command)
			if len(args) == 0 {
				return fmt.Errorf("cell %d has no command", i)
			}
			if _, err := exec.LookPath(args[0]); err != nil {
				return fmt.Errorf("the server %s: %w", c.Contestant, err)
			}
		default:
			b, err := backends.Lookup(c.Backend)
			if err == nil {
				err = b.Probe()
			}
			if err != nil {
				return err
			}
			o.Backends = append(o.Backends, c.Backend)
		}
	}
	p.Purpose = "" // by which some could be left out
	return o.needs(&p)
}

// Resume runs the rest of a set and adds it. Gained reports whether a block
// more is whole; otherwise what the set was before is worth as much. It changes set
// in any case. Keep may be nil.
func Resume(ctx context.Context, set *result.Set, rest *Rest, progress Progress, keep Keep) (gained bool, err error) {
	if set.Plan.Purpose == result.PurposeCalibration {
		twins, err := rebuild(ctx, &set.Plan)
		if err != nil {
			return false, err
		}
		defer twins.Remove()
	}
	set.Trials = slices.DeleteFunc(set.Trials, func(t result.Trial) bool { return t.Block >= rest.Block })
	set.Resumed = append(set.Resumed, result.Resumption{Started: time.Now().UTC(), Block: rest.Block, Dropped: rest.Cut})
	set.Interrupted = false
	err = carryOut(ctx, set, rest.runs, progress, keep)
	last := -1
	if n := len(set.Trials); n > 0 {
		last = set.Trials[n-1].Block
	}
	return err == nil || last > rest.Block, err
}

// rebuild builds the C programs of a calibration, which went with the run that was
// interrupted, and has the plan name them.
func rebuild(ctx context.Context, p *result.Plan) (*ctwin.Programs, error) {
	var names []string
	for _, c := range p.Cells {
		path, _, _ := strings.Cut(c.Command, " ")
		if name := filepath.Base(path); c.Command != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	twins, err := ctwin.Build(ctx, names...)
	if err != nil {
		return nil, err
	}
	if twins.Compiler != p.Compiler {
		twins.Remove()
		return nil, fmt.Errorf("what is left would not be comparable: the C compiler was %q and is %q; run the whole plan again", p.Compiler, twins.Compiler)
	}
	for i := range p.Cells {
		c := &p.Cells[i]
		if path, args, _ := strings.Cut(c.Command, " "); c.Command != "" {
			c.Command = twins.Path(filepath.Base(path)) + " " + args
		}
	}
	return twins, nil
}
