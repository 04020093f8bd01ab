package reports

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ringbench/ringbench/internal/result"
)

// curveDrawings show what a search saw by the rate that was offered.
func curveDrawings(s *result.Set, subtitle string) []drawing {
	unit := s.Plan.Unit()
	p := s.Plan.Search.Objectives[0].Percentile
	latency := drawing{
		file: "latency.png", title: "Response time by offered rate: p" + strconv.FormatFloat(p, 'f', -1, 64) + ", microseconds", subtitle: subtitle, height: 250,
		caption: "Lower is better, to the right is more load. Each point is a rate that was tried; beyond what a contestant sustains its messages queue up.",
	}
	cpu := drawing{
		file: "cpu.png", title: "Server CPU a " + unit.One + " by offered rate, nanoseconds", subtitle: subtitle, height: 250,
		caption: "Lower is better. At one rate contestants have done the same work.",
	}
	all := views(s)
	look := looks(all)
	for _, name := range names(all) {
		w := swatch{name: fitName(style(textSize, false), clean(name), plotWidth-2*plotMargin-40), color: look[name].color, line: true, dashes: look[name].dashes}
		latency.legend, cpu.legend = append(latency.legend, w), append(cpu.legend, w)
	}
	for _, load := range searchedLoads(s) {
		title := fit(style(panelTitleSize, true), clean(load.Unpaced()), columnWidth(len(searchedLoads(s))))
		latency.panels = append(latency.panels, curvePanel(s, load, look, title, "µs", func(r row) float64 {
			return float64(r.latency.ValueAtPercentile(p)) / 1e3
		}))
		cpu.panels = append(cpu.panels, curvePanel(s, load, look, title, "ns", func(r row) float64 { return r.server.Center }))
	}
	return []drawing{latency, cpu}
}

func curvePanel(s *result.Set, load result.Load, look map[string]look, title, y string, of func(row) float64) *plot.Plot {
	p := newPanel(title, fmt.Sprintf("%s/s offered", s.Plan.Unit().Many), y)
	p.Add(lines{x: true, y: true})
	var xs, ys []float64
	for _, f := range s.Found {
		if f.Load != load {
			continue
		}
		var points plotter.XYs
		style := draw.LineStyle{Width: 1.8}
		for _, cell := range triedBy(s, f) {
			r := newRow(s, cell)
			style.Color, style.Dashes = look[r.name].color, look[r.name].dashes
			if v := of(r); v > 0 && !math.IsNaN(v) && !math.IsInf(v, 0) {
				points = append(points, plotter.XY{X: r.cell.Rate, Y: v})
				xs, ys = append(xs, r.cell.Rate), append(ys, v)
			}
		}
		if len(points) > 1 {
			p.Add(&plotter.Line{XYs: points, LineStyle: style})
		}
	}
	for _, a := range []struct {
		axis   *plot.Axis
		values []float64
	}{{&p.X, xs}, {&p.Y, ys}} {
		lo, hi := 1.0, 10.0 // nothing measured: an empty panel
		for i, v := range a.values {
			if i == 0 {
				lo, hi = v, v
			}
			lo, hi = min(lo, v), max(hi, v)
		}
		a.axis.Scale = plot.LogScale{}
		a.axis.Min, a.axis.Max = bounds(lo, hi)
		a.axis.Tick.Marker = plot.TickerFunc(logTicks)
	}
	return p
}
