package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
)

// placeAlone decides which CPUs a server runs on that drives itself.
func (o *Options) placeAlone(p *result.Plan) error {
	allowed := child.Allowed()
	cpus, err := parseCPUs("--server-cpus", o.ServerCPUs, allowed)
	if cpus == nil {
		cpus = allowed[:min(o.Loops, len(allowed))]
	}
	p.Placement, p.ServerCPUs = Alone, cpus
	return err
}

// place decides which CPUs server and client run on.
func (o *Options) place(p *result.Plan) error {
	allowed := child.Allowed()
	server, err := parseCPUs("--server-cpus", o.ServerCPUs, allowed)
	if err != nil {
		return err
	}
	client, err := parseCPUs("--client-cpus", o.ClientCPUs, allowed)
	if err != nil {
		return err
	}
	p.Placement = o.Placement
	if p.Placement == "" {
		p.Placement = Split
		if len(allowed) < 2 || server != nil && slices.Equal(server, client) {
			p.Placement = Shared
		}
	}
	switch p.Placement {
	case Shared:
		if server == nil {
			server = client
		}
		if server == nil {
			server = allowed[:min(o.Loops, len(allowed))]
		}
		if client == nil {
			client = server
		}
		if !slices.Equal(server, client) {
			return fmt.Errorf("--placement=shared puts server and client on the same CPUs, but --server-cpus=%s and --client-cpus=%s differ", child.List(server), child.List(client))
		}
	case Split:
		rest := func(taken []int) (free []int) {
			for _, c := range allowed {
				if !slices.Contains(taken, c) {
					free = append(free, c)
				}
			}
			return free
		}
		if server == nil {
			free := rest(client)
			server = free[:min(o.Loops, max(len(free)-1, 1), len(free))]
		}
		if client == nil {
			// Twice as many as the server, where there are so many: the
			// client must not be what limits the throughput.
			free := rest(server)
			client = free[:min(2*len(server), len(free))]
		}
		if len(server) == 0 || len(client) == 0 {
			return fmt.Errorf("--placement=split needs a CPU for the server and another for the client, and this process may use %s; use --placement=shared", child.List(allowed))
		}
		for _, c := range client {
			if slices.Contains(server, c) {
				return fmt.Errorf("--placement=split keeps server and client apart, but both have CPU %d", c)
			}
		}
	default:
		return fmt.Errorf("unknown --placement %q: known are split, shared", p.Placement)
	}
	p.ServerCPUs, p.ClientCPUs = server, client
	return nil
}

// placeOrigin decides which CPUs the server behind the contestants runs on, where
// there is one: with the client, unless CPUs are left.
func (o *Options) placeOrigin(p *result.Plan, loads []result.Load) error {
	allowed := child.Allowed()
	origin, err := parseCPUs("--origin-cpus", o.OriginCPUs, allowed)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(loads, func(l result.Load) bool { return playable[l.Workload].origin != nil }) {
		return nil
	}
	if origin == nil {
		for _, c := range allowed {
			if !slices.Contains(p.ServerCPUs, c) && !slices.Contains(p.ClientCPUs, c) && len(origin) < len(p.ClientCPUs) {
				origin = append(origin, c)
			}
		}
	}
	if origin == nil {
		origin = p.ClientCPUs
	}
	for _, c := range origin {
		if p.Placement == Split && slices.Contains(p.ServerCPUs, c) {
			return fmt.Errorf("--placement=split keeps server and origin apart, but both have CPU %d", c)
		}
	}
	p.OriginCPUs = origin
	return nil
}

// parseCPUs reads a list such as 0-3,8; nil when s is empty.
func parseCPUs(flag, s string, allowed []int) (cpus []int, err error) {
	if s == "" {
		return nil, nil
	}
	for _, part := range strings.Split(s, ",") {
		var lo, hi int
		if n, _ := fmt.Sscanf(part+" ", "%d-%d ", &lo, &hi); n != 2 || fmt.Sprintf("%d-%d", lo, hi) != part {
			if n, _ := fmt.Sscanf(part, "%d", &lo); n != 1 || fmt.Sprint(lo) != part {
				return nil, fmt.Errorf("%s=%s: %q is neither a CPU nor a range such as 0-3", flag, s, part)
			}
			hi = lo
		}
		if lo > hi {
			return nil, fmt.Errorf("%s=%s: the range %s is backwards", flag, s, part)
		}
		for c := lo; c <= hi; c++ {
			if !slices.Contains(allowed, c) {
				return nil, fmt.Errorf("%s=%s: CPU %d does not exist or this process may not use it; it may use %s", flag, s, c, child.List(allowed))
			}
			if !slices.Contains(cpus, c) {
				cpus = append(cpus, c)
			}
		}
	}
	slices.Sort(cpus)
	return cpus, nil
}
