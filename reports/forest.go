package reports

import (
	"fmt"
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
)

const forestHow = "The line at 1 is no effect. The mark is the geometric mean of the pairs, the bar its 95 % interval; grey ones are no difference, or none that could be told from noise. " +
	"A bar that would be longer than the panel is cut off."

const ablationHow = "What costs most without it, or with it, comes first. A bar goes from 1, which is no effect, to the geometric mean of the pairs, and the whisker is its 95 % interval; " +
	"grey ones are no difference, or none that could be told from noise. A whisker that would be longer than the panel is cut off."

// forestCharts are the effects with their intervals, those of an ablation as bars. In those of a set that was made
// for a purpose they stand for absolute figures, because those of pairs that ran
// together and of those that ran apart cannot be compared.
func forestCharts(s *result.Set, all []view, compared []effect) []chart.Chart {
	groups, note := forestGroups(s, all, compared)
	cpu := chart.Chart{ID: cpuEffects, Title: "CPU a " + s.Plan.Unit().One + ": ratio, left of the line is less", Subtitle: subtitle(s, all) + note}
	rate := chart.Chart{ID: throughputEffects, Title: "Throughput: ratio, right of the line is more", Subtitle: cpu.Subtitle}
	for _, g := range groups {
		cpu.Panels = append(cpu.Panels, forestPanel(s, g, cpuOf))
		rate.Panels = append(rate.Panels, forestPanel(s, g, rateOf))
	}
	return []chart.Chart{cpu, rate}
}

// A forestGroup is a panel, whose rows have names of their own or the effects'.
type forestGroup struct {
	effectGroup
	names []string
}

// forestLoads is from how many on a comparison under more has a panel of its own, a row
// for each load.
const forestLoads = 3

// forestGroups are those of the tables or, of a comparison under many loads, a
// panel for each two that are compared; note says what is left out.
func forestGroups(s *result.Set, all []view, compared []effect) (groups []forestGroup, note string) {
	if s.Plan.Purpose != "" || len(all) <= forestLoads {
		for _, g := range effectGroups(s, compared) {
			groups = append(groups, forestGroup{effectGroup: g})
		}
	} else {
		groups = comparedGroups(all, compared)
	}
	return fewGroups(groups)
}

// fewGroups are what a picture has room for, and what is left out.
func fewGroups(groups []forestGroup) (few []forestGroup, note string) {
	points, most := 0, 0
	for _, g := range groups[:min(len(groups), panelsMax)] {
		n := len(g.effects)
		if points += 4 * min(n, panelRows); points > pointsMax*5/4 && len(few) > 0 {
			break
		}
		if most = max(most, n); n > panelRows {
			g.effects, g.names = g.effects[:panelRows], g.names[:min(len(g.names), panelRows)]
		}
		few = append(few, g)
	}
	if len(few) < len(groups) {
		note = " · " + firstOf(len(few), len(groups), "panels")
	}
	if most > panelRows {
		note += fmt.Sprintf(" · the first %d of up to %s rows of a panel", panelRows, stat.Count(most))
	}
	return few, note
}

func comparedGroups(all []view, compared []effect) (groups []forestGroup) {
	names := map[result.Load]string{}
	differ := varied(all)
	for _, v := range all {
		names[v.load] = panelTitle(differ, v)
	}
	at := map[string]int{}
	for _, e := range compared {
		title := e.a + " / " + e.b
		i, ok := at[title]
		if !ok {
			i = len(groups)
			at[title], groups = i, append(groups, forestGroup{effectGroup: effectGroup{title: title}})
		}
		groups[i].effects = append(groups[i].effects, e)
		groups[i].names = append(groups[i].names, names[e.load])
	}
	return groups
}

func forestPanel(s *result.Set, g forestGroup, of func(effect) finding) chart.Panel {
	p := chart.Panel{
		Title: g.title,
		X:     chart.Axis{Label: "ratio", Scale: chart.Linear}, Y: chart.Axis{Scale: chart.Category},
		Rules: []chart.Rule{{At: 1}},
	}
	if s.Plan.Purpose == result.PurposeCalibration {
		p.Y.Label = effectHeading(s)
	}
	marks := chart.Series{Kind: chart.Intervals}
	var list []stat.Effect
	for i, e := range g.effects {
		f := of(e)
		list = append(list, f.Effect)
		name := e.name(s)
		if g.names != nil {
			name = g.names[i]
		}
		p.Y.Names = append(p.Y.Names, name)
		pt := chart.Point{X: f.Center, Y: float64(i), Lo: f.Lo, Hi: f.Hi, Faint: !f.differs()}
		switch {
		case math.IsNaN(f.Center):
			pt.Label = "not measured"
		case f.Known():
			pt.Label = center(f) + " (" + interval(f) + ")"
		default:
			pt.Label = center(f)
		}
		pt.Text = name + ": " + pt.Label
		marks.Points = append(marks.Points, pt)
	}
	p.Series = []chart.Series{marks}
	least, greatest := forestEnds(list)
	pad := (greatest - least) * 0.05
	p.X.From, p.X.To = least-pad, greatest+pad
	if s.Plan.Purpose == result.PurposeAblation {
		p.Series = barsOf(marks, p.X.To)
	}
	return p
}

// barsOf are marks as bars from no effect, with the labels beside the axis, which ends at
// end.
func barsOf(marks chart.Series, end float64) []chart.Series {
	bars, ends, labels := chart.Series{Kind: chart.Bars}, chart.Series{Kind: chart.Whiskers}, chart.Series{Kind: chart.Labels}
	for _, pt := range marks.Points {
		labels.Points = append(labels.Points, chart.Point{X: end, Y: pt.Y, Label: pt.Label})
		if math.IsNaN(pt.X) {
			continue
		}
		bars.Points = append(bars.Points, chart.Point{X: pt.X, Y: pt.Y, Lo: min(1, pt.X), Hi: max(1, pt.X), Text: pt.Text, Faint: pt.Faint})
		if !math.IsNaN(pt.Lo) {
			ends.Points = append(ends.Points, chart.Point{X: pt.X, Y: pt.Y, Lo: pt.Lo, Hi: pt.Hi, Text: pt.Text})
		}
	}
	return []chart.Series{bars, ends, labels}
}

// forestRange bounds the axis: an interval that is wider goes to its end.
const forestRange = 2.0

// forestEnds hold every estimate and the line at 1.
func forestEnds(effects []stat.Effect) (least, greatest float64) {
	least, greatest = 0.98, 1.02
	for _, e := range effects {
		switch {
		case math.IsNaN(e.Center):
			continue
		case e.Known():
			least = min(least, e.Center, max(e.Lo, 1/forestRange))
			greatest = max(greatest, e.Center, min(e.Hi, forestRange))
		default:
			least, greatest = min(least, e.Center), max(greatest, e.Center)
		}
	}
	return least, greatest
}
