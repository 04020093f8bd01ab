package page

import (
	"html"
	"math"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/reports/chart"
)

// Pixels. A panel is drawn as wide as a page of 400 pixels lets it be, so that its
// text is never smaller than written; page.js draws it as wide as it is shown.
const (
	panelWidth  = 360
	glyph       = 7  // what a letter takes, on average, generously
	lineHeight  = 18 // of labels
	rowHeight   = 38 // of a bar with its name above it
	barHeight   = 14
	tileHeight  = 32
	plotHeight  = 190
	edge        = 11
	overhang    = 18 // what the last label of an x axis may stand out
	tickApart   = 62 // between labels of an x axis
	tickApartUp = 36 // between labels of a y axis
)

// A canvas collects the elements of an SVG.
type canvas struct{ strings.Builder }

// add writes an element: attributes are names and values, numbers to a tenth of a
// pixel.
func (c *canvas) add(tag, class, text string, attributes ...any) {
	c.WriteString("<" + tag)
	if class != "" {
		c.WriteString(` class="` + class + `"`)
	}
	for i := 0; i+1 < len(attributes); i += 2 {
		c.WriteString(" " + attributes[i].(string) + `="`)
		switch v := attributes[i+1].(type) {
		case float64:
			c.WriteString(number(v))
		case string:
			c.WriteString(html.EscapeString(v))
		}
		c.WriteString(`"`)
	}
	if text == "" {
		c.WriteString("/>")
		return
	}
	c.WriteString(">" + html.EscapeString(text) + "</" + tag + ">")
}

func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10+0, 'f', -1, 64) // + 0: never -0
}

// A frame is a panel with its axes in place.
type frame struct {
	*chart.Panel
	look          *looks
	reach         float64 // of the tiles
	width, height float64
	x, y          *scale
	rows          bool // categories from top to bottom, each with its name above
}

func (p *frame) has(k chart.Kind) bool {
	for _, s := range p.Series {
		if s.Kind == k {
			return true
		}
	}
	return false
}

// place sets the axes.
func (p *frame) place() {
	p.width = panelWidth
	tiles := p.has(chart.Tiles)
	p.rows = p.Y.Scale == chart.Category && !tiles
	top, bottom, inside := 12.0, 24.0, float64(plotHeight)
	if p.Y.Label != "" {
		top += lineHeight
	}
	if p.X.Label != "" {
		bottom += lineHeight
	}
	switch n := float64(len(p.Y.Names)); {
	case p.rows:
		inside = max(n, 1) * rowHeight
	case tiles:
		inside = max(n, 1) * tileHeight
	}
	p.height = top + inside + bottom
	from, to := top+inside, top
	if p.Y.Scale == chart.Category { // from the top
		from, to = to, from
	}
	p.y = newScale(p.Y, p.values(false), from, to, tickApartUp)
	left := float64(edge)
	if !p.rows {
		widest := 0
		for _, t := range p.y.ticks {
			widest = max(widest, len([]rune(t.text)))
		}
		left = edge + glyph*min(float64(widest), math.Floor(0.35*p.width/glyph))
	}
	p.x = newScale(p.X, p.values(true), left, p.width-overhang, tickApart)
}

// values are what an axis has to hold.
func (p *frame) values(x bool) (v []float64) {
	for _, s := range p.Series {
		for _, pt := range s.Points {
			switch along := s.Kind; {
			case along == chart.Bars || along == chart.Whiskers:
				if x {
					v = append(v, pt.Lo, pt.Hi)
				}
			case along == chart.Intervals:
				if x {
					v = append(v, pt.X, pt.Lo, pt.Hi)
				}
			case x:
				v = append(v, pt.X)
			case along == chart.Band:
				v = append(v, pt.Y, pt.Lo, pt.Hi)
			default:
				v = append(v, pt.Y)
			}
		}
	}
	for _, r := range p.Rules {
		if r.OnY != x {
			v = append(v, r.At)
		}
	}
	return v
}

// draw writes what the SVG element of the panel holds.
func (p *frame) draw(c *canvas) {
	p.drawSpans(c)
	p.drawRules(c)
	p.drawAxes(c)
	p.drawMarks(c)
}

func (p *frame) drawRules(c *canvas) {
	for _, r := range p.Rules {
		x, y := p.x.within(r.At), p.y.within(r.At)
		switch {
		case r.OnY && isFigure(y):
			c.add("path", "rule", "", "d", path(p.x.a, y, p.x.b, y))
		case !r.OnY && isFigure(x):
			c.add("path", "rule", "", "d", path(x, p.y.a, x, p.y.b))
		}
	}
}

// drawMarks draws the series in an SVG of their own, which cuts off what lies beyond
// the axes.
func (p *frame) drawMarks(c *canvas) {
	const margin = 6 // for what stands on the edge
	x, y := p.x.a-margin, min(p.y.a, p.y.b)-margin
	w, h := p.x.b-p.x.a+2*margin, math.Abs(p.y.b-p.y.a)+2*margin
	box := strings.Join([]string{number(x), number(y), number(w), number(h)}, " ")
	c.WriteString(`<svg x="` + number(x) + `" y="` + number(y) + `" width="` + number(w) + `" height="` + number(h) + `" viewBox="` + box + `">`)
	for i := range p.Series {
		p.drawSeries(c, &p.Series[i])
	}
	c.WriteString("</svg>")
}

