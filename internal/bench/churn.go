package bench

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// churn is echo on connections that end. The client closes first.
var churn = workload{
	server: func(c result.Cell, p *result.Plan, _ string) (part, error) {
		cfg := echoConfig(c, p.ServerCPUs)
		// No more are open at a time. A worker that has yet to see its client
		// close must not make the pool grow beyond that.
		cfg.Workers = echoPlaces(c)
		return serverPart(roleEcho, cfg, c)
	},
	client: func(c result.Cell, p *result.Plan, address string, _ bool) part {
		return generator(roleClient, load.Config{
			Network: c.Network, Address: address, Size: c.Size, Shares: shares(c), Pipeline: 1, RequestsPerConn: c.Requests, Rate: c.Rate, Arrivals: load.Arrivals(c.Arrivals),
		}, c, p)
	},
	places: echoPlaces, // for the connections that are there before the load
	ops: func(c result.Cell, t backends.Traits) []backends.Kind {
		return workloads.EchoOps(t, c.Requests, ahead(c))
	},
	messages: func(c result.Cell, n backends.Counters) float64 {
		return float64(n[backends.BytesIn]) / c.UnitBytes()
	},
	files:   func(c result.Cell) int { return 2 * c.Conns }, // those, and the first of the load
	threads: echoPlaces,
	floor:   echo.floor,
}

// ChurnGrid is every combination of its values.
type ChurnGrid struct {
	Networks        []string
	Conns, Sizes    []int  // Conns is how many there are at a time
	Mix             string // see EchoGrid
	RequestsPerConn []int
	Pace            // of connections
}

// Loads implements Grid.
func (g *ChurnGrid) Loads() (loads []result.Load, err error) {
	if err := inRange(bounded{"--requests-per-conn", g.RequestsPerConn, 1, 1_000_000}); err != nil {
		return nil, err
	}
	if err := knownNetworks(g.Networks); err != nil {
		return nil, err
	}
	like := EchoGrid{Networks: g.Networks, Conns: g.Conns, Sizes: g.Sizes, Mix: g.Mix, Pipelines: []int{1}, Pace: g.Pace}
	each, err := like.Loads()
	if err != nil {
		return nil, err
	}
	for _, l := range each {
		for _, n := range g.RequestsPerConn {
			l.Workload, l.Requests = "churn", n
			loads = append(loads, l)
		}
	}
	return loads, nil
}
