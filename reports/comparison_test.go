package reports

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

// hostile means something to every format.
const hostile = "\x1b[31m|<b>@all [x](http://evil) `#1` $x$ &amp; 100%\r\n::error::a,b:c ]]> \" '"

// compared is of two runs under 64 connections, of which the second takes a fifth more
// CPU for uring and a call more for epoll, and was made elsewhere.
func compared(t *testing.T, change func(base, head *result.Set)) *compare.Comparison {
	t.Helper()
	base, head := newSet(6, 64), newSet(6, 64)
	head.Started, head.Env.Kernel, head.Env.Commit = base.Ended, "6.19.0", "bbb"
	for i := range head.Trials {
		switch tr := &head.Trials[i]; tr.Cell {
		case 0:
			tr.Server.CPUSeconds *= 1.2
		case 1:
			calls := *tr.CountedSyscalls + 1
			tr.CountedSyscalls = &calls
		}
	}
	if change != nil {
		change(base, head)
	}
	c, err := compare.Results([]*result.Set{base}, []*result.Set{head}, compare.Options{BaseName: "base.json", HeadName: "head.json"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func renamed(base, head *result.Set) {
	for _, s := range []*result.Set{base, head} {
		s.Plan.Cells[0].Contestant = hostile
		s.Env.Host = hostile
	}
	head.Env.Host += "2"
}

// The terminal has the differences first, then what is worse, in lines that fit.
func TestComparison(t *testing.T) {
	var b bytes.Buffer
	if err := (Terminal{}).Comparison(&b, compared(t, nil)); err != nil {
		t.Fatal(err)
	}
	out, at := b.String(), 0
	for _, want := range []string{
		"base: base.json; head: head.json (bbb)\n", "differs: kernel: 6.18.0, 6.19.0 (grave)\n",
		"epoll: system calls a message", "+47.8 %", "exact", "regression",
		"uring: CPU a message", "+20.0 %", "regression", "inconclusive, ", "the same",
		"warning: base and head were measured apart", "how to read:",
	} {
		i := strings.Index(out[at:], want)
		if i < 0 {
			t.Fatalf("no %q after byte %d of\n%s", want, at, out)
		}
		at += i
	}
	for line := range strings.Lines(out) {
		if w := twwidth.Width(strings.TrimRight(line, "\n")); w > tableWidth {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

// Of several loads each is named, and what shows no difference is cut.
func TestComparisonOfLoads(t *testing.T) {
	base, head := newSet(3, 1, 4, 64), newSet(3, 1, 4, 64)
	head.Started = base.Ended
	c, err := compare.Results([]*result.Set{base}, []*result.Set{head}, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (Terminal{}).Comparison(&b, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[1] ", "[3] tcp, ", " more that show no difference, which --markdown and --json have"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Names from outside end no row, no cell and no element, and call nobody.
func TestComparisonMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := ComparisonMarkdown(&b, compared(t, renamed)); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	rows := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "|") {
			rows++
			if cells := strings.Count(line, "|") - strings.Count(line, `\|`); cells != 12 {
				t.Errorf("%d bars in %s", cells, line)
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows in\n%s", rows, out)
	}
	harmless(t, out, "<b>", "@all", "x](http", "\x1b", "\n::error", "`#1`", "$x$ ")
	for _, want := range []string{"- kernel: 6.18.0, 6.19.0 (grave)", `\[31m\|&lt;b&gt;@`, "**regression**"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// harmless asserts that none of what hostile tries is there.
func harmless(t *testing.T, out string, tries ...string) {
	t.Helper()
	for _, x := range tries {
		if strings.Contains(out, x) {
			t.Errorf("%q is there", x)
		}
	}
}

// JSON has every finding, with null for what is not known.
func TestComparisonJSON(t *testing.T) {
	c := compared(t, renamed)
	var b bytes.Buffer
	if err := ComparisonJSON(&b, c); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Findings []struct {
			Contestant, Metric, Verdict string
			Ratio                       [3]*float64 `json:"head_over_base"`
			Q                           *float64
		}
		Differences []struct{ Condition string }
		Shifts      []struct{ Quantiles []struct{ Q float64 } } `json:"latency_shifts"`
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != len(c.Findings) || len(got.Differences) != len(c.Differences) || len(got.Shifts) != 4 || len(got.Shifts[0].Quantiles) != 11 {
		t.Fatalf("%d findings, %d differences, %d shifts", len(got.Findings), len(got.Differences), len(got.Shifts))
	}
	for i, f := range c.Findings {
		j := got.Findings[i]
		if j.Contestant != f.Contestant || j.Metric != string(f.Metric) || j.Verdict != f.Verdict.String() || *j.Ratio[0] != f.Effect.Center || (j.Q == nil) != math.IsNaN(f.Q) {
			t.Errorf("%+v is of %+v", j, f)
		}
	}
}

// The document has a forest plot for each metric with a mark for each cell, and where
// latency has moved, with ids of their own and no figure that cannot be drawn.
func TestComparisonDocument(t *testing.T) {
	var sets [2]*result.Set
	c := compared(t, func(base, head *result.Set) {
		base.Interrupted, base.Trials[3].Void, base.Trials[7].Void, head.Trials[11].Void = true, "server died", "server died", "server died"
		sets = [2]*result.Set{base, head}
	})
	d := ComparisonDocument(c)
	if len(d.Verdicts) != 2 || !strings.HasPrefix(d.Verdicts[0], "regression: ") || len(d.Limits) == 0 || !strings.HasPrefix(d.Limits[0].Text, "kernel") {
		t.Errorf("verdicts %q, limits %+v", d.Verdicts, d.Limits)
	}
	ids, marks, faint := map[string]bool{}, 0, 0
	for _, s := range d.Sections {
		for _, table := range s.Tables {
			for _, r := range table.Rows {
				if len(r.Cells)+1 != len(table.Header) {
					t.Errorf("%d cells under %d heads", len(r.Cells), len(table.Header))
				}
			}
		}
		for _, ch := range s.Charts {
			if ids[ch.ID] {
				t.Errorf("%s is there twice", ch.ID)
			}
			ids[ch.ID] = true
			for _, series := range ch.Panels[0].Series {
				for _, p := range series.Points {
					if math.IsNaN(p.X) || math.IsNaN(p.Y) || p.Text == "" {
						t.Errorf("%s: %+v", ch.ID, p)
					}
					if series.Kind == chart.Intervals {
						marks++
						if p.Faint {
							faint++
						}
						if int(p.Y) >= len(ch.Panels[0].Y.Names) {
							t.Errorf("%s: no name at %v", ch.ID, p.Y)
						}
					}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := ComparisonHTML(&b, c); err != nil {
		t.Fatal(err)
	}
	walkComparison(t, b.String(), sets[:]...)
	b.Reset()
	if err := ComparisonHTML(&b, compared(t, renamed)); err != nil {
		t.Fatal(err)
	}
	harmless(t, b.String(), "<b>@all", "\x1b")
	if marks != len(c.Findings) || marks-faint != 2 || !ids["forest-cpu"] || !ids["shift-4"] {
		t.Errorf("%d marks, %d faint, %v", marks, faint, ids)
	}
}
