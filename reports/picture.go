package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

// PNGFiles and SVGFiles are the names that PNG and SVG may give.
var PNGFiles, SVGFiles = files(".png"), files(".svg")

func files(suffix string) (names []string) {
	for _, id := range chartIDs {
		names = append(names, id+suffix)
	}
	return names
}

// PNG writes those of PNGFiles for which s has data into dir, which it makes where
// needed. Each file appears whole or not at all. The others of PNGFiles, which an earlier
// result may have left there, it removes: they would be taken for those of s.
func PNG(dir string, s *result.Set) error { return pictures(dir, "png", s, chart.PNG) }

// SVG is PNG for SVGFiles.
func SVG(dir string, s *result.Set) error { return pictures(dir, "svg", s, chart.SVG) }

func pictures(dir, kind string, s *result.Set, draw func(io.Writer, chart.Chart, chart.Palette) error) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write plots: %w; name another directory with --%s", err, kind)
	}
	charts, old := Charts(s), files("."+kind)
	look := chart.NewPalette(charts...)
	for _, c := range charts {
		var b bytes.Buffer
		if err := draw(&b, c, look); err != nil {
			return err
		}
		name := c.ID + "." + kind
		if err := result.Replace(filepath.Join(dir, name), b.Bytes()); err != nil {
			return err
		}
		old = slices.DeleteFunc(old, func(o string) bool { return o == name })
	}
	for _, name := range old {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the plot of an earlier result: %w", err)
		}
	}
	return nil
}

// Charts are those of Document, in its order.
func Charts(s *result.Set) (list []chart.Chart) {
	for _, section := range Document(s).Sections {
		list = append(list, section.Charts...)
	}
	return list
}
