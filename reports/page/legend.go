package page

import (
	"html/template"
	"math"
	"slices"
	"strconv"

	"github.com/ringbench/ringbench/reports/chart"
)

// A key is an entry of a legend.
type key struct {
	Series string // what a reader can switch off, "" for what is none
	Text   string
	Sample template.HTML // what the SVG of the key holds
}

// keysOf explain what is in the panels of a chart.
func keysOf(c *chart.Chart, l *looks) (keys []key) {
	seen := map[string]bool{}
	add := func(kind, series, text string, sample func(*canvas)) {
		if seen[kind+text] || text == "" {
			return
		}
		seen[kind+text] = true
		var b canvas
		sample(&b)
		keys = append(keys, key{series, text, template.HTML(b.String())})
	}
	reach := chart.TileReach(*c)
	for _, p := range c.Panels {
		for _, s := range p.Series {
			if s.Kind == chart.Tiles {
				addTileKeys(reach, add)
				continue
			}
			whole := s
			whole.Part = ""
			add("series", s.Name, s.Name, func(b *canvas) { sampleOf(b, l, whole) })
		}
	}
	var parts []chart.Series
	for _, p := range c.Panels {
		parts = append(parts, p.Series...)
	}
	slices.SortStableFunc(parts, func(a, b chart.Series) int { return chart.ByPart(a.Part, b.Part) })
	for _, s := range parts {
		s.Name = ""
		add("part", "", s.Part, func(b *canvas) { sampleOf(b, l, s) })
	}
	for _, p := range c.Panels {
		for _, s := range p.Spans {
			add("span", "", s.Name, func(b *canvas) {
				b.add("rect", spanClass(s), "", "x", 0.0, "y", 1.0, "width", 26.0, "height", 10.0)
			})
		}
		for _, r := range p.Rules {
			add("rule", "", r.Name, func(b *canvas) { b.add("path", "rule", "", "d", path(0, 6, 26, 6)) })
		}
	}
	return keys
}

func sampleOf(b *canvas, l *looks, s chart.Series) {
	b.WriteString(`<g class="` + l.class(&s) + `">`)
	switch s.Kind {
	case chart.Bars:
		b.add("rect", "bar", "", "x", 0.0, "y", 1.0, "width", 26.0, "height", 10.0)
	case chart.Dots:
		b.add("circle", "dot", "", "cx", 13.0, "cy", 6.0, "r", 4.0)
	case chart.Marks:
		b.add("circle", "ring", "", "cx", 13.0, "cy", 6.0, "r", 4.5)
	case chart.Intervals, chart.Whiskers:
		b.add("path", "interval", "", "d", path(1, 6, 25, 6))
		b.add("circle", "dot", "", "cx", 13.0, "cy", 6.0, "r", 4.0)
	default:
		class := "line"
		if s.Part != "" {
			class = "line part"
		}
		b.add("path", class, "", "d", path(0, 6, 26, 6))
	}
	b.WriteString("</g>")
}

// addTileKeys explain the colours of a heat map by five ratios.
func addTileKeys(reach float64, add func(kind, series, text string, sample func(*canvas))) {
	for _, e := range []float64{-1, -0.5, 0, 0.5, 1} {
		ratio := math.Pow(reach, e)
		tile, _ := chart.TileColors(ratio, reach)
		add("tile", "", "× "+strconv.FormatFloat(ratio, 'f', 2, 64), func(b *canvas) {
			b.add("rect", "tile", "", "x", 0.0, "y", 1.0, "width", 26.0, "height", 10.0, "fill", chart.Hex(tile))
		})
	}
}
