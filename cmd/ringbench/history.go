package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/history"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports"
	"github.com/ringbench/ringbench/reports/page"
)

func historyCommand() *cobra.Command {
	h := &past{}
	c := &cobra.Command{
		Use:   "history",
		Short: "Keep what results said, over commits, and find where a figure changed for good",
		Long: `Keeps medians with their intervals in a directory that may be committed to git:
writers at the same time, killed ones and branches that are merged lose nothing. Where
the level of a figure changed is found by E-divisive means with Student's t; figures
that were measured under other conditions are never compared.`,
		Args: subcommandOnly,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&h.dir, "dir", ".ringbench/history", "where the history is")
	c.AddCommand(h.add(), h.list(), h.show(), h.trend(), h.changepoints(), h.importing(), h.prune())
	return c
}

// past is what the subcommands share.
type past struct {
	dir    string
	filter history.Filter
	find   stat.Changes
	commit string
	labels map[string]string
	json   bool
}

func (h *past) store() *history.Store { return history.At(h.dir) }

// entryFlags are of what an entry is known by.
func (h *past) entryFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&h.commit, "commit", "", "of what was measured")
	f.StringToStringVar(&h.labels, "label", nil, "name=value, such as branch=main; repeatable")
}

func (h *past) entryFilter(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&h.filter.Commit, "commit", "", "entries whose commit begins with this")
	f.StringToStringVar(&h.filter.Labels, "label", nil, "entries that have name=value; repeatable")
	days := []string{time.DateOnly, time.RFC3339}
	f.TimeVar(&h.filter.Since, "since", time.Time{}, days, "entries from this date on, such as 2026-11-01")
	f.TimeVar(&h.filter.Until, "until", time.Time{}, days, "entries until this date, at 0:00 UTC if it has no time")
}

func (h *past) figureFilter(c *cobra.Command) {
	h.entryFilter(c)
	f := c.Flags()
	f.StringVar(&h.filter.Contestant, "contestant", "", "those alone whose names match this pattern, such as 'uring*'")
	f.StringVar(&h.filter.Load, "load", "", "loads that match this pattern, such as 'echo*64 B*'")
	f.StringVar(&h.filter.Metric, "metric", "", "metrics that match this pattern: cpu, throughput, p50, p99, p99.9, syscalls, rss, or what was imported")
}

func (h *past) findFlags(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&h.find.Window, "window", 50, "entries that are looked at together")
	f.IntVar(&h.find.Least, "least", 3, "entries that a level has at least")
	f.Float64Var(&h.find.P, "p", 0.001, "the most that the p of a change may be")
	f.Var(share{&h.find.Magnitude}, "magnitude", "the least by which levels differ, such as 5%; default: by as little as can be told from noise")
}

// check refuses what no search could do.
func (h *past) check() error {
	switch {
	case h.find.Window < 2 || h.find.Least < 1 || h.find.Window < 2*h.find.Least:
		return fmt.Errorf("--window=%d --least=%d: a window has room for two levels of 1 or more", h.find.Window, h.find.Least)
	case !(h.find.P > 0 && h.find.P < 1):
		return fmt.Errorf("--p=%v: it takes a number between 0 and 1", h.find.P)
	}
	if err := h.filter.Check(); err != nil {
		return fmt.Errorf("--contestant, --load, --metric: %w; they take patterns such as 'uring*'", err)
	}
	return h.checkTimes()
}

func (h *past) checkTimes() error {
	if f := h.filter; !f.Until.IsZero() && f.Until.Before(f.Since) {
		return errors.New("--since is after --until: no entry is of both")
	}
	return nil
}

// trends also says on standard error what could not be read.
func (h *past) trends(c *cobra.Command) ([]*history.Entry, []history.Trend, []string, error) {
	if err := h.check(); err != nil {
		return nil, nil, nil, err
	}
	entries, damage, err := h.store().Entries(h.filter)
	if err != nil {
		return nil, nil, nil, err
	}
	warn(c, damage)
	return entries, history.Trends(entries, h.filter, h.find), damage, nil
}

func warn(c *cobra.Command, lines []string) {
	for _, l := range lines {
		fmt.Fprintln(c.ErrOrStderr(), "ringbench: warning:", l)
	}
}

func someArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s takes the names of files; see %s --help", c.CommandPath(), c.CommandPath())
	}
	return nil
}

func (h *past) add() *cobra.Command {
	c := &cobra.Command{
		Use:   "add RESULT.json…",
		Short: "Add what results say, each as an entry",
		Long: `Adds an entry for each result, and prints its ID when it is durable. What is there
already is not added again.`,
		Example: `  ringbench history add result.json --commit=$(git rev-parse HEAD) --label=branch=main`,
		Args:    someArguments,
		RunE: func(c *cobra.Command, args []string) error {
			var entries []*history.Entry
			for _, path := range args {
				s, err := input(c.Context(), path, result.Read)
				if err != nil {
					return err
				}
				e, err := history.New(s, h.commit, h.labels)
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				entries = append(entries, e)
			}
			return h.addAll(c.OutOrStdout(), entries)
		},
	}
	h.entryFlags(c)
	return c
}

func (h *past) addAll(w io.Writer, entries []*history.Entry) error {
	for _, e := range entries {
		added, err := h.store().Add(e)
		if err != nil {
			return err
		}
		said := "added"
		if !added {
			said = "was there"
		}
		if _, err := fmt.Fprintln(w, e.ID(), said); err != nil {
			return failure{err}
		}
	}
	return nil
}

