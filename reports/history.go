package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ringbench/ringbench/internal/history"
	"github.com/ringbench/ringbench/internal/stat"
)

// History prints trends for a terminal: a table for every load, then where levels
// changed and conditions did.
func (t Terminal) History(w io.Writer, trends []history.Trend) error {
	b := bufio.NewWriter(w)
	if len(trends) == 0 {
		fmt.Fprintln(b, "no entry has such a figure")
	}
	for len(trends) > 0 {
		of := sameLoad(trends)
		trends = trends[len(of):]
		g := grid{title: of[0].Load, header: []string{"contestant, metric", "entries", "first", "last", "interval", "changed by", "course"}, optional: []string{"first", "interval"}}
		for _, x := range of {
			g.rows = append(g.rows, append([]string{x.Contestant + ", " + metricName(x.Key)}, trendRow(x)...))
			for _, c := range x.Changes {
				g.notes = append(g.notes, changeText(x, c))
			}
		}
		for _, c := range of[0].Cuts {
			g.notes = append(g.notes, cutText(of[0], c))
		}
		if err := t.draw(b, []grid{g}); err != nil {
			return err
		}
	}
	return b.Flush()
}

// sameLoad are the first of trends, as many as are of one load.
func sameLoad(trends []history.Trend) []history.Trend {
	n := 1
	for n < len(trends) && trends[n].Load == trends[0].Load {
		n++
	}
	return trends[:n]
}

func trendRow(t history.Trend) []string {
	first, last := t.Points[0], t.Points[len(t.Points)-1]
	amount := func(x float64) string { return figure(x * scaleOf(t.Key)) }
	changed := none
	if n := len(t.Changes); n > 0 {
		changed = ratioText(t.Changes[n-1].Effect.Center)
	}
	return []string{
		stat.Count(len(t.Points)), amount(first.Median), amount(last.Median),
		amount(last.Lo) + " to " + amount(last.Hi), changed, course(t, 32),
	}
}

// metricName is what a metric is called, with the unit that scaleOf makes it be in.
func metricName(k history.Key) string {
	switch {
	case k.Metric == "cpu":
		return "CPU in ns"
	case k.Metric == "throughput":
		return "throughput a second"
	case k.Metric == "rss":
		return "peak RSS in MiB"
	case k.Unit == "ns":
		return k.Metric + " in µs"
	case k.Unit != "":
		return k.Metric + " in " + k.Unit
	case strings.HasPrefix(k.Metric, "sec/"):
		return "ns" + strings.TrimPrefix(k.Metric, "sec")
	}
	return k.Metric
}

func scaleOf(k history.Key) float64 {
	switch {
	case k.Metric == "cpu":
		return 1
	case k.Metric == "rss":
		return 1.0 / (1 << 20)
	case k.Unit == "ns":
		return 1e-3
	case k.Unit == "" && strings.HasPrefix(k.Metric, "sec/"):
		return 1e9
	}
	return 1
}

// course is a sparkline of a trend's last points, from the least to the most, with a bar where other conditions
// begin.
func course(t history.Trend, most int) string {
	from := max(0, len(t.Points)-most)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range t.Points[from:] {
		lo, hi = min(lo, p.Median), max(hi, p.Median)
	}
	var b strings.Builder
	for i, p := range t.Points[from:] {
		for _, c := range t.Cuts {
			if c.Index == from+i {
				b.WriteRune('│')
			}
		}
		level := 0
		if hi > lo {
			level = int((p.Median - lo) / (hi - lo) * float64(len(levels)-1))
		}
		b.WriteRune(levels[level])
	}
	return b.String()
}

func ratioText(ratio float64) string {
	if math.IsNaN(ratio) {
		return none
	}
	return signed(ratio) + " %"
}

func changeText(t history.Trend, c history.Change) string {
	return fmt.Sprintf("%s, %s: %s from %s on, after %s", t.Contestant, metricName(t.Key), changeWords(t, c), pointName(t.Points[c.Index]), pointName(t.Points[c.Last]))
}

