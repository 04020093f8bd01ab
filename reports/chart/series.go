package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A plotter draws a series in a panel of a width, with tiles on a scale that
// reaches so far.
type plotter struct {
	Series
	look  Palette
	reach float64
	width vg.Length
}

// Plot implements plot.Plotter.
func (s plotter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	switch s.Kind {
	case Line:
		s.line(c, p)
	case Band:
		s.band(c, p)
	case Dots:
		for _, pt := range s.within(p) {
			s.dot(c, vg.Point{X: x(pt.X), Y: y(pt.Y)}, pt.Faint)
		}
	case Marks:
		for _, pt := range s.within(p) {
			at := vg.Point{X: x(pt.X), Y: y(pt.Y)}
			c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: 4.5, Shape: draw.CircleGlyph{}}, at)
			c.DrawGlyph(draw.GlyphStyle{Color: s.color(), Radius: 4.5, Shape: draw.RingGlyph{}}, at)
			c.DrawGlyph(draw.GlyphStyle{Color: s.color(), Radius: 2, Shape: draw.CircleGlyph{}}, at)
		}
	case Bars:
		s.bars(c, p)
	case Whiskers, Intervals:
		s.intervals(c, p)
	case Labels:
		for _, pt := range s.Points {
			s.label(c, pt, x(pt.X), y(pt.Y))
		}
	case Tiles:
		s.tiles(c, p)
	}
}

// color is that of the contestant's part.
func (s plotter) color() color.RGBA { return s.look.color(s.Name, s.Part) }

// color is that of a contestant's part. What is no contestant's is a mark.
func (p Palette) color(name, part string) color.RGBA {
	l, ok := p[name]
	if !ok {
		l.Color = Mark
	}
	return PartColor(l.Color, part)
}

// within are the points that lie on the plot.
func (s plotter) within(p *plot.Plot) (kept []Point) {
	for _, pt := range s.Points {
		if pt.X >= p.X.Min && pt.X <= p.X.Max && pt.Y >= p.Y.Min && pt.Y <= p.Y.Max {
			kept = append(kept, pt)
		}
	}
	return kept
}

func (s plotter) dot(c draw.Canvas, at vg.Point, hollow bool) {
	if hollow {
		c.DrawGlyph(draw.GlyphStyle{Color: s.color(), Radius: 2.6, Shape: draw.CircleGlyph{}}, at)
		c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: 1.7, Shape: draw.CircleGlyph{}}, at)
		return
	}
	c.DrawGlyph(draw.GlyphStyle{Color: s.color(), Radius: 2.6, Shape: draw.CircleGlyph{}}, at)
}

// line joins the points, but for those without a figure; a point that has none for
// a neighbour becomes a dot.
func (s plotter) line(c draw.Canvas, p *plot.Plot) {
	sty := draw.LineStyle{Color: s.color(), Width: 1.8}
	for _, d := range s.look[s.Name].Dashes {
		sty.Dashes = append(sty.Dashes, vg.Length(d))
	}
	if s.Part == Trial {
		sty.Width, sty.Dashes = 0.8, nil
	}
	if s.faint() {
		sty = draw.LineStyle{Color: lighten(s.look.color(s.Name, ""), 0.78), Width: 0.8}
	}
	for _, run := range s.runs(c, p, func(pt Point) float64 { return pt.Y }) {
		if len(run) == 1 {
			if c.Contains(run[0]) {
				s.dot(c, run[0], s.faint())
			}
			continue
		}
		c.StrokeLines(sty, c.ClipLinesXY(run)...)
	}
}

// faint reports whether the series as a whole is.
func (s plotter) faint() bool { return len(s.Points) > 0 && s.Points[0].Faint }

// runs are the points of a line between those that have no place.
func (s plotter) runs(c draw.Canvas, p *plot.Plot, of func(Point) float64) (runs [][]vg.Point) {
	x, y := p.Transforms(&c)
	var run []vg.Point
	for _, pt := range s.Points {
		at := vg.Point{X: x(pt.X), Y: y(of(pt))}
		if f := float64(at.X) + float64(at.Y); math.IsNaN(f) || math.IsInf(f, 0) {
			if run != nil {
				runs, run = append(runs, run), nil
			}
			continue
		}
		run = append(run, at)
	}
	if run != nil {
		runs = append(runs, run)
	}
	return runs
}

// band fills what lies between Lo and Hi, or under Hi where Lo is below the plot.
func (s plotter) band(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var outline, back []vg.Point
	flush := func() {
		for i := len(back) - 1; i >= 0; i-- {
			outline = append(outline, back[i])
		}
		if len(outline) > 2 {
			c.FillPolygon(lighten(s.color(), 0.72), c.ClipPolygonXY(outline))
		}
		outline, back = nil, nil
	}
	for _, pt := range s.Points {
		lo, hi := max(pt.Lo, p.Y.Min), min(pt.Hi, p.Y.Max)
		if math.IsNaN(lo) || math.IsNaN(hi) || !(hi > p.Y.Min) {
			flush()
			continue
		}
		outline = append(outline, vg.Point{X: x(pt.X), Y: y(hi)})
		back = append(back, vg.Point{X: x(pt.X), Y: y(min(lo, hi))})
	}
	flush()
	s.line(c, p)
}
