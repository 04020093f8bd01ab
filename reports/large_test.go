package reports

import (
	"flag"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

var long = flag.Bool("long", false, "build reports of as many cells as they are made for")

// Of many loads a document shows the first, and says so; the others cost no more
// than going through them.
func TestManyLoads(t *testing.T) {
	loads := 120
	if *long {
		loads = 2500
	}
	s := newSet(1, 64)
	cells, trials := s.Plan.Cells, s.Trials
	s.Plan.Cells, s.Trials = nil, nil
	for load := range loads {
		for i := range cells {
			c, tr := cells[i], trials[i]
			c.Conns, c.Size = 1+load%50, 1+load/50
			tr.Cell, tr.Order = len(s.Plan.Cells), len(s.Trials)
			tr.Series = &result.Series{IntervalSeconds: 0.01, WarmUp: 10, Counts: make([]uint64, 400)}
			s.Plan.Cells, s.Trials = append(s.Plan.Cells, c), append(s.Trials, tr)
		}
	}
	d := Document(s)
	tables, said := 0, false
	for _, section := range d.Sections {
		tables = max(tables, len(section.Tables))
		for _, table := range section.Tables {
			said = said || strings.Contains(strings.Join(table.Notes, " "), "first 100 of")
		}
		for _, c := range section.Charts {
			points := 0
			for _, p := range c.Panels {
				for _, x := range p.Series {
					points += len(x.Points)
				}
			}
			if len(c.Panels) > panelsMax || points > pointsMax*5/4 {
				t.Errorf("%s has %d panels and %d points", c.ID, len(c.Panels), points)
			}
			if c.ID != heatID && !strings.Contains(c.Subtitle, "first") {
				t.Errorf("%s does not say what it leaves out: %s", c.ID, c.Subtitle)
			}
		}
	}
	if tables > 2*tablesMost+1 || !said || len(d.Verdicts) > verdictsMost+1 {
		t.Errorf("%d tables in a section, which is said: %v; %d verdicts", tables, said, len(d.Verdicts))
	}
}
