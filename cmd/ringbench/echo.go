package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/workloads"
)

func echoCommand() *cobra.Command {
	var g bench.EchoGrid
	o := bench.Options{Grid: &g}
	var out outputs
	c := &cobra.Command{
		Use:   "echo",
		Short: "Compare echo servers: throughput, latency, CPU and system calls a message",
		Long: `Starts each server in a process of its own, drives it from another over
loopback, verifies every byte that comes back, and prints how they compare.

A backend may be followed by +feature and -feature, as in uring+sqpoll or
uring-multishot. Lists make a grid of all combinations.`,
		Example: `  ringbench echo
  ringbench echo --backend=uring,epoll --conns=1,64,1000 --size=64,1024,16384
  ringbench echo --backend=epoll,uring --duet --trials=30
  ringbench echo --network=udp --conns=1,64 --pipeline=1,8
  ringbench echo --rate=1k..200k:8 --arrivals=poisson
  ringbench echo --find-max --slo='p99<1ms' --backend=uring,epoll
  ringbench echo --size=64:90,1024:9,16384:1
  ringbench echo --rate=50000 -o result.json --html=report.html
  ringbench echo --backend=uring --server-cmd='mine=./my-server {port}'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return contest(cmd, &o, out) },
	}
	echoFlags(c, &g)
	c.Flags().StringArrayVar(&o.Slow, "slow", nil, "NAME=5% or NAME=400ns: that contestant again, with a spin that adds so much to its CPU a message; repeatable")
	if err := c.Flags().MarkHidden("slow"); err != nil {
		panic(err) // a flag that does not exist: a mistake of this program
	}
	findFlags(c, &o)
	comparisonFlags(c, &o, time.Second, 400*time.Millisecond)
	out.flags(c)
	return c
}

// echoFlags are the load's.
func echoFlags(c *cobra.Command, g *bench.EchoGrid) {
	g.Sizes = []int{64}
	f := c.Flags()
	f.IntSliceVar(&g.Conns, "conns", []int{64}, "connections")
	f.Var(messageSizes{&g.Sizes, &g.Mix}, "size", "bytes of a message, such as 64,4k; with weights, such as 64:90,1k:9, each is drawn")
	f.IntSliceVar(&g.Pipelines, "pipeline", []int{1}, "messages outstanding on a connection")
	paceFlags(c, &g.Pace, "messages a second over all connections")
	f.IntSliceVar(&g.Idle, "idle-conns", []int{0}, "silent connections beside --conns: prints the memory that one takes")
	f.StringSliceVar(&g.Networks, "network", []string{"tcp"}, "tcp, tcp6, unix, udp, udp6")
	complete(c, map[string][]string{"network": workloads.Networks})
}

// comparisonFlags are those of the commands that compare servers of all kinds.
func comparisonFlags(c *cobra.Command, o *bench.Options, duration, warmup time.Duration) {
	f := c.Flags()
	f.StringSliceVar(&o.Backends, "backend", []string{"all"}, "contestants; all, the default where no other server is named, is every backend that is available here")
	f.IntVar(&o.Loops, "loops", 1, "event loops of a server")
	f.IntVar(&o.Workers, "workers", 0, "limit of the thread pool; 0: one worker a connection, and for datagrams one a CPU")
	f.DurationVar(&o.Duration, "duration", duration, "measured window of a trial")
	f.DurationVar(&o.Warmup, "warmup", warmup, "load before the window")
	f.IntVar(&o.Trials, "trials", 5, "trials of each cell, interleaved in random order")
	f.Uint64Var(&o.Seed, "seed", 0, "of the order of trials and of the bytes sent; 0: a random one, which the result records")
	f.StringVar(&o.ServerCPUs, "server-cpus", "", "CPUs of the server, such as 0-3,8; default: one a loop")
	f.BoolVar(&o.AA, "aa", true, "also compare the first contestant with itself: what those differ by is noise")
	f.BoolVar(&o.Duet, "duet", false, "run two contestants at the same moment on the same CPUs: the most sensitive comparison on a noisy machine")
	sessionFlags(c, o)
	f.StringVar(&o.Target, "target", "", "IP:PORT of a server that runs already, instead of --backend")
	f.IntVar(&o.TargetPID, "target-pid", 0, "its process, to measure its CPU, system calls and memory and those of its descendants")
	f.StringArrayVar(&o.Commands, "server-cmd", nil, "NAME=COMMAND of a foreign server, started with {port} replaced by the port to listen on; repeatable")
	f.DurationVar(&o.Patience, "start-timeout", bench.DefaultPatience, "how long a server and its client may take to get ready, and to answer when the load is over")
	f.BoolVar(&o.Audit, "audit", true, "also count system calls by tracepoint after each window, where permitted")
	clientFlags(c, o)
	complete(c, map[string][]string{"backend": append([]string{"all"}, variants()...)})
}

// clientFlags are about the load generator.
func clientFlags(c *cobra.Command, o *bench.Options) {
	f := c.Flags()
	f.StringVar(&o.Placement, "placement", "", "split: server and client on CPUs of their own; shared: on the same; default: split where there are two CPUs")
	f.StringVar(&o.ClientCPUs, "client-cpus", "", "CPUs of the client")
	f.StringVar(&o.Client, "client", bench.DefaultClient, "backend of the load generator, the same for every contestant")
	complete(c, map[string][]string{"client": {"epoll", "uring"}, "placement": {"split", "shared"}})
}

// contest is what those commands do.
func contest(cmd *cobra.Command, o *bench.Options, out outputs) error {
	draw(&o.Seed)
	o.BackendsByUser = cmd.Flags().Changed("backend")
	p, warnings, err := o.Plan()
	if err != nil {
		return err
	}
	return execute(cmd.Context(), p, warnings, out)
}

// execute runs the plan and gives out the result, whole or as far as it got; with
// --dry-run it gives out the plan.
func execute(ctx context.Context, p *result.Plan, warnings []string, out outputs) error {
	if err := out.check(); err != nil {
		return err
	}
	if out.dryRun {
		return out.plan(p, warnings)
	}
	about := func(set *result.Set) {
		set.Warnings = append(slices.Clone(warnings), set.Warnings...)
		set.Command = os.Args
		set.Version = version()
	}
	set, err := bench.Run(ctx, p, progress(os.Stderr), out.keep(about))
	about(set)
	if len(set.Trials) == 0 && err != nil && ctx.Err() == nil {
		return err // nothing was measured: the environment refused
	}
	return conclude(ctx, set, err, out)
}

// conclude gives out the result of a run that ended with err.
func conclude(ctx context.Context, set *result.Set, err error, out outputs) error {
	if werr := out.write(set); werr != nil {
		return failure{errors.Join(err, werr)}
	}
	out.discard()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failure{err}
	}
	if void := set.Void(); len(void) > 0 {
		return failure{fmt.Errorf("%s of %s trials are void: %s", stat.Count(len(void)), stat.Count(len(set.Trials)), void[0].Void)}
	}
	return nil
}

// version is that of the module; the commit is in the result's environment.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
