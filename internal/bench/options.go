package bench

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// DefaultClient lets the plan choose the backend of the load generator: the
// first that can drive many connections from one loop and is available. It is
// the same for every contestant, and the result names it.
const DefaultClient = "auto"

// A Grid is the loads of one workload that its user asks for, every contestant
// under each.
type Grid interface {
	// Loads lists them; the error says which flag's value is wrong.
	Loads() ([]result.Load, error)
}

// Options is a comparison as its user asks for it.
type Options struct {
	Grid             Grid
	Backends         []string // variants; "all" is what is available
	BackendsByUser   bool     // Backends is not the default, which gives way to Commands and Target
	Commands         []string // NAME=COMMAND
	Slow             []string // NAME=5%, NAME=400ns: a contestant again, with so much CPU a message more
	Target           string
	TargetPID        int
	Loops, Workers   int
	Duration, Warmup time.Duration
	Patience         time.Duration // that a server and its client may take to get ready
	Trials           int
	Seed             uint64
	Placement        string // "": what suits the machine
	ServerCPUs       string
	ClientCPUs       string
	OriginCPUs       string // of the server behind one that passes on
	Client           string
	Duet, Audit      bool
	Until            float64       // 0, or how far the interval of a ratio of CPU may reach for the run to end before Trials
	AA               bool          // also compare the first contestant with itself
	FindMax          bool          // search for the highest rates that meet SLO
	SLO              string        // such as p99<1ms
	Sessions         int           // times that the whole is repeated; 0 is once
	SessionGap       time.Duration // between them

	clientChosen bool  // Client is what became of DefaultClient
	secondChoice error // why that is not the cheapest one
}

// Limits of what can be asked for.
const (
	maxConns = 1_000_000
	maxCells = 10_000
)

// Plan checks the options against their limits and this machine, and makes the
// plan. Warnings are for the result.
func (o *Options) Plan() (*result.Plan, []string, error) {
	if o.FindMax {
		return o.plan(o.searchCells)
	}
	return o.plan(o.cells)
}

