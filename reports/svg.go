package reports

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// svg draws d as an element for a page: without the XML prologue, in fonts
// that every system has, and with ink that follows the page's, for dark mode.
func (d *drawing) svg() (string, error) {
	w, h := d.size()
	c := vgsvg.New(w, h)
	d.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw %s: %w", d.file, err)
	}
	text := b.String()
	start := strings.Index(text, "<svg")
	if start < 0 {
		return "", fmt.Errorf("draw %s: no SVG came out", d.file)
	}
	text = text[start:]
	text = strings.Replace(text, "<svg", `<svg role="img" aria-label="`+html.EscapeString(d.title)+`"`, 1)
	return themed.Replace(text), nil
}

// themed maps what vgsvg writes to what the page's style sheet defines. Every
// pattern holds a quote, which text of a user cannot: there it is escaped.
var themed = strings.NewReplacer(
	`style="font-family:Liberation Sans;`, `style="font-family:'Liberation Sans',Arial,Helvetica,sans-serif;`,
	`fill:#222222"`, `fill:var(--ink)"`,
	`fill:#777777"`, `fill:var(--soft)"`,
	`style="fill:none;stroke:#222222`, `style="fill:none;stroke:var(--ink)`,
	`style="fill:none;stroke:#777777`, `style="fill:none;stroke:var(--soft)`,
	`style="fill:none;stroke:#DDDDDD`, `style="fill:none;stroke:var(--line)`,
)