// changeWords says by how much, and whether that is welcome.
func changeWords(t history.Trend, c history.Change) string {
	by := fmt.Sprintf("%s to %s", figure(c.Before*scaleOf(t.Key)), figure(c.After*scaleOf(t.Key)))
	if !math.IsNaN(c.Effect.Center) {
		by = ratioText(c.Effect.Center)
		if !math.IsNaN(c.Effect.Lo) {
			by += fmt.Sprintf(" (%s to %s %%)", signed(c.Effect.Lo), signed(c.Effect.Hi))
		}
	}
	if c.Worse {
		return by + ", worse,"
	}
	return by + ", better,"
}

func cutText(t history.Trend, c history.Cut) string {
	const most = 3
	differences := c.Differences
	more := ""
	if len(differences) > most {
		more = fmt.Sprintf(" and %s more", stat.Count(len(differences)-most))
		differences = differences[:most]
	}
	return fmt.Sprintf("other conditions from %s on, not compared with those before: %s%s", pointName(t.Points[c.Index]), strings.Join(differences, "; "), more)
}

// pointName is the commit of a point and when it was measured.
func pointName(p history.Point) string {
	at := p.Entry.Time.UTC().Format("2006-01-02 15:04")
	if p.Entry.Commit == "" {
		return at
	}
	return shortCommit(p.Entry.Commit) + " (" + at + ")"
}

// shortCommit is as much of a commit's hash as git shows.
func shortCommit(c string) string {
	if len(c) == 40 && strings.Trim(c, "0123456789abcdef") == "" {
		return c[:9]
	}
	return c
}

// HistoryChanges prints where levels changed, the latest last.
func HistoryChanges(w io.Writer, trends []history.Trend) error {
	b := bufio.NewWriter(w)
	n := 0
	for _, t := range trends {
		for _, c := range t.Changes {
			fmt.Fprintln(b, fold(clean(t.Load+": "+changeText(t, c))))
			n++
		}
	}
	switch {
	case len(trends) == 0:
		fmt.Fprintln(b, "no entry has such a figure")
	case n == 0:
		fmt.Fprintln(b, "no level changed")
	}
	return b.Flush()
}

// HistoryList prints entries, one a line.
func HistoryList(w io.Writer, heads []history.Head) error {
	b := bufio.NewWriter(w)
	rows := [][]string{{"entry", "time", "commit", "cells", "conditions", "labels"}}
	for _, h := range heads {
		rows = append(rows, []string{h.ID, h.Time.UTC().Format("2006-01-02 15:04"), shortCommit(h.Commit), stat.Count(h.Cells), h.Environment, history.Describe(h.Labels)})
	}
	if err := drawText(b, rows); err != nil {
		return err
	}
	return b.Flush()
}

// HistoryEntry prints what is in an entry.
func HistoryEntry(w io.Writer, e *history.Entry) error {
	b := bufio.NewWriter(w)
	parts := []string{e.ID(), e.Time.UTC().Format("2006-01-02 15:04:05"), "conditions " + e.Environment()}
	if e.Commit != "" {
		parts = append(parts, "commit "+e.Commit)
	}
	if len(e.Labels) > 0 {
		parts = append(parts, history.Describe(e.Labels))
	}
	fmt.Fprintln(b, fold(clean(strings.Join(parts, ", "))))
	fmt.Fprintln(b)
	for _, c := range e.Cells {
		g := grid{title: c.Load, header: []string{c.Contestant, "median", "interval", "trials"}}
		for _, f := range c.Figures {
			k := history.Key{Metric: f.Metric, Unit: f.Unit}
			amount := func(x float64) string { return figure(x * scaleOf(k)) }
			g.rows = append(g.rows, []string{metricName(k), amount(f.Median), amount(f.Lo) + " to " + amount(f.Hi), stat.Count(f.N)})
		}
		if err := drawAll(b, []grid{g}); err != nil {
			return err
		}
	}
	return b.Flush()
}
