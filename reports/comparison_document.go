package reports

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
)

// ComparisonHTML writes the document as a page.
func ComparisonHTML(w io.Writer, c *compare.Comparison) error {
	return page.Write(w, ComparisonDocument(c))
}

// ComparisonDocument is what Comparison prints as a page, with a forest plot for each
// metric and the shift function of each latency.
func ComparisonDocument(c *compare.Comparison) page.Document {
	d := page.Document{Title: "head against base", Subtitle: sides(c), Raw: comparisonData(c)}
	for i := range c.Findings {
		if f := &c.Findings[i]; differs(f) {
			d.Verdicts = append(d.Verdicts, fmt.Sprintf("%s: %s %s (%s)", f.Verdict, findingName(c, f, true), changeOf(f), changeRangeOf(f)))
		}
	}
	if len(d.Verdicts) == 0 {
		d.Verdicts = []string{"No regression and no improvement was found" + openOf(c) + "."}
	}
	for _, x := range c.Differences {
		d.Limits = append(d.Limits, page.Note{Label: "differs", Text: x.String()})
	}
	d.Limits = append(d.Limits, comparisonLimits(c)...)
	if loads := loadsOf(c); len(loads) == 1 {
		d.Subtitle += "; " + loads[0].String()
	}
	d.Sections = []page.Section{
		{ID: "findings", Title: "Findings", How: "The most relevant first; every column sorts. What was not told from noise is faint.", Tables: []page.Table{findingsTable(c)}, Notes: comparisonReading(c)},
		{ID: "forest", Title: "Ratios", How: "Each mark is head/base with its 95 % interval: left of 1 head has less. Within the shaded band a difference is of no account; what is faint was not told from noise. A bar that would be longer than the panel is cut off.", Charts: forests(c)},
		{ID: "shift", Title: "Where in the distribution latency has moved", How: "The ratio head/base of each quantile of the merged histograms, with its 95 % interval by trials. A line that rises to the right is a longer tail.", Charts: shiftCharts(c)},
	}
	d.Sections = slices.DeleteFunc(d.Sections, func(s page.Section) bool { return len(s.Charts)+len(s.Tables) == 0 })
	return d
}

// openOf says how much of it was not told from noise.
func openOf(c *compare.Comparison) string {
	open := 0
	for i := range c.Findings {
		if c.Findings[i].Verdict == compare.Inconclusive {
			open++
		}
	}
	if open == 0 {
		return ""
	}
	return fmt.Sprintf("; %s of %s comparisons are inconclusive", stat.Count(open), stat.Count(len(c.Findings)))
}

// findingsTable has what a reader looks for beside the name, where a small screen shows
// it without a scroll, and what it was made of after that.
func findingsTable(c *compare.Comparison) page.Table {
	t := page.Table{Header: []string{"", "change", "95 % interval", "verdict", "base", "head", "noise %", "seen from %", "q"}}
	for i := range c.Findings {
		f := &c.Findings[i]
		open := !differs(f)
		cell := func(text string, sort float64) page.Cell { return page.Cell{Text: text, Sort: sort, Faint: open} }
		t.Rows = append(t.Rows, page.Row{Name: findingName(c, f, true), Cells: []page.Cell{
			cell(changeOf(f), f.Effect.Center), cell(changeRangeOf(f), f.Effect.Hi-f.Effect.Lo), cell(verdictOf(f), float64(f.Verdict)),
			cell(withUnit(f, f.Base.Center), f.Base.Center), cell(withUnit(f, f.Head.Center), f.Head.Center), cell(percent(f.Floor), f.Floor),
			cell(percent(f.Detectable), f.Detectable), cell(figure(f.Q), f.Q),
		}})
	}
	return t
}

// findingName tells a finding from the others, by its load where there are several.
func findingName(c *compare.Comparison, f *compare.Finding, metric bool) string {
	name := f.Contestant
	if metric {
		name += ": " + f.Metric.Words(f.Load.Unit().One)
	}
	if len(loadsOf(c)) > 1 {
		name += ", " + f.Load.String()
	}
	return name
}

// forests has a chart for each metric, its cells from the top in the order of
// relevance.
func forests(c *compare.Comparison) (charts []chart.Chart) {
	for _, m := range compare.Metrics() {
		p := chart.Panel{X: chart.Axis{Label: "head / base", Scale: chart.Log}, Y: chart.Axis{Scale: chart.Category},
			Rules: []chart.Rule{{At: 1, Name: "no difference"}}}
		title, better := string(m), "more"
		var list []stat.Effect
		for i := range c.Findings {
			f := &c.Findings[i]
			if f.Metric != m || math.IsNaN(f.Effect.Center) || math.IsInf(f.Effect.Center, 0) || f.Effect.Center <= 0 {
				continue
			}
			title = m.Words(f.Load.Unit().One)
			if f.Lower {
				better = "less"
			}
			at := len(p.Y.Names)
			p.Y.Names = append(p.Y.Names, findingName(c, f, false))
			point := chart.Point{X: f.Effect.Center, Y: float64(at), Lo: f.Effect.Lo, Hi: f.Effect.Hi, Value: math.NaN(), Faint: !differs(f),
				Text: findingName(c, f, true) + ": " + changeOf(f) + " (" + changeRangeOf(f) + "), " + verdictOf(f)}
			j := slices.IndexFunc(p.Series, func(s chart.Series) bool { return s.Name == f.Contestant })
			if j < 0 {
				j, p.Series = len(p.Series), append(p.Series, chart.Series{Name: f.Contestant, Kind: chart.Intervals})
			}
			p.Series[j].Points = append(p.Series[j].Points, point)
			list = append(list, f.Effect, stat.Effect{Center: 1, Lo: 1 / (1 + f.Threshold), Hi: 1 + f.Threshold})
			p.Spans = []chart.Span{{From: 1 / (1 + f.Threshold), To: 1 + f.Threshold, Name: "± " + percent(f.Threshold) + " %"}}
		}
		if len(p.Series) > 0 {
			least, greatest := forestEnds(list)
			pad := math.Pow(greatest/least, 0.05)
			p.X.From, p.X.To = least/pad, greatest*pad
			charts = append(charts, chart.Chart{ID: "forest-" + string(m), Title: title, Subtitle: better + " is better", Panels: []chart.Panel{p}})
		}
	}
	return charts
}

// shiftCharts has a chart for each cell.
func shiftCharts(c *compare.Comparison) (charts []chart.Chart) {
	for _, s := range c.Shifts {
		series := chart.Series{Name: s.Contestant, Kind: chart.Band}
		for _, q := range s.Quantiles {
			if math.IsNaN(q.Ratio.Center) {
				continue
			}
			series.Points = append(series.Points, chart.Point{X: 100 * q.Q, Y: q.Ratio.Center, Lo: q.Ratio.Lo, Hi: q.Ratio.Hi, Value: math.NaN(), Faint: !q.Ratio.Differs(),
				Text: fmt.Sprintf("%s: %s µs, was %s µs", percentileName(100*q.Q), figure(q.A.Center/1e3), figure(q.B.Center/1e3))})
		}
		charts = append(charts, chart.Chart{
			ID: fmt.Sprintf("shift-%d", len(charts)+1), Title: s.Contestant, Subtitle: s.Load.String(),
			Panels: []chart.Panel{{
				X: chart.Axis{Label: "percentile of latency", Scale: chart.Nines}, Y: chart.Axis{Label: "head / base", Scale: chart.Log},
				Series: []chart.Series{series}, Rules: []chart.Rule{{OnY: true, At: 1, Name: "no difference"}},
			}},
		})
	}
	return charts
}