// plan makes a plan of the cells that fill puts into it.
func (o *Options) plan(fill func(*result.Plan, []result.Load) (warnings []string, err error)) (*result.Plan, []string, error) {
	loads, err := o.Grid.Loads()
	if err != nil {
		return nil, nil, err
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	if err := o.checkUntil(); err != nil {
		return nil, nil, err
	}
	if i := slices.IndexFunc(loads, func(l result.Load) bool { return l.Arrivals != "" && l.Rate == 0 }); i >= 0 && !o.FindMax {
		return nil, nil, fmt.Errorf("--arrivals=%s is of an open loop: it goes with --rate", loads[i].Arrivals)
	}
	if err := o.checkForeign(loads[0].Workload); err != nil {
		return nil, nil, err
	}
	drives := playable[loads[0].Workload].drives()
	if drives {
		if err := o.checkClient(loads); err != nil {
			return nil, nil, err
		}
	}
	p := &result.Plan{
		Trials: o.Trials, Seed: o.Seed,
		WarmupSeconds: o.Warmup.Seconds(), DurationSeconds: o.Duration.Seconds(),
		PatienceSeconds: o.Patience.Seconds(), Duet: o.Duet, Audit: o.Audit,
		Until: o.Until, Sessions: o.Sessions, SessionGapSeconds: o.SessionGap.Seconds(), Limits: limits,
	}
	if !slices.ContainsFunc(loads, func(l result.Load) bool { return l.Cache != Cold }) {
		p.WarmupSeconds = 0 // see measure
	}
	place := o.placeAlone
	if drives {
		p.Client, place = o.Client, o.place
	}
	if err := place(p); err != nil {
		return nil, nil, err
	}
	if err := o.placeOrigin(p, loads); err != nil {
		return nil, nil, err
	}
	warnings, err := fill(p, loads)
	if err != nil {
		return nil, nil, err
	}
	if len(p.Cells) > maxCells {
		return nil, nil, fmt.Errorf("%d cells are too many: at most %d", len(p.Cells), maxCells)
	}
	if p.Purpose == "" && p.Matches == nil {
		couple(p)
	}
	if err := o.needs(p); err != nil {
		return nil, nil, &Refusal{err}
	}
	if w := o.clientWarning(p); w != "" {
		warnings = append(warnings, w)
	}
	if p.Duet {
		p.Grouping = child.Grouping()
		if p.Grouping == child.NoGroups {
			warnings = append(warnings, "no scheduling groups here (autogroup is off and no cpu cgroup is writable): contestants with unequal thread counts do not get equal shares of the CPU")
		}
	}
	if p.Audit {
		if err := meter.CanTrace(); err != nil {
			p.Audit = false
			warnings = append(warnings, "system calls are counted by the backends themselves only: "+err.Error())
		}
	}
	return p, warnings, nil
}

func (o *Options) check() error {
	if err := inRange(
		bounded{"--loops", []int{o.Loops}, 1, 1024},
		bounded{"--workers", []int{o.Workers}, 0, maxConns},
		bounded{"--trials", []int{o.Trials}, 1, 100_000},
		bounded{"--sessions", []int{o.Sessions}, 0, result.SessionsMax},
	); err != nil {
		return err
	}
	if len(o.Backends) == 0 {
		return errors.New("--backend names no value")
	}
	if o.Duration < 50*time.Millisecond || o.Duration > 24*time.Hour {
		return fmt.Errorf("--duration=%v is out of range: 50ms to 24h", o.Duration)
	}
	if o.Patience < 0 || o.Patience > time.Hour {
		return fmt.Errorf("--start-timeout=%v is out of range: 0 (which means %v) to 1h", o.Patience, DefaultPatience)
	}
	if o.Warmup < 0 || o.Warmup > time.Hour {
		return fmt.Errorf("--warmup=%v is out of range: 0 to 1h", o.Warmup)
	}
	if o.SessionGap < 0 || o.SessionGap > 24*time.Hour {
		return fmt.Errorf("--session-gap=%v is out of range: 0 to 24h", o.SessionGap)
	}
	if o.SLO != "" && !o.FindMax {
		return fmt.Errorf("--slo=%s goes with --find-max", o.SLO)
	}
	if o.TargetPID != 0 && o.Target == "" {
		return fmt.Errorf("--target-pid goes with --target")
	}
	return nil
}

// checkClient chooses the load generator's backend and checks it.
func (o *Options) checkClient(loads []result.Load) error {
	if o.Client == DefaultClient {
		o.clientChosen = true
		o.Client, o.secondChoice = chooseClient()
	}
	client, err := backends.Lookup(o.Client)
	if err != nil {
		return fmt.Errorf("--client: %w", err)
	}
	if err := client.Probe(); err != nil {
		return fmt.Errorf("--client: %w", err)
	}
	if t := client.Traits(); t.Blocking || t.Memory {
		return fmt.Errorf("--client=%s cannot drive many connections from one loop: use epoll or uring", o.Client)
	}
	if client.Traits().HandsOver {
		return fmt.Errorf("--client=%s hands on the connections that it accepts, and a client accepts none; leave the feature out", o.Client)
	}
	for _, l := range loads {
		if err := takesDatagrams("--client", o.Client, l.Network); err != nil {
			return err
		}
	}
	return nil
}

// bounded is the values of a flag and what they may be.
type bounded struct {
	name   string
	values []int
	lo, hi int
}

func inRange(flags ...bounded) error {
	for _, f := range flags {
		if len(f.values) == 0 {
			return fmt.Errorf("%s names no value", f.name)
		}
		for _, v := range f.values {
			if v < f.lo || v > f.hi {
				return fmt.Errorf("%s=%d is out of range: %d to %d", f.name, v, f.lo, f.hi)
			}
		}
	}
	return nil
}

// contestants lists who takes part, without their loads. What is named must be
// had; of all, the plan is told what is left out.
func (o *Options) contestants(p *result.Plan) (cells []result.Cell, warnings []string, err error) {
	names := o.Backends
	if (o.Target != "" || len(o.Commands) > 0) && !o.BackendsByUser && slices.Equal(names, []string{"all"}) {
		names = nil // only what was asked for
	}
	for _, name := range names {
		if name != "all" {
			c, err := o.contestant(name)
			if err != nil {
				return nil, nil, err
			}
			cells = append(cells, c)
			continue
		}
		for _, f := range backends.Families() {
			if f.Rank == 0 {
				continue
			}
			c, err := o.contestant(f.Name)
			var refused *backends.Unavailable
			switch {
			case errors.As(err, &refused):
				leaveOut(p, f.Name, err)
			case err != nil:
				return nil, nil, err
			default:
				cells = append(cells, c)
			}
		}
	}
	for _, s := range o.Slow {
		c, err := slower(s, cells)
		if err != nil {
			return nil, nil, err
		}
		cells = append(cells, c)
	}
	for _, nc := range o.Commands {
		c, err := o.command(nc)
		if err != nil {
			return nil, nil, err
		}
		cells = append(cells, c)
	}
	if o.Target != "" {
		doubt, err := checkTarget(o.Target, o.TargetPID)
		if err != nil {
			return nil, nil, err
		}
		if doubt != "" {
			warnings = append(warnings, doubt)
		}
		cells = append(cells, result.Cell{Contestant: o.Target, Target: o.Target, TargetPID: o.TargetPID})
	}
	if o.Workers > 0 && !slices.ContainsFunc(cells, func(c result.Cell) bool { return c.Workers > 0 }) {
		return nil, nil, fmt.Errorf("--workers=%d limits the thread pool, and no threadpool takes part; add it to --backend or leave the flag out", o.Workers)
	}
	return cells, warnings, nil
}

func (o *Options) contestant(name string) (c result.Cell, err error) {
	b, err := backends.Lookup(name)
	if err != nil {
		return c, err
	}
	if err := b.Probe(); err != nil {
		return c, err
	}
	t := b.Traits()
	if t.Memory {
		return c, fmt.Errorf("backend %s is not a server: it is the harness's own floor, which every result shows", name)
	}
	if err := workloads.CheckLoops(b, o.Loops); err != nil {
		return c, err
	}
	c = result.Cell{Contestant: b.Name(), Backend: b.Name(), Loops: o.Loops}
	if t.Blocking && !t.Spawn {
		c.Workers = o.Workers
	}
	return c, nil
}
