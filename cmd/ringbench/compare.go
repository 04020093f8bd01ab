package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports"
)

func compareCommand() *cobra.Command {
	var o compare.Options
	var markdown, json bool
	var html string
	var within []string
	c := &cobra.Command{
		Use:   "compare BASE HEAD [HEAD…]",
		Short: "What differs between two results, or between two contestants of one?",
		Long: `Compares results, files or directories of them, with the first: in which conditions
they differ, then for each contestant and load that both have, and each metric, the
ratio with its 95 % interval and the verdict: regression, improvement, no difference
within the threshold, or inconclusive and how many more trials would settle it.

Results of two runs were measured apart, and what differs between runs is in their
intervals only where there are several sessions of each: results of a directory count as
sessions. With --contestants it compares two contestants of one result by the pairs
of trials that ran at the same moment or in the same block, which is steadier.

It ends with exit code 0 whatever it finds: ringbench gate decides.`,
		Example: `  ringbench compare before.json after.json
  ringbench compare before/ after/ --markdown
  ringbench compare result.json --contestants=epoll,uring --html=report.html`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case within != nil && len(within) != 2:
				return fmt.Errorf("--contestants takes two names, base and head, such as epoll,uring")
			case within != nil && len(args) != 1:
				return fmt.Errorf("%s --contestants takes one result; see %s --help", c.CommandPath(), c.CommandPath())
			case within == nil && len(args) < 2:
				return fmt.Errorf("%s takes two results or more, base first; see %s --help", c.CommandPath(), c.CommandPath())
			case markdown && json:
				return errors.New("--markdown and --json both print to standard output; give one")
			case html != "" && len(args) > 2:
				return errors.New("--html takes one comparison; give one head")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			write := reports.Terminal{Columns: columnsOf(c.OutOrStdout())}.Comparison
			switch {
			case markdown:
				write = reports.ComparisonMarkdown
			case json:
				write = reports.ComparisonJSON
			}
			if html != "" {
				if err := result.Writable(html); err != nil {
					return err
				}
				write = alsoPage(html, write)
			}
			if within != nil {
				return compareWithin(c.Context(), c.OutOrStdout(), args[0], within, o, write)
			}
			return compareResults(c.Context(), c.OutOrStdout(), args, o, write)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&within, "contestants", nil, "compare these two of one result, base and head")
	f.Var(share{&o.Threshold}, "threshold", "the least change that matters; default: 1%")
	f.Uint64Var(&o.Seed, "seed", 1, "of what is drawn at random for the intervals of percentiles")
	f.BoolVar(&markdown, "markdown", false, "print Markdown")
	f.BoolVar(&json, "json", false, "print JSON, in base units")
	f.StringVar(&html, "html", "", "write a page to this file")
	return c
}

type comparisonWriter = func(io.Writer, *compare.Comparison) error

// alsoPage writes a page besides.
func alsoPage(path string, write comparisonWriter) comparisonWriter {
	return func(w io.Writer, c *compare.Comparison) error {
		var b bytes.Buffer
		if err := reports.ComparisonHTML(&b, c); err != nil {
			return err
		}
		if err := result.Replace(path, b.Bytes()); err != nil {
			return err
		}
		return write(w, c)
	}
}

func compareWithin(ctx context.Context, w io.Writer, path string, names []string, o compare.Options, write comparisonWriter) error {
	set, err := input(ctx, path, result.Read)
	if err != nil {
		return err
	}
	found, err := compare.Pairs(set, names[0], names[1], o)
	if err != nil {
		return fmt.Errorf("--contestants: %w", err)
	}
	if err := write(w, found); err != nil {
		return failure{err}
	}
	return nil
}

// compareResults compares the first with each of the others.
func compareResults(ctx context.Context, w io.Writer, paths []string, o compare.Options, write comparisonWriter) error {
	base, err := input(ctx, paths[0], result.ReadAll)
	if err != nil {
		return err
	}
	var all []*compare.Comparison
	for _, path := range paths[1:] {
		head, err := input(ctx, path, result.ReadAll)
		if err != nil {
			return err
		}
		o.BaseName, o.HeadName = paths[0], path
		found, err := compare.Results(base, head, o)
		if err != nil {
			return fmt.Errorf("%s and %s: %w", paths[0], path, err)
		}
		all = append(all, found)
	}
	for _, found := range all {
		if err := write(w, found); err != nil {
			return failure{err}
		}
	}
	return nil
}
