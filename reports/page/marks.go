package page

import (
	"math"
	"strings"

	"github.com/ringbench/ringbench/reports/chart"
)

// drawSeries writes one group, whose class gives the colour.
func (p *frame) drawSeries(c *canvas, s *chart.Series) {
	c.WriteString(`<g class="` + p.look.class(s) + `">`)
	switch s.Kind {
	case chart.Line:
		p.drawLine(c, s)
	case chart.Band:
		p.drawBand(c, s)
		p.drawLine(c, s)
	case chart.Tiles:
		p.drawTiles(c, s)
	default:
		for _, pt := range s.Points {
			p.drawPoint(c, s.Kind, pt)
		}
	}
	c.WriteString("</g>")
}

// inside is where a point stands, if it is between the ends of both axes.
func (p *frame) inside(pt chart.Point) (x, y float64, ok bool) {
	x, y = p.x.px(pt.X), p.y.px(pt.Y)
	const slack = 0.5
	ok = x >= p.x.a-slack && x <= p.x.b+slack && y >= min(p.y.a, p.y.b)-slack && y <= max(p.y.a, p.y.b)+slack
	return x, y, ok
}

func (p *frame) drawLine(c *canvas, s *chart.Series) {
	var d strings.Builder
	open := false
	for _, pt := range s.Points {
		x, y := p.x.px(pt.X), p.y.px(pt.Y)
		if !isFigure(x) || !isFigure(y) {
			open = false
			continue
		}
		letter := "M"
		if open {
			letter = "L"
		}
		d.WriteString(letter + number(x) + " " + number(y))
		open = true
	}
	if d.Len() > 0 {
		class := "line"
		if s.Part != "" {
			class = "line part"
		}
		if s.Points[0].Faint { // the series as a whole is
			class += " faint"
		}
		c.add("path", class, "", "d", d.String())
	}
}

func dotClass(pt chart.Point) string {
	if pt.Faint {
		return "ring"
	}
	return "dot"
}

func (p *frame) drawBand(c *canvas, s *chart.Series) {
	var up, down []float64
	flush := func() {
		for i := len(down) - 2; i >= 0; i -= 2 {
			up = append(up, down[i], down[i+1])
		}
		if len(up) > 4 {
			c.add("path", "area", "", "d", path(up...)+"Z")
		}
		up, down = nil, nil
	}
	for _, pt := range s.Points {
		x, lo, hi := p.x.px(pt.X), p.y.within(pt.Lo), p.y.within(pt.Hi)
		if !isFigure(x) || !isFigure(lo) || !isFigure(hi) {
			flush()
			continue
		}
		up, down = append(up, x, hi), append(down, x, lo)
	}
	flush()
}

func (p *frame) drawTiles(c *canvas, s *chart.Series) {
	w := (p.x.b - p.x.a) / float64(max(len(p.X.Names), 1))
	h := math.Abs(p.y.b-p.y.a) / float64(max(len(p.Y.Names), 1))
	for _, pt := range s.Points {
		x, y, ok := p.inside(pt)
		if !ok {
			continue
		}
		tile, text := chart.TileColors(pt.Value, p.reach)
		class := "tile"
		if pt.Faint {
			class = "tile faint"
		}
		c.add("rect", class, "", "x", x-w/2+1, "y", y-h/2+1, "width", w-2, "height", h-2, "fill", chart.Hex(tile))
		if pt.Label != "" && float64(glyph*len([]rune(pt.Label))) <= w {
			c.add("text", class, pt.Label, "x", x, "y", y+4, "text-anchor", "middle", "fill", chart.Hex(text))
		}
	}
}

// drawPoint draws what does not join with its neighbours.
func (p *frame) drawPoint(c *canvas, kind chart.Kind, pt chart.Point) {
	x, y, ok := p.inside(pt)
	if !isFigure(y) {
		return
	}
	class := dotClass(pt)
	switch kind {
	case chart.Dots:
		if ok {
			c.add("circle", class, "", "cx", x, "cy", y, "r", 3.5)
		}
	case chart.Marks:
		if ok {
			c.add("circle", "ring", "", "cx", x, "cy", y, "r", 7.0)
		}
	case chart.Bars:
		a, b := p.x.within(pt.Lo), p.x.within(pt.Hi)
		if a, b = min(a, b), max(a, b); b > a {
			c.add("rect", barClass(pt), "", "x", a, "y", y, "width", b-a, "height", float64(barHeight))
		}
	case chart.Whiskers:
		p.drawInterval(c, "whisker", y+barHeight/2, pt)
	case chart.Intervals:
		bar := "interval"
		if pt.Faint {
			bar, class = bar+" faint", class+" faint"
		}
		p.drawInterval(c, bar, y+barHeight/2, pt)
		if x := p.x.px(pt.X); x >= p.x.a && x <= p.x.b {
			c.add("circle", class, "", "cx", x, "cy", y+barHeight/2, "r", 4.5)
		}
	}
}

func barClass(pt chart.Point) string {
	if pt.Faint {
		return "bar faint"
	}
	return "bar"
}

// drawInterval draws a bar with ends from Lo to Hi; an end beyond the axis has none.
func (p *frame) drawInterval(c *canvas, class string, y float64, pt chart.Point) {
	lo, hi := p.x.within(pt.Lo), p.x.within(pt.Hi)
	if math.IsNaN(lo) || math.IsNaN(hi) {
		return
	}
	d := path(lo, y, hi, y)
	for _, v := range []float64{pt.Lo, pt.Hi} {
		if at := p.x.px(v); at >= p.x.a && at <= p.x.b {
			d += path(at, y-4, at, y+4)
		}
	}
	c.add("path", class, "", "d", d)
}
