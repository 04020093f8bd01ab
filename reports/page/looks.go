package page

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/reports/chart"
)

// Papers of the two themes; page.css has the same.
var (
	lightPaper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	darkPaper  = color.RGBA{0x16, 0x18, 0x1b, 0xff}
)

// leastContrast is what WCAG 2 asks of graphics (1.4.11).
const leastContrast = 3

// looks are the classes of the series of a document: a style sheet by hash takes no
// style of an element.
type looks struct {
	palette chart.Palette
	index   map[[2]string]int // by name and part
	order   [][2]string
}

func newLooks(charts []chart.Chart) *looks {
	l := &looks{palette: chart.NewPalette(charts...), index: map[[2]string]int{}}
	for _, c := range charts {
		for _, p := range c.Panels {
			for _, s := range p.Series {
				l.add(s.Name, "")
				l.add(s.Name, s.Part)
				l.add("", s.Part) // of the legend
			}
		}
	}
	return l
}

func (l *looks) add(name, part string) {
	k := [2]string{name, part}
	if _, ok := l.index[k]; !ok {
		l.index[k] = len(l.order)
		l.order = append(l.order, k)
	}
}

func (l *looks) class(s *chart.Series) string {
	return "c" + strconv.Itoa(l.index[[2]string{s.Name, s.Part}])
}

// style is a rule for each class: its colour in both themes, that of the whole of which
// it is a part, its dashes, and how bars of the part are filled and edged.
func (l *looks) style() string {
	var b strings.Builder
	for i, k := range l.order {
		look, ok := l.palette[k[0]]
		switch {
		case !ok && k[1] == "":
			look.Color = chart.Mark
		case !ok: // a part in the legend, whosever it is
			look.Color = chart.Soft
		}
		light, dark := legible(look.Color, lightPaper), legible(look.Color, darkPaper)
		whole := fmt.Sprintf("light-dark(%s,%s)", chart.Hex(light), chart.Hex(dark))
		if k[1] != "" {
			light, dark = chart.PartColor(light, k[1]), chart.PartColor(dark, k[1])
		}
		dashes := "none"
		if len(look.Dashes) > 0 {
			dashes = lengths(look.Dashes)
		}
		fmt.Fprintf(&b, ".c%d{--c:light-dark(%s,%s);--whole:%s;--d:%s%s}\n", i, chart.Hex(light), chart.Hex(dark), whole, dashes, barEdge(k[1]))
	}
	return b.String()
}

// barEdge is what sets bars of a part off from those of others on either paper: lighter and
// darker shades have an edge, what is not the server's has nothing else.
func barEdge(part string) string {
	switch dashes, hollow := chart.Outline(part); {
	case hollow && len(dashes) > 0:
		return ";--fill:var(--paper);--edge-of:var(--c);--dashes:" + lengths(dashes)
	case hollow:
		return ";--fill:var(--paper);--edge-of:var(--c)"
	case part == chart.User:
		return ";--edge-of:var(--whole)"
	case part == chart.Helpers:
		return ";--edge-of:var(--ink)"
	}
	return ""
}

func lengths(list []float64) string { return strings.Trim(fmt.Sprint(list), "[]") }

// legible moves c away from the paper until it stands out from it.
func legible(c, paper color.RGBA) color.RGBA {
	to := uint8(0)
	if chart.Contrast(color.RGBA{255, 255, 255, 255}, paper) > chart.Contrast(color.RGBA{A: 255}, paper) {
		to = 255
	}
	for chart.Contrast(c, paper) < leastContrast {
		for _, x := range []*uint8{&c.R, &c.G, &c.B} {
			*x = uint8(math.Round(float64(*x) + (float64(to)-float64(*x))*0.06))
		}
	}
	return c
}
