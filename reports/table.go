package reports

import (
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twcache"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/page"
)

// A grid is a table before it is drawn: the first column is text, the others
// are figures.
type grid struct {
	title    string
	header   []string
	rows     [][]string
	notes    []string
	optional []string // columns that a terminal does without if it is too narrow for the names
	tones    [][]tone // of the cells of rows, as far as they have one
}

// comparedGrids are the tables of a comparison. Its ratios come first where they
// are what it was run for. Those of no more than so many loads are shown.
func comparedGrids(s *result.Set, all []view, most int) (grids []grid) {
	for _, v := range all[:min(len(all), most)] {
		grids = append(grids, loadGrids(s, v)...)
	}
	if n := len(grids); len(all) > most {
		grids[n-1].notes = append(grids[n-1].notes, firstOf(most, len(all), "loads")+": --wide shows all, --csv and the result file have them")
	}
	return inOrder(s, grids, most)
}

// inOrder adds the ratios, of no more than so many tables, to the tables of the loads. A
// set that was made for a purpose has them instead of absolute figures.
func inOrder(s *result.Set, loads []grid, most int) []grid {
	compared, closing := ratioGrids(s, effects(s))
	if n := len(compared); n > most {
		compared = compared[:most]
		closing = append(closing, firstOf(most, n, "tables of ratios")+": --wide shows all, --csv and the result file have them")
	}
	if n := len(compared); n > 0 {
		compared[n-1].notes = append(compared[n-1].notes, closing...)
	}
	switch {
	case s.Plan.Purpose != "":
		return compared
	case s.Plan.Duet:
		return append(compared, loads...)
	}
	return append(loads, compared...)
}

// loadGrids are the tables of one load.
func loadGrids(s *result.Set, v view) []grid {
	grids := []grid{throughputGrid(s, v), costGrid(v, s.Plan.Unit())}
	if v.load.Idle > 0 {
		grids = append(grids, idleGrid(v))
	}
	return grids
}

func throughputGrid(s *result.Set, v view) grid {
	g := grid{title: v.load.String(), header: []string{"contestant", s.Plan.Unit().Many + "/s", "± %"}}
	open := v.load.Rate > 0
	if open {
		g.header = slices.Insert(g.header, 1, "offered/s")
	}
	several := v.load.Requests > 1 && !v.load.Sent()
	if several {
		g.header = append(g.header, "requests/s")
	}
	bulk := v.load.Bulk()
	if bulk {
		g.header = append(g.header, "MB/s")
	}
	if s.Plan.Duet {
		g.title += " (two at a time: relative under contention)"
	}
	for _, p := range percentiles {
		g.header = append(g.header, percentileName(p)+" µs")
	}
	g.optional = []string{"steal %", "other %"}
	g.header = append(append(append(g.header, "trials"), g.optional...), "verdict")
	for _, r := range v.rows {
		line := []string{r.name, whole(r.rate.Center), halfWidth(r.rate)}
		if open {
			line = slices.Insert(line, 1, whole(r.offered.Center))
		}
		if several {
			line = append(line, whole(r.rate.Center*float64(v.load.Requests)))
		}
		if bulk {
			line = append(line, megabytes(r.rate.Center*v.load.UnitBytes()))
		}
		for _, p := range percentiles {
			line = append(line, microseconds(r.latency, p))
		}
		g.rows = append(g.rows, append(line, stat.Count(len(r.trials)), percent(r.steal.Center), percent(r.other.Center), or(r.verdict, none)))
		if r.service != nil {
			line := []string{"  " + fromStart(v.load), "", "", ""}
			if several {
				line = append(line, "")
			}
			if bulk {
				line = append(line, "")
			}
			for _, p := range percentiles {
				line = append(line, microseconds(*r.service, p))
			}
			g.rows = append(g.rows, append(line, "", "", "", ""))
		}
		if late := hiccupRows(r, len(line)-len(percentiles), 4); late != nil {
			g.rows = append(g.rows, late...)
			if !slices.Contains(g.notes, hiccupsNote) {
				g.notes = append(g.notes, hiccupsNote)
			}
		}
	}
	return g
}

