package bench

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

// A Refusal is what this environment refuses of a plan that could be run elsewhere.
type Refusal struct{ error }

// refusalOf is err, marked if it is the environment's.
func refusalOf(err error) error {
	var u *backends.Unavailable
	if errors.As(err, &u) {
		return &Refusal{err}
	}
	return err
}

func (r *Refusal) Unwrap() error { return r.error }

// needs checks what the cells take against this system's limits, those of a duet
// together. A cell that all, a calibration or an ablation brought in and that
// cannot be had is left out.
func (o *Options) needs(p *result.Plan) error {
	for _, c := range p.Cells {
		if err := needSockets(c); err != nil {
			return err
		}
	}
	moments, err := momentsOf(p)
	if err != nil {
		return err
	}
	r := rehearsal{}
	if err := o.rehearse(p, moments, r); err != nil {
		return err
	}
	limits := sync.OnceValue(threadLimits) // they are costly to read and the cells may be thousands
	kept := slices.Repeat([]bool{true}, len(p.Cells))
	for _, cells := range moments {
		if slices.ContainsFunc(cells, func(i int) bool { return !kept[i] }) {
			continue
		}
		i, err := refused(p, cells, r, limits)
		if err == nil {
			continue
		}
		if (p.Purpose == "" || p.Search != nil) && o.named(p.Cells[i]) {
			return err
		}
		leaveOut(p, strings.TrimSuffix(p.Cells[i].Contestant, again), err)
		kept[i] = false
	}
	if slices.Contains(kept, false) {
		p.Keep(kept)
		if p.Purpose == "" {
			couple(p)
		}
	}
	if len(p.Cells) == 0 || p.Purpose != "" && p.Search == nil && len(p.Matches) == 0 {
		return errNoneLeft(p)
	}
	return nil
}

// momentsOf lists the cells that run at one moment, as indices: one, or the two
// of a duet.
func momentsOf(p *result.Plan) (moments [][]int, err error) {
	if len(p.Cells) == 0 {
		return nil, nil
	}
	once := *p
	once.Trials, once.Sessions = 1, 1
	runs, err := plan.Of(&once)
	for _, r := range runs {
		moments = append(moments, r.Cells)
	}
	slices.SortFunc(moments, slices.Compare)
	return moments, err
}

func cellsAt(p *result.Plan, moment []int) (cells []result.Cell) {
	for _, i := range moment {
		cells = append(cells, p.Cells[i])
	}
	return cells
}

// refused is the cell of a moment that has to go, and why: one that cannot be had
// even alone, else the later of the plan, since the first may have other partners.
func refused(p *result.Plan, moment []int, r rehearsal, limits func() []threadLimit) (cell int, err error) {
	if err = resources(p, cellsAt(p, moment), r, limits); err == nil {
		return 0, nil
	}
	for _, i := range moment {
		if alone := resources(p, []result.Cell{p.Cells[i]}, r, limits); alone != nil {
			return i, alone
		}
	}
	return slices.Max(moment), err
}

// needSockets checks that there are ports and descriptors for the connections.
func needSockets(c result.Cell) error {
	if m := load.MaxConns(c.Network); c.Conns+c.Idle > m {
		remedy := "use --network=tcp, which spreads over 127.0.0.0/8, or unix"
		if c.Network == "tcp" {
			remedy = "use --network=unix"
		}
		return fmt.Errorf("%s: this machine has ports for %d connections to one address by --network=%s; widen net.ipv4.ip_local_port_range, or %s", askedConns(c), m, c.Network, remedy)
	}
	// A listening socket and a ring or epoll instance a loop; the rest is
	// the runtime's, the control pipes and the standard streams.
	files := of(c).files(c) + 2*c.Loops + 64
	if err := child.NeedFiles(files); err != nil {
		return fmt.Errorf("%s: %w", askedConns(c), err)
	}
	return nil
}

// askedConns is the flags that ask for a cell's connections, or what is in their place.
func askedConns(c result.Cell) string {
	switch {
	case !of(c).drives():
		return fmt.Sprintf("--depth=%d", c.Depth)
	case c.Idle == 0:
		return fmt.Sprintf("--conns=%d", c.Conns)
	}
	return fmt.Sprintf("--conns=%d with --idle-conns=%d", c.Conns, c.Idle)
}

// resources is nil when our servers of one moment can have their threads and loops.
func resources(p *result.Plan, cells []result.Cell, r rehearsal, limits func() []threadLimit) error {
	var pools []result.Cell
	for _, c := range cells {
		if c.Backend == "" {
			continue
		}
		b, err := backends.Lookup(c.Backend)
		if err != nil {
			return err
		}
		if t := b.Traits(); t.Blocking && !t.Spawn {
			pools = append(pools, c)
		}
	}
	if len(pools) > 0 {
		if err := needThreads(pools, limits()); err != nil {
			return err
		}
	}
	return r.servers(p, cells)
}

// needThreads checks that pools of one moment can have a thread for each connection.
func needThreads(pools []result.Cell, limits []threadLimit) error {
	const others = 32 // the runtime's and the other processes'
	var names []string
	fewer := "--workers"
	largest, sum := 0, others
	for _, c := range pools {
		threads := of(c).threads(c)
		if c.Idle > 0 && threads < c.Conns+c.Idle {
			return fmt.Errorf("--workers=%d is less than the connections: idle ones keep their workers, and the others would have none; leave --workers out or give it %d", c.Workers, c.Conns+c.Idle)
		}
		if threads < c.Conns && of(c).places != nil {
			if waiting := c.Conns - threads; waiting > somaxconn() {
				return fmt.Errorf("--workers=%d leaves %d connections to wait and the backlog holds %d; raise net.core.somaxconn or --workers", c.Workers, waiting, somaxconn())
			}
		}
		many := fmt.Sprintf("%d connections", c.Conns+c.Idle)
		if !of(c).drives() {
			many, fewer = fmt.Sprintf("%d %s in flight", c.Depth, c.Unit().Many), "a smaller --depth"
		}
		names = append(names, c.Contestant+" with "+many)
		largest, sum = max(largest, threads+others), sum+threads
	}
	for _, limit := range limits {
		threads := sum
		if limit.each {
			threads = largest
		}
		if threads > limit.free {
			return fmt.Errorf("%s needs %d threads and %s leaves %d; %s, or use %s", strings.Join(names, " beside "), threads, limit.name, max(limit.free, 0), limit.remedy, fewer)
		}
	}
	return nil
}

func somaxconn() int {
	n := 4096
	if b, err := os.ReadFile("/proc/sys/net/core/somaxconn"); err == nil {
		fmt.Sscan(string(b), &n)
	}
	return n
}
