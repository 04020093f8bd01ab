package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports"
)

// formats are what a report can be on standard output instead of a table, by the
// name of the option.
var formats = []struct {
	name, what string
	print      func(io.Writer, *result.Set) error
}{
	{"markdown", "the tables as GitHub's Markdown", reports.Markdown},
	{"csv", "one line a trial, with base units in the header", reports.CSV},
	{"benchfmt", "the trials in Go's benchmark format, for benchstat -col /backend", reports.Benchmarks},
	{"openmetrics", "medians and quantiles as OpenMetrics text, for Prometheus", reports.OpenMetrics},
	{"json", "the raw result, of several files the joined one", reports.JSON},
}

func reportCommand() *cobra.Command {
	var out outputs
	var hgrm, hlog, base string
	chosen := make([]bool, len(formats))
	c := &cobra.Command{
		Use:   "report RESULT.json...",
		Short: "Print a result again, or several as one, in any format",
		Long: `Prints what a run has written by --output: as the table, or in one other format,
and as files. It depends on the result alone, so that it can be made again.

Of several files it makes one report. Their cells are put together, and each run's
sessions are sessions of their own, so that intervals carry what differs between
runs. In which conditions the runs differ is said.`,
		Example: `  ringbench report result.json --html=report.html --png=plots
  ringbench report monday.json tuesday.json --wide
  ringbench report result.json --base=epoll --html=report.html
  ringbench report result.json --benchfmt > bench.txt; benchstat -col /backend bench.txt
  ringbench report result.json --hgrm=percentiles --hlog=latency.hlog`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s takes results, files that --output has written; see %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			for i, f := range formats {
				if !chosen[i] {
					continue
				}
				if out.print != nil {
					return errors.New("standard output takes one format; call it once for each")
				}
				out.print = f.print
			}
			out.extra = []output{
				{"--hlog", hlog, nil, func(path string, s *result.Set) error { return toFile(path, reports.HLog, s) }},
				{"--hgrm", hgrm, []string{"percentiles.hgrm"}, reports.HGRM},
			}
			return report(c.Context(), args, base, out)
		},
	}
	f := c.Flags()
	out.reportFlags(c)
	for i, format := range formats {
		f.BoolVar(&chosen[i], format.name, false, "print "+format.what)
	}
	f.StringVar(&base, "base", "", "the contestant that all others are compared with, in place of that of the run")
	f.StringVar(&hgrm, "hgrm", "", "write the percentiles of latency to this directory, for HdrHistogram's plotter")
	f.StringVar(&hlog, "hlog", "", "write the histogram of each trial to this HdrHistogram log")
	return c
}

// report gives out the results of files as one, compared with a base if that is named.
func report(ctx context.Context, paths []string, base string, out outputs) error {
	var from []result.Source
	for i, path := range paths {
		s, err := input(ctx, path, result.Read)
		if err != nil {
			return err
		}
		from = append(from, result.Source{Name: name(path, paths), Set: s})
		for _, o := range out.files() {
			if o.names == nil && sameFile(o.path, path) {
				return fmt.Errorf("%s=%s would overwrite the result that the report is of; name another file", o.flag, o.path)
			}
		}
		for _, before := range paths[:i] {
			if sameFile(before, path) {
				return fmt.Errorf("%s and %s are one file; name it once", before, path)
			}
		}
	}
	set, err := result.Join(from...)
	if err != nil {
		return err
	}
	if base != "" {
		if err := set.Rebase(base); err != nil {
			return fmt.Errorf("--base=%s: %w", base, err)
		}
	}
	if err := out.check(); err != nil {
		return err
	}
	if err := out.write(set); err != nil {
		return failure{err}
	}
	return nil
}

// name is what a report calls a file: its name alone, where no other is of that
// name.
func name(path string, all []string) string {
	n := 0
	for _, other := range all {
		if filepath.Base(other) == filepath.Base(path) {
			n++
		}
	}
	if n > 1 {
		return path
	}
	return strings.TrimSpace(filepath.Base(path))
}
