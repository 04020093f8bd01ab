package reports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/history"
	"github.com/ringbench/ringbench/internal/stat"
)

// newHistory is of two contestants, of which the first costs a tenth more from entry 8
// on, until at 16 all is on another kernel.
func newHistory() (entries []*history.Entry) {
	for i := range 20 {
		cpu, kernel := 6000+30*float64(i%3), "6.12"
		if i >= 8 {
			cpu *= 1.1
		}
		if i >= 16 {
			kernel, cpu = "6.18", cpu*0.5
		}
		figures := func(x float64) []history.Figure {
			return []history.Figure{{Metric: "cpu", Unit: "ns", Median: x, Lo: 0.99 * x, Hi: 1.01 * x, N: 5, Range: true}}
		}
		entries = append(entries, &history.Entry{
			Schema: history.Schema, Time: time.Date(2026, 11, 1+i, 12, 0, 0, 0, time.UTC), Commit: fmt.Sprintf("%09x%031x", 0xabcdef0+i, i),
			Conditions: map[string]string{"kernel": kernel},
			Cells:      []history.Cell{{Contestant: "uring", Load: "echo: x", Figures: figures(cpu)}, {Contestant: "\x1bnet", Load: "echo: x", Figures: figures(9000)}},
		})
	}
	return entries
}

func TestHistory(t *testing.T) {
	entries := newHistory()
	trends := history.Trends(entries, history.Filter{}, stat.Changes{})
	var b strings.Builder
	if err := (Terminal{}).History(&b, trends); err != nil {
		t.Fatal(err)
	}
	golden(t, "history.txt", b.String())
}

// The page has a band for each contestant under each set of conditions, and rules
// between the entries where the level changed and where conditions did.
func TestHistoryDocument(t *testing.T) {
	entries := newHistory()
	d := HistoryDocument(entries, history.Trends(entries, history.Filter{}, stat.Changes{}), []string{"x is left out"})
	if len(d.Verdicts) != 1 || !strings.HasPrefix(d.Verdicts[0], "echo: x: uring, CPU in ns: +10.") || len(d.Limits) != 1 || len(d.Sections) != 1 {
		t.Fatalf("%+v", d)
	}
	s := d.Sections[0]
	if len(s.Charts) != 1 || len(s.Tables) != 1 || len(s.Tables[0].Rows) != 2 || len(s.Notes) != 2 {
		t.Fatalf("%+v", s)
	}
	for _, r := range s.Tables[0].Rows {
		if len(r.Cells) != len(s.Tables[0].Header)-1 {
			t.Errorf("row %q has %d cells", r.Name, len(r.Cells))
		}
	}
	p := s.Charts[0].Panels[0]
	lengths := map[string]int{}
	for _, x := range p.Series {
		lengths[fmt.Sprint(x.Name, " ", len(x.Points))]++
	}
	if len(p.Series) != 4 || lengths["uring 16"] != 1 || lengths["uring 4"] != 1 {
		t.Errorf("%v", lengths)
	}
	if len(p.Rules) != 2 || p.Rules[0].At != 8.5 || p.Rules[1].At != 16.5 || p.Rules[1].Name != "other conditions" {
		t.Errorf("%+v", p.Rules)
	}
	for _, want := range []string{"uring: +10.", ", worse, 00abcdef8 (2026-11-09 12:00)"} {
		if !strings.Contains(p.Rules[0].Name, want) {
			t.Errorf("%q lacks %q", p.Rules[0].Name, want)
		}
	}
}
