package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// The modes of a proxy.
const (
	// ModeRequest is the echo of a server behind it: what is counted is a message
	// there and back.
	ModeRequest = "request"
	// ModeStream is bytes in bulk, one way or both: what is counted is a message
	// that has come, in one direction or in each.
	ModeStream = "stream"
)

// streamFlight is how many bytes each direction of a stream has on their way, at
// most: more than the kernel's buffers hold by default.
const streamFlight = 1 << 20

// streamSize is the default bytes of what a stream is counted in.
const streamSize = 64 << 10

var proxy = workload{
	server: func(c result.Cell, p *result.Plan, origin string) (part, error) {
		cfg := workloads.ProxyConfig{Config: proxyConfig(c, p.ServerCPUs), Origin: origin}
		s, err := serverPart(roleProxy, cfg.Config, c)
		s.cfg = cfg
		return s, err
	},
	client: func(c result.Cell, p *result.Plan, address string, allServed bool) part {
		return generator(roleClient, load.Config{
			Network: c.Network, Address: address, Size: c.Size, Shares: shares(c), Pipeline: c.Pipeline, Rate: c.Rate, Arrivals: load.Arrivals(c.Arrivals), AllServed: allServed,
			Asks: load.Direction(c.Direction),
		}, c, p)
	},
	foreign: []string{"{origin}", "{origin-port}"},
	// The origin costs least, as the load generator does, and is the same behind
	// every contestant.
	origin: func(c result.Cell, p *result.Plan) part {
		c.Backend, c.Loops, c.Workers = p.Client, max(1, min(len(p.OriginCPUs), c.Conns)), 0
		cfg := echoConfig(c, p.OriginCPUs)
		s, _ := serverPart(roleEcho, cfg, c) // the client's backend is known to be there
		if c.Mode == ModeStream {
			s.role, s.cfg = roleBulk, workloads.BulkConfig{Config: cfg, Seed: p.Seed}
		}
		return s
	},
	places: echoPlaces,
	ops:    func(c result.Cell, t backends.Traits) []backends.Kind { return workloads.ProxyOps(t, ahead(c)) },
	messages: func(c result.Cell, n backends.Counters) float64 {
		return float64(n[backends.BytesIn]) / c.UnitBytes()
	},
	files: func(c result.Cell) int {
		each := 2
		b, err := backends.Lookup(c.Backend)
		switch {
		case err != nil:
		case b.Traits().Splicing:
			each += 4 // a pipe each way
		case b.Traits().Copies:
			each += 5 // the same, by package net, which has a descriptor of its own for what was dialled
		}
		return each * c.Conns
	},
	threads: echoPlaces,
	floor: func(c result.Cell) result.Cell {
		c.Mode, c.Direction = ModeRequest, ""
		return echo.floor(c)
	},
}

// proxyConfig is the proxy that a cell asks for, but for its origin.
func proxyConfig(c result.Cell, cpus []int) workloads.Config {
	c.Conns *= 2 // each is two, and receives on both
	return echoConfig(c, cpus)
}

// ProxyGrid is every combination of its values.
type ProxyGrid struct {
	EchoGrid
	Modes      []string
	Directions []string // of streams
}

// Loads implements Grid.
func (g *ProxyGrid) Loads() (loads []result.Load, err error) {
	if len(g.Modes) == 0 {
		return nil, fmt.Errorf("--mode names no value")
	}
	if err := knownNetworks(g.Networks); err != nil {
		return nil, err
	}
	if len(g.Directions) > 0 && !slices.Equal(g.Directions, []string{string(load.Down)}) && !slices.Contains(g.Modes, ModeStream) {
		return nil, fmt.Errorf("--direction=%s is of a stream: it goes with --mode=stream", strings.Join(g.Directions, ","))
	}
	for _, mode := range g.Modes {
		var more []result.Load
		switch mode {
		case ModeRequest:
			more, err = g.requests()
		case ModeStream:
			more, err = g.streams()
		default:
			err = fmt.Errorf("unknown --mode %q: known are request, stream", mode)
		}
		if err != nil {
			return nil, err
		}
		loads = append(loads, more...)
	}
	for i := range loads {
		l := &loads[i]
		l.Workload = "proxy"
		if most := load.MaxConns("tcp6"); l.Network == "tcp" && l.Conns > most {
			return nil, fmt.Errorf("--conns=%d: a proxy dials its origin from one address, which has ports for %d connections; widen net.ipv4.ip_local_port_range, or use --network=unix", l.Conns, most)
		}
	}
	return loads, nil
}

func (g *ProxyGrid) requests() ([]result.Load, error) {
	e := g.EchoGrid
	if e.Sizes == nil {
		e.Sizes = []int{64}
	}
	loads, err := e.Loads()
	for i := range loads {
		loads[i].Mode = ModeRequest
	}
	return loads, err
}

func (g *ProxyGrid) streams() (loads []result.Load, err error) {
	e := g.EchoGrid
	if e.Mix != "" {
		return nil, fmt.Errorf("--size=%s: sizes with weights are for --mode=request: a stream is counted in messages of one size", e.Mix)
	}
	if e.Sizes == nil {
		e.Sizes = []int{streamSize}
	}
	if e.Rates != nil || !slices.Equal(e.Pipelines, []int{1}) {
		return nil, fmt.Errorf("--rate and --pipeline are for --mode=request: a stream goes as fast as it can")
	}
	echoes, err := e.Loads()
	if err != nil {
		return nil, err
	}
	if len(g.Directions) == 0 {
		return nil, fmt.Errorf("--direction names no value")
	}
	for _, d := range g.Directions {
		if !slices.Contains([]load.Direction{load.Down, load.Up, load.Both}, load.Direction(d)) {
			return nil, fmt.Errorf("unknown --direction %q: known are down, up, both", d)
		}
		for _, l := range echoes {
			l.Mode, l.Direction, l.Pipeline = ModeStream, d, max(2, streamFlight/l.Size)
			loads = append(loads, l)
		}
	}
	return loads, nil
}
