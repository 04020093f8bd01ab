package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// labelGap is between a bar and its label.
const labelGap = 5 * vg.Length(1)

// halfBar is half the height of a bar, as a share of its row.
const halfBar = 0.34

func (s plotter) bars(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	half := rowHeight(c, p) * halfBar
	for _, pt := range s.Points {
		ink := s.color()
		if pt.Faint {
			ink = Soft
		}
		lo, hi := max(pt.Lo, p.X.Min), min(pt.Hi, p.X.Max)
		if lo < hi {
			fillPart(c, ink, s.Part, x(lo), y(pt.Y)-half, x(hi), y(pt.Y)+half)
		}
		s.label(c, pt, x(max(p.X.Min, zero(hi))), y(pt.Y))
	}
}

// fillPart draws a part of a bar, of which some have an edge alone.
func fillPart(c draw.Canvas, ink color.RGBA, part string, x0, y0, x1, y1 vg.Length) {
	dashes, hollow := Outline(part)
	if !hollow {
		c.FillPolygon(ink, rectangle(x0, y0, x1, y1))
		return
	}
	edge := draw.LineStyle{Color: ink, Width: 1}
	for _, d := range dashes {
		edge.Dashes = append(edge.Dashes, vg.Length(d))
	}
	const in = 0.5 // half the edge
	outline := rectangle(min(x0+in, x1), y0+in, max(x1-in, x0), y1-in)
	c.FillPolygon(color.White, outline)
	c.StrokeLines(edge, append(outline, outline[0]))
}

func zero(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

func rowHeight(c draw.Canvas, p *plot.Plot) vg.Length {
	return c.Size().Y / vg.Length(p.Y.Max-p.Y.Min)
}

// intervals are cut off at the ends of the axis. Of whiskers those ends are marked that
// are not cut off, of intervals the middle.
func (s plotter) intervals(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, pt := range s.Points {
		at := y(pt.Y)
		lo, hi := max(pt.Lo, p.X.Min), min(pt.Hi, p.X.Max)
		if s.Kind == Whiskers {
			if lo <= hi {
				half := rowHeight(c, p) * halfBar / 2
				var ends []vg.Length
				for _, v := range []float64{pt.Lo, pt.Hi} {
					if v == max(lo, min(v, hi)) {
						ends = append(ends, x(v))
					}
				}
				for _, sty := range []draw.LineStyle{{Color: color.White, Width: 3}, {Color: Ink, Width: 1.2}} {
					c.StrokeLine2(sty, x(lo), at, x(hi), at)
					for _, end := range ends {
						c.StrokeLine2(sty, end, at-half, end, at+half)
					}
				}
			}
			s.label(c, pt, x(max(p.X.Min, zero(hi))), at)
			continue
		}
		ink := s.color()
		if pt.Faint {
			ink = Soft
		}
		if lo <= hi {
			c.StrokeLine2(draw.LineStyle{Color: ink, Width: 2}, x(lo), at, x(hi), at)
		}
		if pt.X >= p.X.Min && pt.X <= p.X.Max {
			const half = 4
			c.FillPolygon(ink, rectangle(x(pt.X)-half, at-half, x(pt.X)+half, at+half))
		}
		s.label(c, pt, c.Max.X, at)
	}
}

// label prints what stands beside a bar or an interval.
func (s plotter) label(c draw.Canvas, pt Point, x, y vg.Length) {
	if pt.Label != "" {
		sty := style(textSize, false)
		sty.YAlign = draw.YCenter
		c.FillText(sty, vg.Point{X: x + labelGap, Y: y + 1}, s.shown(pt.Label))
	}
}

func (s plotter) shown(label string) string { return fit(style(textSize, false), label, s.width*0.4) }

// GlyphBoxes implements plot.GlyphBoxer: it makes room for the widest label beside
// the end of the axis.
func (s plotter) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	var widest vg.Length
	for _, pt := range s.Points {
		if s.Kind != Tiles && pt.Label != "" {
			widest = max(widest, labelGap+style(textSize, false).Width(s.shown(pt.Label)))
		}
	}
	if widest == 0 {
		return nil
	}
	return []plot.GlyphBox{{X: 1, Y: 0.5, Rectangle: vg.Rectangle{Max: vg.Point{X: widest, Y: 1}}}}
}

func (s plotter) tiles(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := style(textSize, false)
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
	halfX, halfY := c.Size().X/vg.Length(p.X.Max-p.X.Min)/2, rowHeight(c, p)/2
	for _, pt := range s.Points {
		fill, ink := TileColors(pt.Value, s.reach)
		at := vg.Point{X: x(pt.X), Y: y(pt.Y)}
		c.FillPolygon(fill, rectangle(at.X-halfX+0.7, at.Y-halfY+0.7, at.X+halfX-0.7, at.Y+halfY-0.7))
		sty.Color = ink
		if label := printable(pt.Label); sty.Width(label) <= 2*halfX-4 && sty.Font.Size <= 2*halfY-2 {
			c.FillText(sty, at, label)
		}
	}
}
