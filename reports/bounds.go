package reports

import (
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
)

// Bounds of a page that can still be read and opened, and that stays below page.Most
// however many cells there are. The result file has all.
const (
	verdictsMost = 24
	notesMost    = 24  // of one label
	listMost     = 100 // of notes of all labels, or those of a table, at either end
	tablesMost   = 32  // of a section, or what has several tables
	rowsMost     = 160 // of a section's tables
	panelsMax    = 32  // of a picture
	panelRows    = 60  // of a panel
	tilesMost    = 40  // of a heat map in either direction
	ratesMost    = 100 // of a line of a sweep
	// trialsMost is how many trials a page holds raw: more cannot be compressed enough.
	trialsMost = 6000
	// pointsMax bounds the points of a chart: lines have fewer where there are many.
	pointsMax = 3000
)

// whereAll says where a reader finds what a page leaves out.
const whereAll = "the result file and ringbench report --csv have all"

// firstOf says how much of something is shown: it is the first of a list.
func firstOf(n, of int, what string) string {
	return fmt.Sprintf("the first %s of %s %s", stat.Count(n), stat.Count(of), what)
}

// bounded are the first lines, and how many more there are.
func bounded(lines []string, most int) []string {
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("and %s more: %s", stat.Count(len(lines)-most), whereAll))
}

// ends are the first and the last of what is longer than twice as many, and between
// them what says of how many more.
func ends[T any](list []T, most int, said func(string) T) []T {
	more := len(list) - 2*most
	if more <= 0 {
		return list
	}
	return slices.Concat(list[:most], []T{said(fmt.Sprintf("and %s more: %s", stat.Count(more), whereAll))}, list[most+more:])
}

// firstTables are those of the first of n things, of each all, as long as a section has
// room for their rows. Under the last stand closing and what is left out.
func firstTables(n int, what string, of func(i int) []page.Table, closing ...string) (tables []page.Table) {
	shown, rows := 0, 0
	for ; shown < min(n, tablesMost); shown++ {
		next := of(shown)
		if shown == 0 {
			fewRows(next)
		}
		for _, t := range next {
			rows += len(t.Rows)
		}
		if shown > 0 && rows > rowsMost {
			break
		}
		tables = append(tables, next...)
	}
	if shown < n {
		closing = append(closing, firstOf(shown, n, what)+": "+whereAll)
	}
	if len(tables) > 0 {
		last := &tables[len(tables)-1]
		last.Notes = append(last.Notes[:len(last.Notes):len(last.Notes)], closing...)
	}
	return tables
}

// fewRows cuts tables that have too many rows for one section: each to its share of the
// room that those before it leave.
func fewRows(tables []page.Table) {
	left := rowsMost
	for i := range tables {
		t, share := &tables[i], left/(len(tables)-i)
		if n := len(t.Rows); n > share {
			t.Notes = append(t.Notes[:len(t.Notes):len(t.Notes)], firstOf(share, n, "rows")+": "+whereAll)
			t.Rows = t.Rows[:share]
		}
		left -= len(t.Rows)
	}
}

// inPoints is how many points of a line take as much of a page as p.
func inPoints(p *chart.Panel) (n int) {
	for _, s := range p.Series {
		if s.Kind == chart.Line || s.Kind == chart.Band {
			n += len(s.Points)
		} else {
			n += 4 * len(s.Points)
		}
	}
	return n
}
