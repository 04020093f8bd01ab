package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/bench"
)

func ablateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ablate",
		Short: "What is each feature of a backend worth?",
		Args:  subcommandOnly,
		RunE: func(c *cobra.Command, _ []string) error {
			return fmt.Errorf("%s needs a workload: %s", c.CommandPath(), strings.Join(subcommands(c), ", "))
		},
	}
	c.AddCommand(
		ablation("echo", "Echo servers", "message", func(c *cobra.Command, o *bench.Options) {
			var g bench.EchoGrid
			o.Grid = &g
			echoFlags(c, &g)
			clientFlags(c, o)
		}),
		ablation("churn", "Echo servers under short connections", "connection", func(c *cobra.Command, o *bench.Options) {
			g := bench.ChurnGrid{RequestsPerConn: []int{1}}
			o.Grid = &g
			churnFlags(c, &g)
			clientFlags(c, o)
		}),
		ablation("read", "Reads and writes of a file", "operation", func(c *cobra.Command, o *bench.Options) {
			g := bench.ReadGrid{Depths: []int{32}}
			o.Grid = &g
			readFlags(c, &g)
		}),
		ablation("proxy", "Proxies", "message", func(c *cobra.Command, o *bench.Options) {
			var g bench.ProxyGrid
			o.Grid = &g
			proxyFlags(c, &g, o)
			clientFlags(c, o)
		}),
		ablation("stream", "Servers that send a file to each client", "file", func(c *cobra.Command, o *bench.Options) {
			var g bench.StreamGrid
			o.Grid = &g
			streamFlags(c, &g)
			clientFlags(c, o)
		}),
	)
	return c
}

// ablation is the command of one workload; load makes its grid and the flags that
// change it.
func ablation(workload, what, unit string, load func(*cobra.Command, *bench.Options)) *cobra.Command {
	var a bench.Ablation
	var out outputs
	c := &cobra.Command{
		Use:   workload,
		Short: what + ": a backend's default without each of its features and with each other one",
		Long: `Runs the backend's default at the same moment as the default without one of its
features, or with one more, and prints by how much that changes the CPU of each
` + unit + ` and the throughput, with 95 % confidence intervals. The first row is
the default against itself: what it shows is noise. Features that act on nothing
that the workload does are left out, and the result says why.`,
		Example: fmt.Sprintf(`  ringbench ablate %s
  ringbench ablate %[1]s --features=defer,sqpoll --trials=30
  ringbench ablate %[1]s --backend=epoll -o ablation.json`, workload),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			draw(&a.Seed)
			p, warnings, err := a.Plan()
			if err != nil {
				return err
			}
			return announced(cmd.Context(), p, warnings, out)
		},
	}
	load(c, &a.Options)
	duetFlags(c, &a.Options, 6, 400*time.Millisecond, 150*time.Millisecond)
	c.Flags().StringVar(&a.Backend, "backend", "uring", "whose features")
	c.Flags().StringSliceVar(&a.Only, "features", nil, "these only")
	out.flags(c)
	var families, features []string
	for _, f := range backends.Families() {
		if len(f.Features) > 0 {
			families = append(families, f.Name)
		}
		for name := range f.Features {
			features = append(features, strings.TrimSuffix(name, "="))
		}
	}
	complete(c, map[string][]string{"backend": families, "features": features})
	return c
}
