package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/ctwin"
)

func calibrateCommand() *cobra.Command {
	c := calibrateEchoCommand()
	c.Use, c.Args = "calibrate", subcommandOnly
	c.Short = "Measure the servers against C programs of the same design; by default echo servers"
	c.AddCommand(calibrateEchoCommand(), calibrateProxyCommand(), calibrateReadCommand())
	return c
}

func calibrateEchoCommand() *cobra.Command {
	g := bench.EchoGrid{Conns: []int{1, 64, 256, 1000}, Sizes: []int{64, 4096}}
	cal := bench.Calibration{Options: bench.Options{Grid: &g}, Workload: "echo"}
	c := &cobra.Command{
		Use:   "echo",
		Short: "Echo servers against C programs of the same design",
		Long: `Builds C programs of the same design as the servers with the system's C
compiler (CC, cc, gcc or clang), runs each beside ours at the same moment, under
the same load generator and meters, and prints ratios of CPU a message, throughput
and latency with 95 % confidence intervals. It also compares io_uring with epoll,
ours and C's, and a C program with itself: what that shows is noise.`,
		Example: `  ringbench calibrate
  ringbench calibrate --backend=uring,epoll --conns=64 --size=64 --trials=30
  ringbench calibrate --sessions=3 --session-gap=5m -o calibration.json --html=calibration.html`,
	}
	g.Networks, g.Pipelines = []string{"tcp"}, []int{1}
	c.Flags().IntSliceVar(&g.Conns, "conns", []int{1, 64, 256, 1000}, "connections")
	g.Sizes = []int{64, 4096}
	c.Flags().Var(sizes{&g.Sizes}, "size", "bytes of a message")
	duetFlags(c, &cal.Options, 10, 500*time.Millisecond, 200*time.Millisecond)
	clientFlags(c, &cal.Options)
	calibrates(c, &cal, "uring", "epoll", "threadpool", "net")
	return c
}

func calibrateProxyCommand() *cobra.Command {
	g := bench.ProxyGrid{}
	cal := bench.Calibration{Options: bench.Options{Grid: &g}, Workload: "proxy"}
	c := &cobra.Command{
		Use:   "proxy",
		Short: "Proxies against C programs of the same design",
		Long: `What ringbench calibrate does, with proxies, each between a client and an origin of
its own. epoll+splice and the proxy of package net, which splices too, are measured
against a C program that does so by epoll.`,
		Example: `  ringbench calibrate proxy
  ringbench calibrate proxy --backend=uring,epoll --mode=request --conns=64 --trials=30
  ringbench calibrate proxy --mode=stream --direction=down,both --conns=16`,
	}
	g.Networks, g.Pipelines = []string{"tcp"}, []int{1}
	passFlags(c, &g, &cal.Options, []int{1, 64}, bench.ModeRequest, bench.ModeStream)
	duetFlags(c, &cal.Options, 6, 500*time.Millisecond, 200*time.Millisecond)
	clientFlags(c, &cal.Options)
	calibrates(c, &cal, "uring", "epoll", "epoll+splice", "net")
	return c
}

func calibrateReadCommand() *cobra.Command {
	g := bench.ReadGrid{Op: "read", Depths: []int{1, 32}}
	cal := bench.Calibration{Options: bench.Options{Grid: &g}, Workload: "read"}
	c := &cobra.Command{
		Use:   "read",
		Short: "Reads of a file against C programs of the same design",
		Long: `What ringbench calibrate does, with reads of one file, which both programs have at
the same moment. io_uring is measured against a ring in C; the thread pool and
package os, whose reads block in a thread each too, against threads in C.`,
		Example: `  ringbench calibrate read
  ringbench calibrate read --backend=uring --bs=4k,64k --depth=1,8,32 --trials=30
  ringbench calibrate read --direct --dir=/mnt/nvme`,
	}
	fileFlags(c, &g)
	c.Flags().Var(size{&g.FileBytes}, "file-size", "of the file, such as 4g; default: 256m")
	duetFlags(c, &cal.Options, 10, 500*time.Millisecond, 200*time.Millisecond)
	calibrates(c, &cal, "uring", "threadpool", "net")
	return c
}

// calibrates makes c the command that carries a calibration out.
func calibrates(c *cobra.Command, cal *bench.Calibration, names ...string) {
	var out outputs
	c.Args = noArguments
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		draw(&cal.Seed)
		names, err := cal.Programs()
		if err != nil {
			return err
		}
		if cal.Twins, err = ctwin.Build(cmd.Context(), names...); err != nil {
			return err
		}
		defer cal.Twins.Remove()
		p, warnings, err := cal.Plan()
		if err != nil {
			return err
		}
		return announced(cmd.Context(), p, warnings, out)
	}
	c.Flags().StringSliceVar(&cal.Backends, "backend", names, "which of ours")
	out.flags(c)
	complete(c, map[string][]string{"backend": variants()})
}