func (h *past) importing() *cobra.Command {
	var at time.Time
	c := &cobra.Command{
		Use:   "import FILE…",
		Short: "Add what go test -bench printed; - is standard input",
		Long: `Adds an entry for each commit of a file in the Go benchmark format; such a file may
name it by the keys commit and commit-time.`,
		Example: `  go test -bench=. -count=10 ./... | ringbench history import - --commit=$(git rev-parse HEAD)`,
		Args:    someArguments,
		RunE: func(c *cobra.Command, args []string) error {
			var entries []*history.Entry
			for _, path := range args {
				of, err := input(c.Context(), path, func(path string) ([]*history.Entry, error) {
					return h.imported(c.InOrStdin(), path, at)
				})
				if err != nil {
					return err
				}
				entries = append(entries, of...)
			}
			return h.addAll(c.OutOrStdout(), entries)
		},
	}
	h.entryFlags(c)
	c.Flags().TimeVar(&at, "time", time.Time{}, []string{time.RFC3339, time.DateOnly}, "when it was measured, where the file does not tell; default: when the file was written")
	return c
}

func (h *past) imported(stdin io.Reader, path string, at time.Time) ([]*history.Entry, error) {
	in, now := stdin, time.Now()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			now = info.ModTime()
		}
		in = f
	}
	if at.IsZero() {
		at = now
	}
	return history.Import(in, path, h.commit, at.Truncate(time.Second), h.labels)
}

func (h *past) list() *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Short:   "List entries",
		Example: "  ringbench history list --label=branch=main --since=2026-11-01",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := h.checkTimes(); err != nil {
				return err
			}
			heads, damage, err := h.store().Heads()
			if err != nil {
				return err
			}
			warn(c, damage)
			heads = h.filter.Heads(heads)
			if h.json {
				return writeJSON(c.OutOrStdout(), heads)
			}
			return reports.HistoryList(c.OutOrStdout(), heads)
		},
	}
	h.entryFilter(c)
	c.Flags().BoolVar(&h.json, "json", false, "as JSON")
	return c
}

func (h *past) show() *cobra.Command {
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show what is in an entry, of whose ID the beginning is enough",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes the ID of an entry; see ringbench history list", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			e, err := h.store().Get(args[0])
			if err != nil {
				return err
			}
			if h.json {
				return writeJSON(c.OutOrStdout(), e)
			}
			return reports.HistoryEntry(c.OutOrStdout(), e)
		},
	}
	c.Flags().BoolVar(&h.json, "json", false, "as JSON, with its conditions")
	return c
}

func (h *past) trend() *cobra.Command {
	var html string
	c := &cobra.Command{
		Use:     "trend",
		Short:   "Show how figures went, where their level changed and where conditions did",
		Example: "  ringbench history trend --metric=cpu --label=branch=main\n  ringbench history trend --html=trend.html",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if html != "" {
				if err := result.Writable(html); err != nil {
					return err
				}
			}
			entries, trends, damage, err := h.trends(c)
			if err != nil {
				return err
			}
			if html == "" {
				return reports.Terminal{Columns: columnsOf(c.OutOrStdout())}.History(c.OutOrStdout(), trends)
			}
			var b bytes.Buffer
			if err := page.Write(&b, reports.HistoryDocument(entries, trends, damage)); err != nil {
				return err
			}
			return result.Replace(html, b.Bytes())
		},
	}
	h.figureFilter(c)
	c.Flags().StringVar(&html, "html", "", "write a page to this file instead")
	h.findFlags(c)
	return c
}

func (h *past) changepoints() *cobra.Command {
	c := &cobra.Command{
		Use:   "changepoints",
		Short: "Say where the level of a figure changed",
		Long: `Says where the level of a figure changed, by how much with a 95 % interval, and between
which commits. It advises: whatever it finds the exit code is 0; ringbench gate decides.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, trends, _, err := h.trends(c)
			if err != nil {
				return err
			}
			if h.json {
				return writeJSON(c.OutOrStdout(), history.Report(trends))
			}
			return reports.HistoryChanges(c.OutOrStdout(), trends)
		},
	}
	h.figureFilter(c)
	h.findFlags(c)
	c.Flags().BoolVar(&h.json, "json", false, "as JSON")
	return c
}

func (h *past) prune() *cobra.Command {
	var p history.Prune
	var dry bool
	var older age
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove entries that are no longer wanted",
		Long: `Removes the entries that --older-than and --keep both let go, the earliest first, but
none since the last change of any figure, of which the present level is made.`,
		Example: "  ringbench history prune --older-than=365d --keep=100",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if p.Keep < 0 || p.Keep == 0 && older == 0 {
				return errors.New("it takes --keep with a number above 0, --older-than, or both")
			}
			if err := h.checkTimes(); err != nil {
				return err
			}
			if older > 0 {
				p.Before = time.Now().Add(-time.Duration(older))
			}
			entries, damage, err := h.store().Entries(h.filter)
			if err != nil {
				return err
			}
			warn(c, damage)
			going, forLevels := p.Choose(entries)
			n, said := len(going), "would go"
			if !dry {
				n, err = h.store().Remove(going)
				said = "are gone"
			}
			fmt.Fprintf(c.OutOrStdout(), "%s of %s entries %s", stat.Count(n), stat.Count(len(entries)), said)
			if forLevels > 0 {
				fmt.Fprintf(c.OutOrStdout(), "; %s more would, were they not since the last change of a figure (--levels)", stat.Count(forLevels))
			}
			fmt.Fprintln(c.OutOrStdout())
			return err
		},
	}
	h.entryFilter(c)
	f := c.Flags()
	f.IntVar(&p.Keep, "keep", 0, "the newest so many entries stay")
	f.Var(&older, "older-than", "only entries older than this go, such as 90d or 36h")
	f.BoolVar(&p.Levels, "levels", false, "also what the present level of a figure is made of may go")
	f.BoolVar(&dry, "dry-run", false, "say how many would go, and remove none")
	return c
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return failure{err}
	}
	return nil
}
