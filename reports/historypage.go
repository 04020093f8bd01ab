package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/history"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
)

// HistoryDocument is the page of trends. Damage is what of the store could not be read.
func HistoryDocument(entries []*history.Entry, trends []history.Trend, damage []string) page.Document {
	d := page.Document{Title: "History", Raw: entries, Verdicts: latestChanges(trends, 10)}
	if n := len(entries); n > 0 {
		d.Subtitle = fmt.Sprintf("%s entries, %s to %s", stat.Count(n), entries[0].Time.UTC().Format("2006-01-02"), entries[n-1].Time.UTC().Format("2006-01-02"))
	}
	for _, text := range damage {
		d.Limits = append(d.Limits, page.Note{Label: "damaged", Text: text})
	}
	at := map[*history.Entry]float64{} // entries by their number, from 1
	for i, e := range entries {
		at[e] = float64(i + 1)
	}
	for number := 1; len(trends) > 0; number++ {
		of := sameLoad(trends)
		trends = trends[len(of):]
		d.Sections = append(d.Sections, historySection(number, of, at))
	}
	return d
}

// latestChanges are sentences on the changes, the latest first.
func latestChanges(trends []history.Trend, most int) (texts []string) {
	type dated struct {
		history.Trend
		history.Change
	}
	var all []dated
	for _, t := range trends {
		for _, c := range t.Changes {
			all = append(all, dated{t, c})
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int {
		return b.Points[b.Index].Entry.Time.Compare(a.Points[a.Index].Entry.Time)
	})
	if len(all) == 0 {
		return []string{"No level changed."}
	}
	for _, x := range all[:min(most, len(all))] {
		texts = append(texts, x.Load+": "+changeText(x.Trend, x.Change))
	}
	if len(all) > most {
		texts = append(texts, fmt.Sprintf("and %s earlier changes", stat.Count(len(all)-most)))
	}
	return texts
}

func historySection(number int, of []history.Trend, at map[*history.Entry]float64) page.Section {
	s := page.Section{
		ID: fmt.Sprintf("trend-%d", number), Title: of[0].Load,
		How: "Each point is the median of an entry's trials, the band its interval. A rule marks where the level of a contestant changed, or where other conditions begin; levels are compared only under the same conditions.",
	}
	table := page.Table{Header: []string{"contestant, metric", "entries", "first", "last", "interval", "changed by"}}
	for _, t := range of {
		last := t.Points[len(t.Points)-1]
		row := page.Row{Name: t.Contestant + ", " + metricName(t.Key)}
		numbers := []float64{float64(len(t.Points)), t.Points[0].Median, last.Median, last.Lo, math.NaN()}
		if n := len(t.Changes); n > 0 {
			numbers[4] = t.Changes[n-1].Effect.Center
		}
		for i, n := range numbers {
			row.Cells = append(row.Cells, page.Cell{Text: trendRow(t)[i], Sort: n})
		}
		table.Rows = append(table.Rows, row)
		for _, c := range t.Changes {
			s.Notes = append(s.Notes, page.Note{Label: "change", Text: changeText(t, c)})
		}
	}
	for _, c := range of[0].Cuts {
		s.Notes = append(s.Notes, page.Note{Label: "conditions", Text: cutText(of[0], c)})
	}
	s.Tables = []page.Table{table}
	for len(of) > 0 {
		n := 1
		for n < len(of) && of[n].Metric == of[0].Metric && of[n].Unit == of[0].Unit {
			n++
		}
		s.Charts = append(s.Charts, trendChart(fmt.Sprintf("%s-%d", s.ID, len(s.Charts)+1), of[:n], at))
		of = of[n:]
	}
	return s
}

// trendChart is of one metric, with a line for each contestant under each set of
// conditions.
func trendChart(id string, of []history.Trend, at map[*history.Entry]float64) chart.Chart {
	scale := scaleOf(of[0].Key)
	p := chart.Panel{
		X: chart.Axis{Label: "entry", Scale: chart.Linear},
		Y: chart.Axis{Label: metricName(of[0].Key), Scale: chart.Linear},
	}
	for _, t := range of {
		lines := map[string]int{} // by conditions, into p.Series
		for _, x := range t.Points {
			env := x.Entry.Environment()
			i, ok := lines[env]
			if !ok {
				i = len(p.Series)
				lines[env] = i
				p.Series = append(p.Series, chart.Series{Name: t.Contestant, Kind: chart.Band})
			}
			p.Series[i].Points = append(p.Series[i].Points, chart.Point{
				X: at[x.Entry], Y: x.Median * scale, Lo: x.Lo * scale, Hi: x.Hi * scale, Value: math.NaN(),
				Text: fmt.Sprintf("%s: %s, %s to %s, %s", pointName(x), figure(x.Median*scale), figure(x.Lo*scale), figure(x.Hi*scale), trials(x.N)),
			})
		}
		for _, c := range t.Changes {
			p.Rules = append(p.Rules, chart.Rule{
				At:   at[t.Points[c.Index].Entry] - 0.5,
				Name: fmt.Sprintf("%s: %s %s", t.Contestant, changeWords(t, c), pointName(t.Points[c.Index])),
			})
		}
	}
	for _, c := range of[0].Cuts {
		p.Rules = append(p.Rules, chart.Rule{At: at[of[0].Points[c.Index].Entry] - 0.5, Name: "other conditions"})
	}
	slices.SortStableFunc(p.Rules, func(a, b chart.Rule) int { return cmp.Compare(a.At, b.At) })
	return chart.Chart{ID: id, Title: metricName(of[0].Key), Subtitle: of[0].Load, Panels: []chart.Panel{p}}
}
