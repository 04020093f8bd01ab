package reports

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
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

// What has more rows than a section may is cut, each of its tables to its share, and what
// comes after it is left out.
func TestFewRows(t *testing.T) {
	of := func(n int) page.Table { return page.Table{Rows: make([]page.Row, n)} }
	got := firstTables(2, "loads", func(int) []page.Table { return []page.Table{of(10), of(1500)} }, "how")
	if len(got) != 2 || len(got[0].Rows) != 10 || len(got[0].Notes) != 0 || len(got[1].Rows) != rowsMost-10 {
		t.Fatalf("%d tables, of %d and %d rows, %q", len(got), len(got[0].Rows), len(got[1].Rows), got[0].Notes)
	}
	if want := []string{"the first 150 of 1,500 rows: " + whereAll, "how", "the first 1 of 2 loads: " + whereAll}; !slices.Equal(got[1].Notes, want) {
		t.Errorf("%q", got[1].Notes)
	}
}

// Of a long window not every second has a shade of its own.
func TestShadesOfLongWindows(t *testing.T) {
	tr := &result.Trial{Seconds: 6000, Moments: make([]result.Moment, 6000)}
	for i := 0; i < 3000; i += 2 {
		tr.Moments[i].Disturbed = "steal"
	}
	tr.Moments[4000].Disturbed = "steal"
	got := disturbedSpans([]*result.Trial{tr, {Seconds: 6000}})
	want := []chart.Span{{From: 0, To: 3000, Name: "disturbed", Doubt: 0.5}, {From: 4000, To: 4100, Name: "disturbed", Doubt: 0.5}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
