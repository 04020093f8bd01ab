package chart

import (
	"image/color"
	"math"
)

// The ends of the scale of tiles, which the colour-blind can tell apart, and its
// middle, which is a ratio of 1.
var (
	tileLess    = color.RGBA{0x21, 0x66, 0xac, 0xff} // blue
	tileNeutral = color.RGBA{0xf7, 0xf7, 0xf7, 0xff}
	tileMore    = color.RGBA{0xb3, 0x58, 0x06, 0xff} // orange-brown
)

// TileReach is the ratio at which the tiles of a chart have the full colour, as has
// its inverse: that of the tile that is farthest from 1, but from 1.1 to 100.
func TileReach(c Chart) float64 {
	reach := math.Log(1.1)
	for _, p := range c.Panels {
		for _, s := range p.Series {
			for _, pt := range s.Points {
				if x := math.Abs(math.Log(pt.Value)); s.Kind == Tiles && x > reach && !math.IsInf(x, 0) {
					reach = x
				}
			}
		}
	}
	return math.Exp(min(reach, math.Log(100)))
}

// TileColors are those of a tile and of the text in it. A ratio and its inverse
// stand equally far from the neutral colour.
func TileColors(ratio, reach float64) (tile, text color.RGBA) {
	if !(ratio > 0) || math.IsInf(ratio, 0) {
		return Shade, Soft
	}
	at := max(-1, min(1, math.Log(ratio)/math.Log(reach)))
	end := tileMore
	if at < 0 {
		end = tileLess
	}
	tile = mix(tileNeutral, end, math.Abs(at))
	black, white := color.RGBA{A: 255}, color.RGBA{255, 255, 255, 255} // of which one has a contrast of 4.5 on any colour
	if Contrast(white, tile) > Contrast(black, tile) {
		return tile, white
	}
	return tile, black
}

// Contrast is that of the Web Content Accessibility Guidelines, from 1 to 21.
func Contrast(a, b color.RGBA) float64 {
	x, y := luminance(a)+0.05, luminance(b)+0.05
	return max(x, y) / min(x, y)
}

func luminance(c color.RGBA) float64 {
	linear := func(x uint8) float64 {
		v := float64(x) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
