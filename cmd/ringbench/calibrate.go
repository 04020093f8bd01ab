package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/ctwin"
)

func calibrateCommand() *cobra.Command {
	var cal bench.Calibration
	var out outputs
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure the servers against C programs of the same design",
		Long: `Builds C programs of the same design as the servers with the system's C
compiler (CC, cc, gcc or clang), runs each beside ours at the same moment, under
the same load generator and meters, and prints ratios of CPU a message, throughput
and latency with 95 % confidence intervals. It also compares io_uring with epoll,
ours and C's, and a C program with itself: what that shows is noise.`,
		Example: `  ringbench calibrate
  ringbench calibrate --backend=uring,epoll --conns=64 --size=64 --trials=30
  ringbench calibrate --sessions=3 --session-gap=5m -o calibration.json --html=calibration.html`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			draw(&cal.Seed)
			names, err := bench.TwinsOf(cal.Backends)
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
		},
	}
	g := &bench.EchoGrid{Networks: []string{"tcp"}, Pipelines: []int{1}}
	cal.Grid = g
	messageFlags(c, g, []int{1, 64, 256, 1000}, []int{64, 4096})
	duetFlags(c, &cal.Options, 10, 500*time.Millisecond, 200*time.Millisecond)
	clientFlags(c, &cal.Options)
	c.Flags().StringSliceVar(&cal.Backends, "backend", []string{"uring", "epoll", "threadpool", "net"}, "which of ours")
	out.flags(c)
	complete(c, map[string][]string{"backend": variants()})
	return c
}
