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

var echo = workload{
	server: echoServer,
	client: func(c result.Cell, p *result.Plan, address string, allServed bool) part {
		return generator(roleClient, load.Config{
			Network: c.Network, Address: address, Size: c.Size, Shares: shares(c), Pipeline: c.Pipeline, Rate: c.Rate, Arrivals: load.Arrivals(c.Arrivals), AllServed: allServed,
		}, c, p)
	},
	places: echoPlaces,
	ops:    func(c result.Cell, t backends.Traits) []backends.Kind { return workloads.EchoOps(t, 0, ahead(c)) },
	messages: func(c result.Cell, n backends.Counters) float64 {
		return float64(n[backends.BytesIn]) / c.UnitBytes()
	},
	files:   func(c result.Cell) int { return c.Conns + c.Idle },
	threads: func(c result.Cell) int { c.Conns += c.Idle; return echoPlaces(c) },
	floor: func(c result.Cell) result.Cell {
		c.Network, c.Rate, c.Arrivals, c.Idle = "null", 0, "", 0
		return c
	},
}

// echoPlaces is how many of the connections a server of ours serves at a time.
func echoPlaces(c result.Cell) int {
	if c.Workers > 0 {
		return min(c.Workers, c.Conns)
	}
	return c.Conns
}

// ahead reports whether more than one buffer of a connection's messages may be on
// the way to a server of ours.
func ahead(c result.Cell) bool { return c.Pipeline > 1 || c.Size >= load.BufSize(c.Size) }

func echoServer(c result.Cell, p *result.Plan, _ string) (part, error) {
	cfg := echoConfig(c, p.ServerCPUs)
	cfg.Slow.Beside = slices.ContainsFunc(p.Cells, func(o result.Cell) bool { return o.Backend == c.Backend && (o.SlowShare > 0 || o.SpinNanos > 0) })
	return serverPart(roleEcho, cfg, c)
}

// serverPart is a server of ours that has cfg, or that and more.
func serverPart(role string, cfg workloads.Config, c result.Cell) (part, error) {
	b, err := backends.Lookup(c.Backend)
	if err != nil {
		return part{}, err
	}
	t := b.Traits()
	s := part{role: role, cfg: cfg, procs: cfg.Procs(t, c.Conns)}
	if !t.Blocking {
		s.loops = cast{c.Backend, cfg.LoopConfig(0, t), cfg.Loops}
	}
	return s, nil
}

// What comes in bulk is received by bulkBuf at a time, so that one call, and one
// acknowledgement, serves for much. More buffers than bulkBufs, which connections do
// not need at the same moment, would only take what is received out of the cache.
const (
	bulkBuf  = 256 << 10
	bulkBufs = 16 // of a loop
)

// echoConfig is the echo server that a cell asks for.
func echoConfig(c result.Cell, cpus []int) workloads.Config {
	size, bufs := load.BufSize(c.Size*c.Pipeline), max(256, 2*c.Conns/max(c.Loops, 1))
	for bufs > 256 && bufs*size > 256<<20 {
		bufs /= 2
	}
	if c.Size*c.Pipeline >= bulkBuf {
		size, bufs = bulkBuf, bulkBufs
	}
	return workloads.Config{
		Backend: c.Backend, Network: c.Network, Address: workloads.LoopbackAddress(c.Network),
		Loops: c.Loops, Workers: c.Workers, BufSize: size, Bufs: bufs, CPUs: cpus,
		Slow: workloads.Slow{Nanos: c.SpinNanos, Bytes: c.Size},
	}
}

// EchoGrid is every combination of its values.
type EchoGrid struct {
	Networks     []string
	Conns, Sizes []int
	Mix          string // distribution of sizes, such as 64:90,1024:9; "": Sizes
	Pipelines    []int
	Pace               // of messages
	Idle         []int // silent connections beside Conns; empty: none
}

// Limits of what can be asked for.
const (
	maxSize   = 16 << 20
	maxFlight = 64 << 20 // bytes outstanding a connection
)

// Loads implements Grid.
func (g *EchoGrid) Loads() (loads []result.Load, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	idle := g.Idle
	if len(idle) == 0 {
		idle = []int{0}
	}
	sizes := g.Sizes
	if g.Mix != "" {
		sizes = []int{largest(g.Mix)}
	}
	for _, network := range g.Networks {
		for _, conns := range g.Conns {
			for _, size := range sizes {
				for _, pipeline := range g.Pipelines {
					for _, l := range g.paced(result.Load{Workload: "echo", Network: network, Conns: conns, Size: size, Sizes: g.Mix, Pipeline: pipeline}) {
						for _, l.Idle = range idle {
							loads = append(loads, l)
						}
					}
				}
			}
		}
	}
	return loads, nil
}

func (g *EchoGrid) check() error {
	sizes := g.Sizes
	if g.Mix != "" {
		if _, err := result.ParseShares(g.Mix); err != nil {
			return fmt.Errorf("--size=%s: %w", g.Mix, err)
		}
		if i := slices.IndexFunc(g.Networks, workloads.Datagrams); i >= 0 {
			return fmt.Errorf("--size=%s: sizes with weights are of streams and --network=%s has datagrams; give one size", g.Mix, g.Networks[i])
		}
		sizes = []int{largest(g.Mix)}
	}
	if err := inRange(
		bounded{"--conns", g.Conns, 1, maxConns},
		bounded{"--size", sizes, 1, maxSize},
		bounded{"--pipeline", g.Pipelines, 1, 1 << 16},
	); err != nil {
		return err
	}
	if size, pipeline := slices.Max(sizes), slices.Max(g.Pipelines); size*pipeline > maxFlight {
		return fmt.Errorf("--size=%d times --pipeline=%d is more than %d MiB outstanding on a connection", size, pipeline, maxFlight>>20)
	}
	if err := inRange(bounded{"--idle-conns", append([]int{0}, g.Idle...), 0, maxConns}); err != nil {
		return err
	}
	if err := knownNetworks(g.Networks, "udp", "udp6"); err != nil {
		return err
	}
	if err := g.checkDatagrams(); err != nil {
		return err
	}
	return g.Pace.check()
}

// knownNetworks checks a list of networks: those of streams, and more.
func knownNetworks(names []string, more ...string) error {
	known := append([]string{"tcp", "tcp6", "unix"}, more...)
	if len(names) == 0 {
		return fmt.Errorf("--network names no value")
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("unknown --network %q: known are %s", n, strings.Join(known, ", "))
		}
	}
	return nil
}
