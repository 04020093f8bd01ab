package bench

import (
	"fmt"
	"os"
	"sync"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
)

// needs checks what the cells take against this system's limits. A cell that
// all, a calibration or an ablation brought in and that cannot be had is left out.
func (o *Options) needs(p *result.Plan) error {
	for _, c := range p.Cells {
		if err := needSockets(c); err != nil {
			return err
		}
	}
	r := rehearsal{}
	if err := o.rehearse(p, r); err != nil {
		return err
	}
	limits := sync.OnceValue(threadLimits) // they are costly to read and the cells may be thousands
	kept := make([]bool, len(p.Cells))
	for i, c := range p.Cells {
		err := resources(p, c, r, limits)
		switch {
		case err != nil && p.Purpose == "" && o.named(c):
			return err
		case err != nil:
			leaveOut(p, c.Contestant, err)
		}
		kept[i] = err == nil
	}
	p.Keep(kept)
	if len(p.Cells) == 0 || p.Purpose != "" && len(p.Matches) == 0 {
		return errNoneLeft(p)
	}
	return nil
}

// needSockets checks that there are ports and descriptors for the connections.
func needSockets(c result.Cell) error {
	if m := load.MaxConns(c.Network); c.Conns > m {
		remedy := "use --network=tcp, which spreads over 127.0.0.0/8, or unix"
		if c.Network == "tcp" {
			remedy = "use --network=unix"
		}
		return fmt.Errorf("--conns=%d: this machine has ports for %d connections to one address by --network=%s; widen net.ipv4.ip_local_port_range, or %s", c.Conns, m, c.Network, remedy)
	}
	// A listening socket and a ring or epoll instance a loop; the rest is
	// the runtime's, the control pipes and the standard streams.
	files := c.Conns + 2*c.Loops + 64
	if err := child.NeedFiles(files); err != nil {
		return fmt.Errorf("--conns=%d: %w", c.Conns, err)
	}
	return nil
}

// resources is nil when a server of ours can have its threads and loops.
func resources(p *result.Plan, c result.Cell, r rehearsal, limits func() []threadLimit) error {
	if c.Backend == "" {
		return nil
	}
	b, err := backends.Lookup(c.Backend)
	if err != nil {
		return err
	}
	if t := b.Traits(); t.Blocking && !t.Spawn {
		return needThreads(c, limits())
	}
	return r.server(p, c)
}

// needThreads checks that a thread for each connection can be had.
func needThreads(c result.Cell, limits []threadLimit) error {
	threads := c.Conns
	if c.Workers > 0 && c.Workers < threads {
		threads = c.Workers
		if waiting := c.Conns - threads; waiting > somaxconn() {
			return fmt.Errorf("--workers=%d leaves %d connections to wait and the backlog holds %d; raise net.core.somaxconn or --workers", c.Workers, waiting, somaxconn())
		}
	}
	threads += 32 // the runtime's and the other processes'
	for _, limit := range limits {
		if threads > limit.free {
			return fmt.Errorf("%s with %d connections needs %d threads and %s leaves %d; %s, or use --workers", c.Contestant, c.Conns, threads, limit.name, max(limit.free, 0), limit.remedy)
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
