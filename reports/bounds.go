package reports

import (
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
)

// Bounds of a page that can still be read and opened, and that stays below page.Most
// however many cells there are. The result file has all.
const (
	verdictsMost = 24
	notesMost    = 24  // of one label
	listMost     = 100 // of notes of all labels, or those of a table, at either end
	tablesMost   = 32  // of a section
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

// bounded are the first lines, and how many more there are.
func bounded(lines []string, most int) []string {
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("and %d more: %s", len(lines)-most, whereAll))
}

// ends are the first and the last of what is longer than twice as many, and between
// them what says of how many more.
func ends[T any](list []T, most int, said func(string) T) []T {
	more := len(list) - 2*most
	if more <= 0 {
		return list
	}
	return slices.Concat(list[:most], []T{said(fmt.Sprintf("and %d more: %s", more, whereAll))}, list[most+more:])
}

// cut notes under the last table that there would be one for each of so many loads.
func cut(tables []page.Table, loads int) []page.Table {
	if loads > tablesMost {
		last := &tables[len(tables)-1]
		last.Notes = append(last.Notes, fmt.Sprintf("tables are of the first %d of %d loads: %s", tablesMost, loads, whereAll))
	}
	return tables
}

// fewRows are the first rows of the tables, and what the notes of the last say.
func fewRows(tables []page.Table) []page.Table {
	left := rowsMost
	for i := range tables {
		t := &tables[i]
		if len(t.Rows) <= left {
			left -= len(t.Rows)
			continue
		}
		rows, notes := 0, tables[len(tables)-1].Notes
		for _, t := range tables {
			rows += len(t.Rows)
		}
		if i == len(tables)-1 {
			notes = t.Notes
		}
		t.Rows = t.Rows[:left]
		t.Notes = append(notes[:len(notes):len(notes)], fmt.Sprintf("the first %d of %d rows: %s", rowsMost, rows, whereAll))
		return tables[:i+1]
	}
	return tables
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
