package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// dpi makes plotWidth 1200 pixels.
const dpi = 96

// PNG draws c, 1,200 pixels wide.
func PNG(w io.Writer, c Chart, look Palette) error {
	p := layOut(c, look)
	wide, high := p.size()
	canvas := vgimg.NewWith(vgimg.UseWH(wide, high), vgimg.UseDPI(dpi))
	p.draw(draw.New(canvas))
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("draw %s: %w", c.ID, err)
	}
	return nil
}

// fonts are those that a reader has; Liberation Sans, by which text was measured,
// has the metrics of Arial.
var fonts = strings.NewReplacer(`style="font-family:Liberation Sans;`, `style="font-family:'Liberation Sans',Arial,Helvetica,sans-serif;`)

// SVG draws c as a file that stands alone, on white, of which text remains text.
func SVG(w io.Writer, c Chart, look Palette) error {
	p := layOut(c, look)
	wide, high := p.size()
	canvas := vgsvg.New(wide, high)
	d := draw.New(canvas)
	d.FillPolygon(color.White, rectangle(0, 0, wide, high))
	p.draw(d)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return fmt.Errorf("draw %s: %w", c.ID, err)
	}
	if _, err := io.WriteString(w, fonts.Replace(b.String())); err != nil {
		return fmt.Errorf("write %s: %w", c.ID, err)
	}
	return nil
}
