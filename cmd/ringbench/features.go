package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/reports"
)

// families is what features tells about; tests put others in its place.
var families = backends.Families

func featuresCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "features [BACKEND…]",
		Short: "List what each backend can do on this machine, and why not",
		Long: `Asks this kernel, and tries on it, everything that the backends know by name:
since which kernel it exists, whether this kernel has it, whether it can act on
this machine, whether it is in force by default, and the variant that switches
it on or off.`,
		Example: `  ringbench features
  ringbench features uring --json`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return servers(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			list, err := chosen(args)
			if err != nil {
				return err
			}
			found := bench.Capabilities(list)
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				e.SetEscapeHTML(false)
				return e.Encode(found)
			}
			return reports.Features(c.OutOrStdout(), found)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print everything as JSON, with a line about each")
	return c
}

// chosen are the families named, in their own order; none named is all.
func chosen(names []string) (list []backends.Family, err error) {
	for _, n := range names {
		if !slices.Contains(servers(), n) {
			return nil, fmt.Errorf("features: unknown backend %q: known are %s", n, strings.Join(servers(), ", "))
		}
	}
	for _, f := range families() {
		if f.Rank > 0 && (len(names) == 0 || slices.Contains(names, f.Name)) {
			list = append(list, f)
		}
	}
	return list, nil
}

// servers are the families that can be contestants.
func servers() (names []string) {
	for _, f := range families() {
		if f.Rank > 0 {
			names = append(names, f.Name)
		}
	}
	return names
}
