package reports

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ringbench/ringbench/internal/result"
)

// nines is where percentile p stands on the axis: one step for every nine.
func nines(p float64) float64 { return -math.Log10(1 - p/100) }

func latencyDrawing(all []view) drawing {
	d := drawing{
		file: "latency.png", title: "Latency by percentile, microseconds", height: 250,
		caption: "Lower is better. To the right every step is one nine more. A line ends where its sample no longer supports a percentile (fewer than ten values beyond it). " +
			"In open loop it is the response time, from the intended start; in closed loop the service time, from the actual send.",
	}
	look := looks(all)
	room := plotWidth - 2*plotMargin - 40
	for _, name := range names(all) {
		shown := fitName(style(textSize, false), clean(name), room)
		d.legend = append(d.legend, swatch{name: shown, color: look[name].color, line: true, dashes: look[name].dashes})
	}
	for _, v := range all {
		p := newPanel(panelTitle(all, v), "percentile", "µs")
		p.Add(lines{x: true, y: true})
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, r := range v.rows {
			points := latencyPoints(r.latency)
			for _, pt := range points {
				lo, hi = min(lo, pt.Y), max(hi, pt.Y)
			}
			if len(points) > 1 {
				l := &plotter.Line{XYs: points, LineStyle: draw.LineStyle{Color: look[r.name].color, Width: 1.8, Dashes: look[r.name].dashes}}
				p.Add(l)
			}
		}
		if lo > hi { // nothing measured: an empty panel
			lo, hi = 1, 10
		}
		p.X.Min, p.X.Max = 0, nines(99.99)+0.05
		p.X.Tick.Marker = percentileTicks()
		p.Y.Scale = plot.LogScale{}
		p.Y.Min, p.Y.Max = bounds(lo, hi)
		p.Y.Tick.Marker = plot.TickerFunc(logTicks)
		d.panels = append(d.panels, p)
	}
	return d
}

// latencyPoints walk the axis as far as the count supports.
func latencyPoints(h result.Histogram) (points plotter.XYs) {
	const step = 0.02
	for x := 0.0; x <= nines(99.99)+step/2; x += step {
		p := 100 * (1 - math.Pow(10, -x))
		if !h.Supports(p) {
			break
		}
		points = append(points, plotter.XY{X: x, Y: max(float64(h.ValueAtPercentile(p)), 1) / 1e3})
	}
	return points
}

func percentileTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, p := range percentiles {
		ticks = append(ticks, plot.Tick{Value: nines(p), Label: percentileName(p)})
	}
	return ticks
}

// bounds widens lo … hi to 1, 2 or 5 times a power of ten, at least a factor
// of four apart.
func bounds(lo, hi float64) (float64, float64) {
	if hi < 4*lo {
		lo, hi = math.Sqrt(lo*hi)/2, math.Sqrt(lo*hi)*2
	}
	down := math.Pow(10, math.Floor(math.Log10(lo)))
	for _, m := range []float64{5, 2} {
		if down*m <= lo {
			down *= m
			break
		}
	}
	up := math.Pow(10, math.Ceil(math.Log10(hi)))
	for _, m := range []float64{5, 2} {
		if up/m >= hi {
			up /= m
			break
		}
	}
	return down, up
}

// logTicks are at 1, 2 and 5 times every power of ten, or at the powers alone
// where more would not fit.
func logTicks(lo, hi float64) (ticks []plot.Tick) {
	wide := math.Log10(hi/lo) > 2.5
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: min(max(v, lo), hi)}
			if m == 1 || !wide && (m == 2 || m == 5) {
				t.Label = short(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}
