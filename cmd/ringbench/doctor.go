package main

import (
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/doctor"
	"github.com/ringbench/ringbench/internal/meter"
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Is this machine fit to measure on? What bends results here, and what to do about it",
		Long: `Looks at everything that is known to bend results, and changes nothing. What
cannot be found out is unknown, which is never taken for ok. The exit code is 1
when there is a warning.`,
		Example: "  ringbench doctor\n  ringbench doctor --json",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			r := doctor.Examine(subject())
			write := r.Table
			if asJSON {
				write = r.JSON
			}
			if err := write(c.OutOrStdout()); err != nil {
				return failure{err}
			}
			if r.Warnings > 0 {
				return failure{errors.New("this machine is not as it should be to measure on: " + r.String())}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the report for programs")
	return c
}

// subject is this machine.
func subject() doctor.Subject {
	s := doctor.Subject{
		Files: meter.Root(), Arch: runtime.GOARCH, TempDir: os.TempDir(),
		Trace: meter.CanTrace(), Grouping: child.Grouping(), Span: time.Second, Wait: time.Sleep,
	}
	b, err := backends.Lookup("uring")
	if err == nil {
		err = b.Probe()
	}
	if s.Ring = err; err == nil {
		s.Tier = b.Traits().Tier
	}
	return s
}