func costGrid(v view, unit result.Unit) grid {
	each := "/" + unit.Short
	g := grid{header: []string{
		"", "server CPU ns" + each, "client ns" + each, "machine ns" + each, "syscalls" + each, "switches" + each, "peak RSS MiB",
	}}
	alone := v.load.Op != "" // no client, and what is under test serves nobody
	if alone {
		g.header = slices.Delete(g.header, 2, 3)
		g.header[1] = "CPU ns" + each
	}
	if v.load.Sent() {
		g.header = slices.Insert(g.header, 2, "ns/KiB")
		g.optional = []string{"switches" + each, "peak RSS MiB"}
	}
	for _, r := range v.rows {
		line := []string{
			r.name, cpu(r.server, r.user), whole(r.client.Center), cpu(r.machine, r.machineUser),
			figure(r.syscalls.Center), figure(r.switches.Center), figure(r.rss.Center / (1 << 20)),
		}
		if alone {
			line = slices.Delete(line, 2, 3)
		}
		if v.load.Sent() {
			line = slices.Insert(line, 2, figure(r.kib.Center))
		}
		g.rows = append(g.rows, line)
		for _, h := range r.helpers {
			part := make([]string, len(line))
			part[0], part[1] = fmt.Sprintf("  of it %s (%s)", h.name, stat.Count(h.threads)), whole(h.cpu.Center)
			g.rows = append(g.rows, part)
		}
	}
	return g
}

func drawAll(w io.Writer, grids []grid) error { return Terminal{}.draw(w, grids) }

func (t Terminal) draw(w io.Writer, grids []grid) error {
	table := newTable(w) // one for all, since a new one allocates 0.6 MB
	for _, g := range grids {
		if err := t.drawOne(w, table, g); err != nil {
			return err
		}
	}
	return nil
}

func (t Terminal) drawOne(w io.Writer, table *tablewriter.Table, g grid) error {
	if g.title != "" {
		fmt.Fprintln(w, t.painted(bold, t.fold(clean(g.title))))
	}
	for _, part := range t.parts(g) {
		if err := t.drawPart(table, part); err != nil {
			return err
		}
	}
	for _, n := range g.notes {
		fmt.Fprintln(w, t.fold(clean(n)))
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (t Terminal) drawPart(table *tablewriter.Table, g grid) error {
	room := math.MaxInt
	if !t.Wide {
		room = max(t.columns()-g.figuresWidth(), leastPart)
	}
	table.Reset()
	table.Options(tablewriter.WithAlignment(g.alignment()))
	table.Header(g.header)
	for i, r := range g.rows {
		r = slices.Clone(r)
		for j := range r {
			r[j] = clean(r[j])
		}
		r[0] = shortenName(r[0], room)
		for j := range r {
			r[j] = t.painted(g.tone(i, j), r[j])
		}
		if err := table.Append(r); err != nil {
			return fmt.Errorf("table: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// newTable is an empty table in the style of all: a line under the header, and
// nothing between the cells but space.
func newTable(w io.Writer) *tablewriter.Table {
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenRows: tw.Off, BetweenColumns: tw.Off},
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithEastAsian(tw.Off),
		// Of cells that are no strings, of which there are none; Reset allocates it anew.
		tablewriter.WithStringerCacheCustom(twcache.NewLRU[reflect.Type, reflect.Value](1)),
	)
}

func (g grid) alignment() tw.Alignment {
	a := make(tw.Alignment, len(g.header))
	for i := range a {
		a[i] = tw.AlignRight
	}
	for i, name := range g.header {
		if i == 0 || name == "verdict" || name == eachTrial {
			a[i] = tw.AlignLeft
		}
	}
	return a
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// addEffect appends a row that has, from its second column on, the center and the
// interval of CPU, of throughput and, where there is one, of p99.
func (g *grid) addEffect(row []string, cpu, rate finding, p99 ...finding) {
	g.rows, g.tones = append(g.rows, row), append(g.tones, effectTones(cpu, rate, p99...))
}

// pageTables are grids for a page.
func pageTables(grids []grid) (tables []page.Table) {
	for _, g := range grids {
		t := page.Table{Title: g.title, Header: g.header, Notes: g.notes}
		for i, r := range g.rows {
			name := strings.TrimLeft(r[0], " ")
			row := page.Row{Name: name, Sub: name != r[0]}
			for j, text := range r[1:] {
				row.Cells = append(row.Cells, page.Cell{Text: text, Sort: leading(text), Faint: g.tone(i, j+1) == dim})
			}
			t.Rows = append(t.Rows, row)
		}
		tables = append(tables, t)
	}
	return tables
}

// leading is the number that a figure begins with, NaN if it does not.
func leading(text string) float64 {
	text, _, _ = strings.Cut(text, " ")
	x, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil {
		return math.NaN()
	}
	return x
}
