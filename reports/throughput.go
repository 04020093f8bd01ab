package reports

import (
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

const throughputHow = "Longer is better. A bar is the median of the trials; the whisker is the 95 % interval of the median, or least and greatest with fewer than six trials. " +
	"Whiskers that overlap do not show a difference. Each panel has its own axis."

func throughputChart(s *result.Set, all []view) chart.Chart {
	unit := s.Plan.Unit()
	return loadsChart(s, all, throughputID, "Throughput, "+unit.Many+" a second: median, whisker its interval", func(v view) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: unit.Many + "/s", Scale: chart.Linear, Zero: true}, Y: chart.Axis{Scale: chart.Category, Names: v.names()}}
		var ends []chart.Point
		for i, r := range v.rows {
			label := "not measured"
			if r.rate.N > 0 {
				label = whole(r.rate.Center)
				p.Series = append(p.Series, chart.Series{Name: r.name, Kind: chart.Bars, Points: []chart.Point{{
					X: r.rate.Center, Y: float64(i), Hi: r.rate.Center, Text: told(r.rate, unit.Many+"/s"),
				}}})
			}
			if r.rate.N > 1 && !math.IsNaN(r.rate.HalfWidth()) {
				label += " ± " + percent(r.rate.HalfWidth()) + " %"
			}
			ends = append(ends, whisker(i, r.rate, label))
		}
		p.Series = append(p.Series, chart.Series{Kind: chart.Whiskers, Points: ends})
		return p
	})
}
