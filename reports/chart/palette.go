package chart

import (
	"fmt"
	"image/color"
	"slices"
	"strings"
)

// The palette of Okabe and Ito, made to be told apart by the colour-blind
// (https://jfly.uni-koeln.de/color/). A family of contestants, the first word of
// whose names is the same, has the same colour in every report, so that readers
// learn it.
var families = map[string]color.RGBA{
	"uring":      {0x00, 0x72, 0xb2, 0xff}, // blue
	"epoll":      {0xe6, 0x9f, 0x00, 0xff}, // orange
	"threadpool": {0x00, 0x9e, 0x73, 0xff}, // bluish green
	"net":        {0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	"null":       {0x99, 0x99, 0x99, 0xff}, // grey
}

// foreigners are for all others, in the order in which they come. Black, the eighth
// of the palette, would not show on a dark page.
var foreigners = []color.RGBA{
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	{0xf0, 0xe4, 0x42, 0xff}, // yellow
}

// Colours of what is no contestant's.
var (
	Ink   = color.RGBA{0x22, 0x22, 0x22, 0xff} // text, and what is drawn over bars
	Soft  = color.RGBA{0x77, 0x77, 0x77, 0xff} // axes, and effects that are no difference
	Mark  = families["uring"]                  // effects that are a difference
	Grid  = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
	Shade = color.RGBA{0xec, 0xec, 0xec, 0xff} // of spans
	Doubt = color.RGBA{0xfb, 0xdd, 0x9c, 0xff} // of spans in doubt
)

// A Look is how a contestant is drawn.
type Look struct {
	Color color.RGBA
	// Dashes are the lengths of strokes and gaps in points, none for a solid line.
	// They differ from one contestant to the next, so that a line on top of another
	// lets it through.
	Dashes []float64
}

// Hex is the colour as style sheets write it.
func (l Look) Hex() string { return Hex(l.Color) }

// Hex is a colour as style sheets write it.
func Hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

var dashes = [][]float64{nil, {9, 4}, {5, 4}, {2, 3}, {9, 3, 2, 3}}

// shades is how much of white is mixed into a family's default, the first variant of
// it that is met, the second and so on.
var shades = []float64{0, 0.35, 0.55, 0.7}

// A Palette holds the looks of the contestants of a document.
type Palette map[string]Look

// NewPalette gives every name of a series its look, in the order in which they come.
func NewPalette(charts ...Chart) Palette {
	p := Palette{Machine: {Color: Soft}}
	variants := map[string]int{}
	foreign := 0
	for _, c := range charts {
		for _, panel := range c.Panels {
			for _, s := range panel.Series {
				if _, ok := p[s.Name]; ok || s.Name == "" {
					continue
				}
				f := family(s.Name)
				base, ok := families[f]
				n := 0
				switch {
				case ok && f != s.Name:
					variants[f]++
					n = variants[f]
				case !ok:
					base, n = foreigners[foreign%len(foreigners)], foreign/len(foreigners)
					foreign++
				}
				p[s.Name] = Look{lighten(base, shades[n%len(shades)]), dashes[(len(p)-1)%len(dashes)]}
			}
		}
	}
	return p
}

// family is the first word of a name: a backend without its features.
func family(name string) string {
	if i := strings.IndexAny(name, "+- "); i >= 0 {
		return name[:i]
	}
	return name
}

// Machine is the name of a series that shows how late the machine itself is.
const Machine = "the machine's own delays"

// The parts of what a contestant has: those of the server's CPU are shades of its
// colour, what is not the server's is an outline.
const (
	Service = "service time"
	Trial   = "a trial"
	User    = "user"
	Kernel  = "kernel"
	Helpers = "helper threads"
	Client  = "client"
	Spin    = "client's spin"
	Softirq = "softirq of the machine"
)

// parts are in the order in which bars stack them.
var parts = []string{User, Kernel, Helpers, Client, Spin, Softirq}

// ByPart compares parts by where they stand in a bar, all others behind them.
func ByPart(a, b string) int { return partRank(a) - partRank(b) }

func partRank(part string) int {
	if i := slices.Index(parts, part); i >= 0 {
		return i
	}
	return len(parts)
}

// PartColor is that of a part of what a contestant, of the given colour, does. Legends
// give it of Soft, as a part looks alike whosever it is.
func PartColor(c color.RGBA, part string) color.RGBA {
	switch part {
	case User, Service, Trial:
		return lighten(c, 0.6)
	case Helpers:
		return darken(c, 0.45)
	}
	if _, ok := Outline(part); ok {
		return Soft
	}
	return c
}

// Outline reports whether bars of a part are hollow, and the dashes of their edge in
// points, none for a solid one.
func Outline(part string) (dashes []float64, ok bool) {
	switch part {
	case Client:
		return nil, true
	case Spin:
		return []float64{4, 2}, true
	case Softirq:
		return []float64{1, 2}, true
	}
	return nil, false
}

func lighten(c color.RGBA, part float64) color.RGBA {
	return mix(c, color.RGBA{255, 255, 255, 255}, part)
}

func darken(c color.RGBA, part float64) color.RGBA { return mix(c, color.RGBA{0, 0, 0, 255}, part) }

// mix adds a part of b to a.
func mix(a, b color.RGBA, part float64) color.RGBA {
	of := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*part) }
	return color.RGBA{of(a.R, b.R), of(a.G, b.G), of(a.B, b.B), 0xff}
}
