package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plotOf puts a panel that is w wide into a plot, but for its title and the labels
// of its axes.
func plotOf(panel Panel, look Palette, reach float64, w vg.Length) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	x, y := panel.extents()
	sty, most := style(textSize, false), 5.0
	if panel.Y.Scale == Category { // names and labels leave little
		most = max(3, min(most, math.Floor(float64(w/95))))
	}
	for _, a := range []struct {
		to   *plot.Axis
		from Axis
		of   extent
		room vg.Length // of a name
	}{{&p.X, panel.X, x, 0}, {&p.Y, panel.Y, y, w * 0.32}} {
		a.to.Tick.Label.Font = sty.Font
		a.to.Tick.Label.Color = Ink
		a.to.LineStyle.Color, a.to.Tick.LineStyle.Color = Soft, Soft
		a.to.Padding = 0
		a.to.Min, a.to.Max = a.from.ends(a.of)
		a.to.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick { return a.from.ticks(lo, hi, most) })
		switch a.from.Scale {
		case Log:
			a.to.Scale = logScale{}
		case Nines:
			a.to.Scale = ninesScale{}
		case Category:
			a.to.Tick.Length = 0
			if a.room > 0 {
				a.to.Scale = downScale{}
			}
			a.to.Tick.Marker = nameTicks(sty, a.from.Names, a.room, w*0.6)
		}
	}
	p.Add(spans{panel.Spans}, grid{panel.X.Scale != Category, panel.Y.Scale != Category})
	for _, layer := range layers {
		for _, s := range panel.Series {
			for _, kind := range layer {
				if s.Kind == kind {
					p.Add(plotter{s, look, reach, w})
				}
			}
		}
	}
	p.Add(rules{panel.Rules})
	return p
}

// layers are the kinds from the bottom up.
var layers = [][]Kind{{Band, Tiles, Bars}, {Line, Whiskers, Intervals, Labels}, {Dots}, {Marks}}

// extents are those of the values on either axis.
func (p Panel) extents() (x, y extent) {
	x, y = extent{math.Inf(1), math.Inf(-1)}, extent{math.Inf(1), math.Inf(-1)}
	for _, s := range p.Series {
		for _, pt := range s.Points {
			if p.X.Scale == Log && !(pt.X >= 1/farOut) || p.Y.Scale == Log && !(pt.Y >= 1/farOut) {
				continue
			}
			switch s.Kind {
			case Bars, Whiskers:
				x.add(pt.Lo, pt.Hi)
			case Labels:
				x.add(pt.X)
			case Intervals:
				x.add(pt.X, pt.Lo, pt.Hi)
			case Band:
				x.add(pt.X)
				y.add(pt.Y, pt.Hi)
				if p.Y.Scale != Log || pt.Lo >= 1/farOut {
					y.add(pt.Lo)
				}
			default:
				if !math.IsNaN(pt.X) && !math.IsNaN(pt.Y) {
					x.add(pt.X)
					y.add(pt.Y)
				}
			}
		}
	}
	for _, s := range p.Spans {
		if !s.OnY {
			x.add(s.From, s.To)
		}
	}
	for _, r := range p.Rules {
		if r.OnY {
			y.add(r.At)
		} else {
			x.add(r.At)
		}
	}
	return x, y
}

// nameTicks label the categories of an axis: those of a Y axis in so much room
// each, those of an X axis in so much together.
func nameTicks(sty text.Style, names []string, each, together vg.Length) plot.ConstantTicks {
	ticks := make(plot.ConstantTicks, 0, len(names))
	every, room := 1, each
	if each == 0 && len(names) > 0 {
		const least = 28
		every = max(1, int(math.Ceil(float64(least*vg.Length(len(names))/together))))
		room = together*vg.Length(every)/vg.Length(len(names)) - 4
	}
	for i, name := range names {
		if i%every == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(i), Label: fitName(sty, name, room)})
		}
	}
	return ticks
}

// A grid is a plotter of lines across a panel at the labelled ticks of the axes.
type grid struct{ x, y bool }

// Plot implements plot.Plotter.
func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	thin := draw.LineStyle{Color: Grid, Width: 0.6}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if g.x && !t.IsMinor() && t.Value >= p.X.Min && t.Value <= p.X.Max {
			c.StrokeLine2(thin, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if g.y && !t.IsMinor() && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			c.StrokeLine2(thin, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}

// spans is a plotter.
type spans struct{ list []Span }

// Plot implements plot.Plotter.
func (s spans) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, span := range s.list {
		if span.OnY {
			lo, hi := max(span.From, p.Y.Min), min(span.To, p.Y.Max)
			if lo < hi {
				c.FillPolygon(span.color(), rectangle(c.Min.X, y(lo), c.Max.X, y(hi)))
			}
			continue
		}
		if lo, hi := max(span.From, p.X.Min), min(span.To, p.X.Max); lo < hi {
			c.FillPolygon(span.color(), rectangle(x(lo), c.Min.Y, x(hi), c.Max.Y))
		}
	}
}

func (s Span) color() color.RGBA {
	if s.Doubt > 0 {
		return lighten(Doubt, faintest*(1-s.Doubt))
	}
	return Shade
}

// faintest is how much of a colour is taken from what is hardly in doubt.
const faintest = 0.7

// rules is a plotter.
type rules struct{ list []Rule }

// ruleStyle is also that of a rule in the legend.
var ruleStyle = draw.LineStyle{Color: Ink, Width: 1}

// Plot implements plot.Plotter.
func (r rules) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, rule := range r.list {
		if rule.OnY {
			c.StrokeLines(ruleStyle, c.ClipLinesY([]vg.Point{{X: c.Min.X, Y: y(rule.At)}, {X: c.Max.X, Y: y(rule.At)}})...)
		} else {
			c.StrokeLines(ruleStyle, c.ClipLinesX([]vg.Point{{X: x(rule.At), Y: c.Min.Y}, {X: x(rule.At), Y: c.Max.Y}})...)
		}
	}
}

func rectangle(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
