package reports

import (
	"image/color"

	"gonum.org/v1/plot/vg"
)

var (
	ink   = color.RGBA{0x22, 0x22, 0x22, 0xff}
	grey  = color.RGBA{0x77, 0x77, 0x77, 0xff}
	faint = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
)

// The palette of Okabe and Ito, made to be told apart by the colour-blind
// (https://jfly.uni-koeln.de/color/). A family has the same colour in every
// report, so that readers learn it.
var families = map[string]color.RGBA{
	"uring":      {0x00, 0x72, 0xb2, 0xff}, // blue
	"epoll":      {0xe6, 0x9f, 0x00, 0xff}, // orange
	"threadpool": {0x00, 0x9e, 0x73, 0xff}, // bluish green
	"net":        {0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	"null":       {0x99, 0x99, 0x99, 0xff}, // grey
}

// foreigners are for servers of other people, in the order of the plan. Black,
// the eighth of the palette, would not show on a dark page.
var foreigners = []color.RGBA{
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	{0xf0, 0xe4, 0x42, 0xff}, // yellow
}

// A look is how a contestant is drawn. Variants of a family share its colour
// and differ in shade. Dashes differ from one contestant to the next, so that
// a line on top of another lets it through.
type look struct {
	color  color.RGBA
	dashes []vg.Length
}

var dashes = [][]vg.Length{nil, {9, 4}, {5, 4}, {2, 3}, {9, 3, 2, 3}}

// shades is how much of white is mixed into the second variant of a family,
// the third and so on.
var shades = []float64{0, 0.35, 0.55, 0.7}

// looks gives every contestant its look, by the name of its row.
func looks(all []view) map[string]look {
	byName := map[string]look{}
	variants := map[string]int{}
	foreign := 0
	for _, v := range all {
		for _, r := range v.rows {
			if _, ok := byName[r.name]; ok {
				continue
			}
			base, ok := families[r.cell.Family()]
			n := variants[r.cell.Family()]
			if ok {
				variants[r.cell.Family()]++
			} else {
				base, n = foreigners[foreign%len(foreigners)], foreign/len(foreigners)
				foreign++
			}
			byName[r.name] = look{color: lighten(base, shades[n%len(shades)]), dashes: dashes[len(byName)%len(dashes)]}
		}
	}
	return byName
}

// lighten mixes a part of white into c.
func lighten(c color.RGBA, part float64) color.RGBA {
	mix := func(x uint8) uint8 { return uint8(float64(x) + (255-float64(x))*part) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// names lists the contestants in the order of the plan, each once.
func names(all []view) (list []string) {
	seen := map[string]bool{}
	for _, v := range all {
		for _, r := range v.rows {
			if !seen[r.name] {
				seen[r.name] = true
				list = append(list, r.name)
			}
		}
	}
	return list
}
