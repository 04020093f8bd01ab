package reports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/ringbench/ringbench/internal/result"
)

// dpi makes plotWidth 1200 pixels.
const dpi = 96

// PNGFiles are the names that PNG gives.
var PNGFiles = []string{"throughput.png", "latency.png", "cpu.png"}

// PNG writes PNGFiles into dir, which it makes where needed; of a set that was
// made for a purpose no latency.png, or of a search no throughput.png. Each file appears whole or not at all.
func PNG(dir string, s *result.Set) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write plots: %w; name another directory with --png", err)
	}
	for _, d := range drawings(s) {
		w, h := d.size()
		c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))
		d.draw(draw.New(c))
		var b bytes.Buffer
		if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
			return fmt.Errorf("draw %s: %w", d.file, err)
		}
		if err := result.Replace(filepath.Join(dir, d.file), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
