package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/workloads"
)

func churnCommand() *cobra.Command {
	g := bench.ChurnGrid{RequestsPerConn: []int{1, 10}}
	o := bench.Options{Grid: &g}
	var out outputs
	c := &cobra.Command{
		Use:   "churn",
		Short: "Compare echo servers under short connections: connections a second, latency, CPU and system calls a connection",
		Long: `Starts each server in a process of its own and drives it from another over
loopback by connections that are short: connect, one request and its reply or
several, close. As many are open at a time as --conns says, each followed by the
next. What is counted and timed is a connection, from the start of its connect to
the last byte of its last reply; every byte is verified.

The client closes first, so TIME_WAIT stays on its side. Over tcp it takes its
source addresses from all of 127.0.0.0/8 in turn, so that ports do not run out.`,
		Example: `  ringbench churn
  ringbench churn --requests-per-conn=1 --backend=uring,epoll --duet --trials=30
  ringbench churn --rate=5000 --conns=256
  ringbench churn --server-cmd='mine=./my-server {port}'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return contest(cmd, &o, out) },
	}
	churnFlags(c, &g)
	findFlags(c, &o)
	comparisonFlags(c, &o, 600*time.Millisecond, 200*time.Millisecond)
	out.flags(c)
	return c
}

// churnFlags are the load's; g holds the defaults that commands differ by.
func churnFlags(c *cobra.Command, g *bench.ChurnGrid) {
	f := c.Flags()
	f.IntSliceVar(&g.Conns, "conns", []int{64}, "connections at a time")
	f.IntSliceVar(&g.RequestsPerConn, "requests-per-conn", g.RequestsPerConn, "requests that a connection makes, one after the other")
	g.Sizes = []int{64}
	f.Var(messageSizes{&g.Sizes, &g.Mix}, "size", "bytes of a request, and of its reply, such as 64,4k; with weights, such as 64:90,1k:9, each is drawn")
	paceFlags(c, &g.Pace, "connections a second")
	f.StringSliceVar(&g.Networks, "network", []string{"tcp"}, "tcp, tcp6, unix")
	complete(c, map[string][]string{"network": workloads.Streams})
}
