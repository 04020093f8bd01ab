package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/page"
)

// openRows is how many findings without a difference a terminal shows; files have all.
const openRows = 30

// Comparison prints what two results say of one another for a terminal: in which
// conditions they differ, then the findings, the most relevant first, then what limits
// them.
func (t Terminal) Comparison(w io.Writer, c *compare.Comparison) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, t.fold(clean(sides(c))))
	for _, d := range c.Differences {
		fmt.Fprintln(b, t.fold(clean("differs: "+d.String())))
	}
	fmt.Fprintln(b)
	g := findingsGrid(c)
	if err := t.draw(b, []grid{g}); err != nil {
		return err
	}
	for _, n := range slices.Concat(comparisonLimits(c), comparisonReading(c)) {
		fmt.Fprintln(b, t.fold(clean(n.Label+": "+n.Text)))
	}
	return b.Flush()
}

// sides says what is compared with what.
func sides(c *compare.Comparison) string {
	of := func(s compare.Side) string {
		if s.Commit == "" || s.Commit == result.Unknown || s.Commit == s.Name {
			return s.Name
		}
		return s.Name + " (" + s.Commit + ")"
	}
	return "base: " + of(c.Base) + "; head: " + of(c.Head)
}

// loadsOf are those of the findings, in the order of relevance.
func loadsOf(c *compare.Comparison) (loads []result.Load) {
	for _, f := range c.Findings {
		if !slices.Contains(loads, f.Load) {
			loads = append(loads, f.Load)
		}
	}
	return loads
}

func findingsGrid(c *compare.Comparison) grid {
	loads := loadsOf(c)
	g := grid{header: []string{"", "base", "head", "change", "95 % interval", "noise %", "seen from %", "verdict"}, optional: []string{"noise %"}}
	if len(loads) == 1 {
		g.title = loads[0].String()
	}
	open := 0
	for i := range c.Findings {
		f := &c.Findings[i]
		if !differs(f) {
			if open++; open > openRows {
				continue
			}
		}
		name := f.Contestant + ": " + f.Metric.Words(f.Load.Unit().One)
		if len(loads) > 1 {
			name = fmt.Sprintf("[%d] %s", slices.Index(loads, f.Load)+1, name)
		}
		noise := percent(f.Floor)
		if f.Exact || f.Floor == 0 {
			noise = none
		}
		g.rows = append(g.rows, []string{name, amount(f.Metric, f.Base.Center), amount(f.Metric, f.Head.Center), changeOf(f), changeRangeOf(f), noise, percent(f.Detectable), verdictOf(f)})
	}
	if open > openRows {
		g.notes = append(g.notes, fmt.Sprintf("and %s more that show no difference, which --markdown and --json have", stat.Count(open-openRows)))
	}
	if len(loads) > 1 {
		for i, l := range loads {
			g.notes = append(g.notes, fmt.Sprintf("[%d] %s", i+1, l))
		}
	}
	return g
}

func differs(f *compare.Finding) bool {
	return f.Verdict == compare.Regression || f.Verdict == compare.Improvement
}

// amount prints a metric in the unit that amountUnit names.
func amount(m compare.Metric, x float64) string {
	switch m {
	case compare.P50, compare.P99, compare.P999:
		return figure(x / 1e3)
	case compare.RSS:
		return figure(x / (1 << 20))
	}
	return figure(x)
}

// amountUnit is "" for a ratio.
func amountUnit(m compare.Metric, unit result.Unit) string {
	switch m {
	case compare.CPU:
		return "ns"
	case compare.Throughput:
		return unit.Many + "/s"
	case compare.P50, compare.P99, compare.P999:
		return "µs"
	case compare.RSS:
		return "MiB"
	}
	return ""
}

func changeOf(f *compare.Finding) string {
	switch x := f.Effect.Center; {
	case math.IsNaN(x):
		return none
	case f.Exact && f.Verdict == compare.NoDifference:
		return "none"
	default:
		return signed(x) + " %"
	}
}

func changeRangeOf(f *compare.Finding) string {
	switch {
	case f.Exact:
		return "exact"
	case !f.Effect.Known():
		return none
	}
	return signed(f.Effect.Lo) + " to " + signed(f.Effect.Hi) + " %"
}

// verdictOf is the verdict in the width of a column.
func verdictOf(f *compare.Finding) string {
	switch {
	case f.Verdict == compare.NoDifference && f.Exact:
		return "the same"
	case f.Verdict == compare.NoDifference:
		return "the same ± " + percent(f.Threshold) + " %"
	case f.Verdict != compare.Inconclusive:
		return f.Verdict.String()
	case f.More > 0:
		return fmt.Sprintf("inconclusive, %s more", stat.Count(f.More))
	}
	return f.Verdict.String()
}

// comparisonLimits are what limits the findings.
func comparisonLimits(c *compare.Comparison) (list []page.Note) {
	for _, w := range c.Warnings {
		list = append(list, page.Note{Label: "warning", Text: w})
	}
	list = append(list, withheldNotes(c)...)
	for _, u := range c.Unmatched {
		list = append(list, page.Note{Label: "not compared", Text: fmt.Sprintf("%s of %s alone: %s", u.Contestant, u.Side, u.Load)})
	}
	return list
}

// comparisonReading is how to read the findings.
func comparisonReading(c *compare.Comparison) []page.Note {
	threshold := compare.Threshold
	if len(c.Findings) > 0 {
		threshold = c.Findings[0].Threshold
	}
	return []page.Note{
		{Label: "how to read", Text: fmt.Sprintf("change is head against base; a regression or an improvement has its whole interval beyond %s %% and beyond the noise (what the same thing differs by from itself, --aa), and holds among all comparisons here (Benjamini-Hochberg, q < %.2g)", percent(threshold), compare.FalseDiscoveries)},
		{Label: "the same", Text: fmt.Sprintf("the whole interval is within %s %%; inconclusive: it is not, and so many more trials of each side, or sessions where there are several, would settle it; seen from: the least change that would have been told from none", percent(threshold))},
		{Label: "exact", Text: "a counter that no two trials of one program differ in, so that any difference is the program's; latencies in µs, of the merged histograms of all trials; memory in MiB"},
	}
}

// withheldNotes are why there are no verdicts, each reason once.
func withheldNotes(c *compare.Comparison) (list []page.Note) {
	for i := range c.Findings {
		f := &c.Findings[i]
		n := page.Note{Label: "no verdict", Text: f.Withheld}
		if f.Withheld != "" && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}
