package main

import (
	"fmt"
	"strings"

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
	c.AddCommand(ablateEchoCommand())
	return c
}

func ablateEchoCommand() *cobra.Command {
	var a bench.Ablation
	var out outputs
	c := &cobra.Command{
		Use:   "echo",
		Short: "Echo servers: a backend's default without each of its features and with each other one",
		Long: `Runs the backend's default at the same moment as the default without one of its
features, or with one more, and prints by how much that changes the CPU a message
and the throughput, with 95 % confidence intervals. The first row is the default
against itself: what it shows is noise.`,
		Example: `  ringbench ablate echo
  ringbench ablate echo --features=multishot,bufring --trials=30
  ringbench ablate echo --backend=epoll --conns=1,64,1000 -o ablation.json`,
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
	duetFlags(c, &a.Options, []int{64}, []int{64}, 8)
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
