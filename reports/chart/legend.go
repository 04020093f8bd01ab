package chart

import (
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	legendLine = 18 * vg.Length(1)
	swatchWide = 24 * vg.Length(1)
)

// A swatch explains a colour, a part of bars, a line, a mark or, with scale, the colours
// of tiles.
type swatch struct {
	name  string
	part  string
	color color.RGBA
	line  *draw.LineStyle
	dot   draw.GlyphDrawer
	scale float64
}

// legend explains what is not named at the axis of categories, each once.
func (c Chart) legend(look Palette) (list []swatch) {
	add := func(s swatch) {
		if s.name != "" && !slices.ContainsFunc(list, func(o swatch) bool { return o.name == s.name }) {
			list = append(list, s)
		}
	}
	var bars, rest []swatch
	for _, p := range c.Panels {
		for _, s := range p.Series {
			switch s.Kind {
			case Line, Band:
				sty := draw.LineStyle{Color: look.color(s.Name, s.Part), Width: 2}
				for _, d := range look[s.Name].Dashes {
					sty.Dashes = append(sty.Dashes, vg.Length(d))
				}
				if s.Part != "" {
					rest = append(rest, swatch{name: s.Part, line: &draw.LineStyle{Color: PartColor(Soft, s.Part), Width: 1.5}})
					continue
				}
				w := swatch{name: s.Name, color: look.color(s.Name, ""), line: &sty}
				if s.Kind == Band {
					w.color, w.line = lighten(w.color, 0.72), nil
				}
				add(w)
			case Dots:
				add(swatch{name: s.Name, color: look.color(s.Name, ""), dot: draw.CircleGlyph{}})
			case Marks:
				rest = append(rest, swatch{name: s.Part, color: Soft, dot: draw.RingGlyph{}})
			case Bars:
				if s.Part != "" {
					bars = append(bars, swatch{name: s.Part, part: s.Part, color: PartColor(Soft, s.Part)})
				}
			case Tiles:
				rest = append(rest, swatch{name: p.X.Label, scale: TileReach(c)})
			}
		}
		for _, s := range p.Spans {
			rest = append(rest, swatch{name: s.Name, color: Span{Doubt: math.Ceil(s.Doubt)}.color()})
		}
		for _, r := range p.Rules {
			rest = append(rest, swatch{name: r.Name, line: &ruleStyle})
		}
	}
	slices.SortStableFunc(bars, func(a, b swatch) int { return ByPart(a.part, b.part) })
	for _, s := range append(bars, rest...) {
		if s.scale > 0 {
			s.name = "ratio"
		}
		add(s)
	}
	return list
}

// scaleTiles is how many tiles explain the scale.
const scaleTiles = 9

// wide is how much of a line a swatch takes.
func (s swatch) wide() vg.Length {
	w := swatchWide + 6 + style(textSize, false).Width(s.shown()) + 18
	if s.scale > 0 {
		w += scaleTiles*14 + 60
	}
	return w
}

func (s swatch) shown() string {
	return fitName(style(textSize, false), s.name, plotWidth-2*plotMargin-60)
}

// legendPlaces sets the swatches in rows.
func legendPlaces(list []swatch) (at []vg.Point) {
	var p vg.Point
	for _, s := range list {
		w := s.wide()
		if p.X > 0 && p.X+w > plotWidth-2*plotMargin {
			p = vg.Point{Y: p.Y + legendLine}
		}
		at = append(at, p)
		p.X += w
	}
	return at
}

func legendHeight(list []swatch) vg.Length {
	at := legendPlaces(list)
	if len(at) == 0 {
		return 0
	}
	return at[len(at)-1].Y + legendLine
}

// drawLegend begins at the top left.
func drawLegend(c draw.Canvas, list []swatch, left, top vg.Length) {
	sty := style(textSize, false)
	sty.YAlign = draw.YCenter
	for i, p := range legendPlaces(list) {
		s := list[i]
		x, y := left+p.X, top-legendLine/2-p.Y
		switch {
		case s.scale > 0:
			drawScale(c, s.scale, x, y)
			continue
		case s.dot != nil:
			c.DrawGlyph(draw.GlyphStyle{Color: s.color, Radius: 4, Shape: s.dot}, vg.Point{X: x + swatchWide/2, Y: y})
		case s.line != nil:
			c.StrokeLine2(*s.line, x, y, x+swatchWide, y)
		default:
			fillPart(c, s.color, s.part, x, y-5, x+swatchWide, y+5)
		}
		c.FillText(sty, vg.Point{X: x + swatchWide + 6, Y: y}, s.shown())
	}
}

// drawScale shows the colours of tiles from the least ratio to the greatest.
func drawScale(c draw.Canvas, reach float64, x, y vg.Length) {
	sty := style(textSize, false)
	sty.YAlign = draw.YCenter
	put := func(text string) {
		c.FillText(sty, vg.Point{X: x, Y: y}, text)
		x += sty.Width(text) + 6
	}
	put("ratio " + strconv.FormatFloat(1/reach, 'f', 2, 64))
	for i := range scaleTiles {
		fill, _ := TileColors(math.Pow(reach, float64(2*i)/(scaleTiles-1)-1), reach)
		c.FillPolygon(fill, rectangle(x, y-5, x+13, y+5))
		x += 14
	}
	x += 5
	put(strconv.FormatFloat(reach, 'f', 2, 64))
}
