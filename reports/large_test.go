package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/reports/page"
)

// many is one trial of so many contestants under each of so many loads, of which each
// has its own throughput.
func many(loads, contestants int) *result.Set {
	s, rng := newSet(1, 64), rand.New(rand.NewPCG(1, 2))
	cells, trials := s.Plan.Cells, s.Trials
	s.Plan.Cells, s.Trials = nil, nil
	for load := range loads {
		for i := range contestants {
			c, tr := cells[i%len(cells)], trials[i%len(cells)]
			if i >= len(cells) {
				c.Contestant += fmt.Sprint("+", i)
			}
			c.Conns, c.Size = 1+load%50, 1+load/50
			tr.Cell, tr.Order, tr.Messages = len(s.Plan.Cells), len(s.Trials), tr.Messages+uint64(100*load)
			tr.Series = &result.Series{IntervalSeconds: 0.01, WarmUp: 10, Counts: make([]uint64, 400)}
			for i := range tr.Series.Counts {
				tr.Series.Counts[i] = 1000 + rng.Uint64N(200)
			}
			s.Plan.Cells, s.Trials = append(s.Plan.Cells, c), append(s.Trials, tr)
		}
	}
	s.Plan.Matches = s.Plan.Comparisons()
	return s
}

// Of many loads a page shows the first, says so, and stays small; the others cost no
// more than going through them.
func TestManyLoads(t *testing.T) {
	loads := panelRows + 4
	if testenv.IsLong() {
		loads = 2500
	}
	d := Document(many(loads, len(profiles)))
	tables, said := 0, false
	for _, section := range d.Sections {
		rows := 0
		tables = max(tables, len(section.Tables))
		for _, table := range section.Tables {
			rows += len(table.Rows)
			said = said || strings.Contains(strings.Join(table.Notes, " "), "first 32 of")
		}
		if rows > rowsMost {
			t.Errorf("%s has %d rows", section.ID, rows)
		}
		for _, c := range section.Charts {
			points := 0
			for i := range c.Panels {
				points += inPoints(&c.Panels[i])
			}
			if len(c.Panels) > panelsMax || len(c.Panels) > 1 && points > pointsMax*5/4 {
				t.Errorf("%s has %d panels and %d points", c.ID, len(c.Panels), points)
			}
			if !strings.Contains(c.Subtitle, "first") {
				t.Errorf("%s does not say what it leaves out: %s", c.ID, c.Subtitle)
			}
		}
	}
	if tables > 2*tablesMost+1 || !said || len(d.Verdicts) > verdictsMost+1 {
		t.Errorf("%d tables in a section, which is said: %v; %d verdicts", tables, said, len(d.Verdicts))
	}
	smallPage(t, d)
}

// Of many contestants under one load a page shows the first, too.
func TestManyContestants(t *testing.T) {
	contestants := 2*listMost + 10
	if testenv.IsLong() {
		contestants = 10_000
	}
	d := Document(many(1, contestants))
	for _, section := range d.Sections {
		if len(section.Notes) > 2*listMost+1 {
			t.Errorf("%s has %d notes", section.ID, len(section.Notes))
		}
		for _, table := range section.Tables {
			if len(table.Rows) > rowsMost || len(table.Notes) > 2*listMost+2 {
				t.Errorf("a table of %s has %d rows and %d notes", section.ID, len(table.Rows), len(table.Notes))
			}
		}
		for _, c := range section.Charts {
			if rows := len(c.Panels[0].Y.Names); rows > panelRows || !strings.Contains(c.Subtitle, fmt.Sprintf("the first %d of ", panelRows)) {
				t.Errorf("%s has %d rows: %s", c.ID, rows, c.Subtitle)
			}
		}
	}
	smallPage(t, d)
}

// smallPage holds a page to its bound, without the raw result, which is left out where it
// does not fit.
func smallPage(t *testing.T, d page.Document) {
	d.Raw = nil
	var b bytes.Buffer
	if err := page.Write(&b, d); err != nil || b.Len() > page.Most {
		t.Errorf("a page of %d bytes: %v", b.Len(), err)
	}
}

// On a terminal there are tables of the first loads, or of all.
func TestManyTables(t *testing.T) {
	const loads = loadsMost + 5
	s := many(loads, 2)
	s.Plan.Matches = nil
	for i := range loads {
		s.Plan.Matches = append(s.Plan.Matches, result.Match{A: 2 * i, B: 2*i + 1})
	}
	for _, of := range []struct {
		Terminal
		want int
	}{{Terminal{}, loadsMost}, {Terminal{Wide: true}, loads}} {
		var b strings.Builder
		if err := of.Print(&b, s); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		tables, ratios := strings.Count(out, "\ntcp, ")+1, strings.Count(out, "\nratios: tcp, ")
		said := strings.Count(out, "the first 200 of 205 loads") == 1 && strings.Count(out, "the first 200 of 205 tables of ratios") == 1
		if tables != of.want || ratios != of.want || said != (of.want < loads) {
			t.Errorf("%+v: %d and %d tables of %d loads, said: %v", of.Terminal, tables, ratios, loads, said)
		}
	}
}

// What is reported of a cell costs the same however many there are.
func TestManyCells(t *testing.T) {
	few, several := many(8, 2), many(32, 2)
	formats := map[string]func(io.Writer, *result.Set) error{
		"csv": CSV, "benchmarks": Benchmarks, "openmetrics": OpenMetrics, "wide table": Terminal{Wide: true}.Print,
	}
	for name, format := range formats {
		allocated := func(s *result.Set) float64 {
			return testing.AllocsPerRun(1, func() {
				if err := format(io.Discard, s); err != nil {
					t.Fatal(err)
				}
			})
		}
		if a, b := allocated(few), allocated(several); b > 4.2*a {
			t.Errorf("%s: four times as many cells take %.0f allocations instead of %.0f", name, b, a)
		}
	}
}

// BenchmarkMany makes the table and the page of a file of 10,000 cells.
func BenchmarkMany(b *testing.B) {
	for _, of := range []struct {
		name               string
		loads, contestants int
	}{{"loads", 5000, 2}, {"contestants", 1, 10_000}, {"both", 100, 100}} {
		b.Run(of.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "result.json")
			if err := result.Write(path, many(of.loads, of.contestants)); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, err := result.Read(path)
				if err != nil {
					b.Fatal(err)
				}
				var errs [2]error // at the same time, as ringbench report does
				var both sync.WaitGroup
				both.Go(func() { errs[0] = HTML(io.Discard, s) })
				both.Go(func() { errs[1] = Terminal{}.Print(io.Discard, s) })
				both.Wait()
				if err := errors.Join(errs[:]...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
