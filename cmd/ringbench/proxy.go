package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/workloads"
)

func proxyCommand() *cobra.Command {
	var g bench.ProxyGrid
	o := bench.Options{Grid: &g}
	var out outputs
	c := &cobra.Command{
		Use:   "proxy",
		Short: "Compare proxies between a client and an origin: CPU, and how much of it is spent outside user space",
		Long: `Starts each proxy in a process of its own, an origin behind it in another, and
drives it from a third over loopback. For each connection of the client the proxy
dials one to the origin and passes on what comes from either.

--mode=request has the origin echo messages, which the client verifies.
--mode=stream moves bytes in bulk, from the origin (--direction=down), to it (up)
or both ways; whoever receives verifies them. It is counted in messages of --size,
which the client asks for, or has acknowledged, half a MiB at a time.

A backend may be followed by +feature and -feature; +splice has the proxy leave
the bytes in the kernel (splice(2)). Lists make a grid of all combinations.`,
		Example: `  ringbench proxy
  ringbench proxy --backend=epoll,epoll+splice,uring --conns=1,64,1000
  ringbench proxy --mode=stream --direction=down,up,both --conns=1,16
  ringbench proxy --backend=epoll,uring --duet --trials=30
  ringbench proxy --server-cmd='mine=./my-proxy {port} {origin}'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return contest(cmd, &o, out) },
	}
	proxyFlags(c, &g, &o)
	findFlags(c, &o)
	comparisonFlags(c, &o, time.Second, 400*time.Millisecond)
	out.flags(c)
	return c
}

// proxyFlags are the load's.
func proxyFlags(c *cobra.Command, g *bench.ProxyGrid, o *bench.Options) {
	f := c.Flags()
	passFlags(c, g, o, []int{64}, bench.ModeRequest)
	f.IntSliceVar(&g.Pipelines, "pipeline", []int{1}, "requests outstanding on a connection")
	paceFlags(c, &g.Pace, "requests a second over all connections")
	f.StringSliceVar(&g.Networks, "network", []string{"tcp"}, "tcp, tcp6, unix; on both sides")
	complete(c, map[string][]string{"network": workloads.Streams})
}

// passFlags say what is passed on, and where its origin runs; conns and modes are
// the defaults that commands differ by.
func passFlags(c *cobra.Command, g *bench.ProxyGrid, o *bench.Options, conns []int, modes ...string) {
	f := c.Flags()
	f.IntSliceVar(&g.Conns, "conns", conns, "connections")
	f.Var(messageSizes{&g.Sizes, &g.Mix}, "size", "bytes of a message, such as 64,4k; default: 64, of a stream 65536; with weights, such as 64:90,1k:9, each is drawn")
	f.StringSliceVar(&g.Modes, "mode", modes, "request: messages there and back; stream: bytes in bulk")
	f.StringSliceVar(&g.Directions, "direction", []string{"down"}, "of a stream: down, from the origin; up, to it; both")
	f.StringVar(&o.OriginCPUs, "origin-cpus", "", "CPUs of the origin; default: what server and client leave, else the client's")
	complete(c, map[string][]string{"mode": {bench.ModeRequest, bench.ModeStream}, "direction": {"down", "up", "both"}})
}
