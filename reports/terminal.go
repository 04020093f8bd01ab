package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// A Terminal is how a result is printed for one: of one of which nothing is known within
// 100 columns, or 120 where a table takes them, without colour.
type Terminal struct {
	Columns int  // that it has, 0 if that is not known
	Colour  bool // it may be told colours, by escape sequences
	Wide    bool // lines may be as long as the tables are, which then have every column
	NoTable bool // what was found is said in sentences, without the figures
}

// Print prints the whole result: what a duet compares first, tables for every load,
// what trials in turn compare, and the conditions and everything that limits the
// figures.
func (t Terminal) Print(w io.Writer, s *result.Set) error {
	b := bufio.NewWriter(w)
	all := views(s)
	if t.NoTable {
		for _, line := range verdicts(s, all, effects(s)) {
			fmt.Fprintln(b, t.fold(clean(line)))
		}
	} else if err := t.draw(b, t.grids(s, all)); err != nil {
		return err
	}
	for _, n := range notes(s, all) {
		switch line := t.fold(n.String()); {
		case n.limits:
			fmt.Fprintln(b, t.painted(warning, line))
		case !t.NoTable:
			fmt.Fprintln(b, line)
		}
	}
	return b.Flush()
}

// columns is what a table has to fit in.
func (t Terminal) columns() int {
	if t.Columns == 0 {
		return tableWidth
	}
	return max(t.Columns, 40)
}

func (t Terminal) fold(line string) string { return foldTo(line, min(t.columns(), width)) }

func (t Terminal) grids(s *result.Set, all []view) []grid {
	if !t.Wide {
		return comparedGrids(s, all, loadsMost)
	}
	var loads []grid
	trials := make([][]*result.Trial, len(s.Plan.Cells)) // of each cell, void ones too
	for i := range s.Trials {
		t := &s.Trials[i]
		trials[t.Cell] = append(trials[t.Cell], t)
	}
	for _, v := range all {
		of := loadGrids(s, v)
		of[0] = widened(of[0], trials, v)
		loads = append(loads, of...)
	}
	return inOrder(s, loads, math.MaxInt)
}

// loadsMost is of how many loads there are tables where --wide does not ask for all.
const loadsMost = 200

// eachTrial heads the sparklines.
const eachTrial = "each trial"

// widened adds to the throughputs their intervals and every trial, of those of each
// cell, in the order of the run.
func widened(g grid, trials [][]*result.Trial, v view) grid {
	g.header = append(slices.Clone(g.header), "interval", eachTrial)
	most := 0.0
	for _, r := range v.rows {
		for _, t := range r.trials {
			most = max(most, t.PerSecond())
		}
	}
	next := 0
	for i, line := range g.rows {
		more := []string{"", ""}
		if next < len(v.rows) && line[0] == v.rows[next].name {
			r := v.rows[next]
			next++
			more[0] = none
			if r.rate.N > 1 {
				more[0] = whole(r.rate.Lo) + " to " + whole(r.rate.Hi)
			}
			more[1] = sparkline(trials[r.index], r, most)
		}
		g.rows[i] = append(slices.Clone(line), more...)
	}
	return g
}

// levels are the heights of a sparkline, from nothing to most.
var levels = []rune("▁▂▃▄▅▆▇█")

// sparkline shows the throughput of each trial of a row, from nothing to most; one
// that does not count is a dot.
func sparkline(trials []*result.Trial, r row, most float64) string {
	var b strings.Builder
	for _, t := range trials {
		switch {
		case !slices.Contains(r.trials, t) || most == 0:
			b.WriteRune('·')
		default:
			b.WriteRune(levels[min(int(t.PerSecond()/most*float64(len(levels))), len(levels)-1)])
		}
	}
	return b.String()
}

// A tone is what a cell or a line is to a reader.
type tone int

const (
	untoned tone = iota
	better       // of the first of a pair
	worse        //
	dim          // not told from noise
	warning      // it limits the figures
	bold         // a title
)

// escapes select graphic renditions (ECMA-48 SGR) of the eight colours, which a
// terminal's owner has chosen for their background.
var escapes = [...]string{better: "32", worse: "31", dim: "2", warning: "33", bold: "1"}

func (t Terminal) painted(as tone, text string) string {
	if !t.Colour || as == untoned || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + escapes[as] + "m" + text + "\x1b[0m"
}

func (g grid) tone(row, column int) tone {
	if row >= len(g.tones) || column >= len(g.tones[row]) {
		return untoned
	}
	return g.tones[row][column]
}

// effectTones are those of a row of ratios with their intervals: of CPU, of
// throughput and, where there is one, of p99.
func effectTones(cpu, rate finding, p99 ...finding) []tone {
	tones := []tone{untoned, cpu.tone(true), cpu.tone(true), rate.tone(false), rate.tone(false)}
	for _, f := range p99 {
		tones = append(tones, f.tone(true), f.tone(true))
	}
	return tones
}

func (f finding) tone(lower bool) tone {
	switch {
	case math.IsNaN(f.Center):
		return untoned
	case !f.differs():
		return dim
	case lower == (f.verdict == stat.Less):
		return better
	}
	return worse
}
