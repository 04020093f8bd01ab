package reports

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/reports/chart"
)

// Where the first of the rates is the best the knee is not among them.
func TestKneeIsBetweenRates(t *testing.T) {
	s := newSweep()
	knees := func() (n int) {
		all := views(s)
		for _, x := range kneeChart(s, all, sweeps(all)).Panels[0].Series {
			if x.Kind == chart.Marks {
				n++
			}
		}
		return n
	}
	if n := knees(); n != 2 {
		t.Errorf("%d knees of two contestants", n)
	}
	slow := newHistogram(1e9, 10_000)
	for i := range s.Trials {
		if s.Trials[i].Cell >= 2 {
			s.Trials[i].Response = &slow
		}
	}
	if n := knees(); n != 0 {
		t.Errorf("%d knees at the first rate", n)
	}
}

// Of many rates a line shows some, and the chart says so.
func TestManyRates(t *testing.T) {
	s := newSweep()
	cells, trials := s.Plan.Cells, s.Trials
	s.Plan.Cells, s.Trials = nil, nil
	for i := range 250 {
		c, tr := cells[0], trials[0]
		c.Rate, tr.Cell = float64(1000+i), i
		s.Plan.Cells, s.Trials = append(s.Plan.Cells, c), append(s.Trials, tr)
	}
	all := views(s)
	c := tailChart(s, all, sweeps(all))
	if n := len(c.Panels[0].Series[0].Points); n > ratesMost || n < ratesMost/2 || !strings.Contains(c.Subtitle, "of more than 100 rates") {
		t.Errorf("%d points, %s", n, c.Subtitle)
	}
}

// A line of a trial that was disturbed is faint, and says it to those who cannot see that.
func TestLinesOfDisturbedTrials(t *testing.T) {
	s := newSweep()
	faint := 0
	for _, p := range seriesChart(s, views(s)).Panels {
		for _, x := range p.Series {
			for _, pt := range x.Points {
				if pt.Faint != strings.HasSuffix(pt.Text, ", disturbed") {
					t.Errorf("%q, faint: %v", pt.Text, pt.Faint)
				}
				if pt.Faint {
					faint++
				}
			}
		}
	}
	if faint != 18 { // of one trial at each rate
		t.Errorf("%d points are faint", faint)
	}
}

// A section's tables are cut where they have too many rows, and keep what the last says.
func TestFewRows(t *testing.T) {
	s := newSet(1, 1)
	v := views(s)[0]
	for len(v.rows) <= rowsMost {
		v.rows = append(v.rows, v.rows[0])
	}
	tables := summaryTables(s, []view{v, v}, nil)
	tables[1].Notes = []string{"how"}
	got := fewRows(tables)
	if len(got) != 1 || len(got[0].Rows) != rowsMost || len(got[0].Notes) != 2 || got[0].Notes[0] != "how" {
		t.Errorf("%d tables, of %d rows, %q", len(got), len(got[0].Rows), got[0].Notes)
	}
}