func (p *frame) drawSpans(c *canvas) {
	for _, s := range p.Spans {
		on := p.x
		if s.OnY {
			on = p.y
		}
		from, to := on.within(s.From), on.within(s.To)
		from, to = min(from, to), max(from, to)
		if !(to > from) {
			continue
		}
		box := []any{"x", from, "y", min(p.y.a, p.y.b), "width", to - from, "height", math.Abs(p.y.b - p.y.a)}
		if s.OnY {
			box = []any{"x", p.x.a, "y", from, "width", p.x.b - p.x.a, "height", to - from}
		}
		if s.Doubt > 0 {
			box = append(box, "opacity", 0.3+0.7*s.Doubt)
		}
		c.add("rect", spanClass(s), "", box...)
	}
}

func spanClass(s chart.Span) string {
	if s.Doubt > 0 {
		return "span doubt"
	}
	return "span"
}

func (p *frame) drawAxes(c *canvas) {
	top, bottom := min(p.y.a, p.y.b), max(p.y.a, p.y.b)
	widest := 0
	for _, t := range p.x.ticks {
		widest = max(widest, len([]rune(t.text)))
	}
	step := (p.x.b - p.x.a) / float64(max(len(p.x.ticks), 1))
	every := 1
	if p.X.Scale == chart.Category {
		every = max(1, int(math.Ceil(float64(min(widest, 12)*glyph)/step)))
	}
	for i, t := range p.x.ticks {
		at := p.x.px(t.at)
		if p.X.Scale != chart.Category {
			c.add("path", "grid", "", "d", path(at, top, at, bottom))
		}
		if i%every == 0 {
			p.drawBelow(c, cut(t.text, 12), at, bottom+16)
		}
	}
	said := p.rowLabels()
	for _, t := range p.y.ticks {
		at := p.y.px(t.at)
		switch {
		case p.rows:
			p.drawRowName(c, t, at, said[t.at])
		case p.Y.Scale == chart.Category:
			c.add("text", "", cut(t.text, int((p.x.a-edge)/glyph)), "x", p.x.a-5, "y", at+4, "text-anchor", "end")
		default:
			c.add("path", "grid", "", "d", path(p.x.a, at, p.x.b, at))
			c.add("text", "", t.text, "x", p.x.a-5, "y", at+4, "text-anchor", "end")
		}
	}
	c.add("path", "axis", "", "d", path(p.x.a, top, p.x.a, bottom, p.x.b, bottom))
	if p.Y.Label != "" {
		c.add("text", "label", cut(p.Y.Label, int(p.width/glyph)), "x", 2.0, "y", 13.0)
	}
	if p.X.Label != "" {
		c.add("text", "label", cut(p.X.Label, int(p.width/glyph)), "x", p.x.b, "y", bottom+16+lineHeight, "text-anchor", "end")
	}
}

// drawBelow centres a label, unless that would cut it off at the left.
func (p *frame) drawBelow(c *canvas, text string, x, y float64) {
	anchor := "middle"
	if float64(glyph*len([]rune(text)))/2 > x {
		x, anchor = 2, "start"
	}
	c.add("text", "", text, "x", x, "y", y, "text-anchor", anchor)
}

// drawRowName prints the name of a row above it, and at the right what its bars say.
func (p *frame) drawRowName(c *canvas, t tick, at float64, said string) {
	said = cut(said, int(p.width/2/glyph))
	room := int((p.x.b+overhang-p.x.a)/glyph) - len([]rune(said)) - 2
	c.add("text", "", cut(t.text, room), "x", p.x.a+4, "y", at-5)
	if said != "" {
		c.add("text", "label", said, "x", p.width-4, "y", at-5, "text-anchor", "end")
	}
}

// rowLabels are what the bars of each row say.
func (p *frame) rowLabels() map[float64]string {
	if !p.rows {
		return nil
	}
	said := map[float64]string{}
	for _, s := range p.Series {
		for _, pt := range s.Points {
			switch before := said[pt.Y]; {
			case pt.Label == "":
			case before == "":
				said[pt.Y] = pt.Label
			default:
				said[pt.Y] = before + " · " + pt.Label
			}
		}
	}
	return said
}

// cut shortens a name to n letters. Names often differ at their ends only, so it takes
// out the middle.
func cut(s string, n int) string {
	r := []rune(s)
	n = max(n, 3)
	if len(r) <= n {
		return s
	}
	head := n / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}

// path joins pairs of coordinates.
func path(xy ...float64) string {
	var b strings.Builder
	for i := 0; i+1 < len(xy); i += 2 {
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(number(xy[i]) + " " + number(xy[i+1]))
	}
	return b.String()
}
