package reports

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ringbench/ringbench/internal/result"
)

// Dimensions in points; at the 96 dots an inch of our PNGs plotWidth is 1200 pixels.
const (
	plotWidth  = 900 * vg.Length(1)
	plotMargin = 14 * vg.Length(1)
	gap        = 16 * vg.Length(1) // between panels
)

// panelsMax bounds the size of a picture. The tables hold what does not fit.
const panelsMax = 48

// A drawing is a picture of one quantity: a panel for every load, each with an
// axis of its own, because loads differ by orders of magnitude.
type drawing struct {
	file     string // name of the PNG
	title    string
	subtitle string
	caption  string // how to read it, for the page
	legend   []swatch
	panels   []*plot.Plot
	height   vg.Length // of a panel
}

// A swatch explains a colour, and a pattern of dashes where line is set.
type swatch struct {
	name   string
	color  color.Color
	line   bool
	dashes []vg.Length
}

func drawings(s *result.Set) []drawing {
	all := views(s)
	subtitle := subtitle(s, all)
	if s.Plan.Purpose == result.PurposeMaximum {
		return curveDrawings(s, subtitle)
	}
	if s.Plan.Purpose != "" {
		return effectDrawings(s, subtitle)
	}
	if len(all) > panelsMax {
		subtitle += fmt.Sprintf("; the first %d of %d loads", panelsMax, len(all))
		all = all[:panelsMax]
	}
	unit := s.Plan.Unit()
	list := []drawing{throughputDrawing(all, unit), latencyDrawing(all), cpuDrawing(all, unit)}
	for i := range list {
		list[i].subtitle = subtitle
	}
	return list
}

// subtitle is what all panels share, and where it was measured.
func subtitle(s *result.Set, all []view) string {
	parts := []string{or(s.Plan.Workload(), "no workload")}
	if len(all) > 0 {
		for i, p := range loadParts(all[0].load) {
			if len(all) == 1 || !varies(all, i) {
				parts = append(parts, p)
			}
		}
	}
	if s.Plan.Duet {
		parts = append(parts, "duet: relative under contention")
	}
	line := strings.Join(parts, ", ") + " · " + s.Plan.Placement + " placement"
	if s.Env.Kernel != "" {
		line += " · Linux " + s.Env.Kernel
	}
	if s.Env.CPUModel != "" {
		line += " · " + s.Env.CPUModel
	}
	return clean(line)
}

// loadParts are what a load is made of, in words.
func loadParts(l result.Load) []string {
	if l.Op != "" {
		return l.FileParts()
	}
	conns := fmt.Sprintf("%s connections", whole(float64(l.Conns)))
	if l.Conns == 1 {
		conns = "1 connection"
	}
	pace := "closed loop"
	if l.Rate > 0 {
		pace = strings.TrimSpace(l.Arrivals + " at " + whole(l.Rate) + " a second")
	}
	if l.Mode != "" {
		pace = strings.TrimSpace(l.Mode+" "+l.Direction) + ", " + pace
	}
	if l.Protocol != "" {
		pace = l.Protocol + ", " + pace
	}
	flight := fmt.Sprintf("pipeline %d", l.Pipeline)
	each := fmt.Sprintf("requests per connection: %d", l.Requests)
	switch {
	case l.Sent():
		flight = fmt.Sprintf("buffers of %s B", whole(float64(l.Buffer)))
		if l.Requests > 0 {
			flight = each + ", " + flight
		}
	case l.Requests > 0:
		flight = each
	}
	if l.Sent() || l.Requests > 0 {
		conns += " at a time"
	}
	size := whole(float64(l.NamedBytes())) + " B"
	if l.Sizes != "" {
		size = l.SizeText()
	}
	return []string{l.Network, conns, size, flight, pace}
}

func varies(all []view, part int) bool {
	for _, v := range all {
		if loadParts(v.load)[part] != loadParts(all[0].load)[part] {
			return true
		}
	}
	return false
}

// panelTitle is what sets this load apart from the others, on as many lines as
// the width of a panel takes.
func panelTitle(all []view, v view) string {
	sty, room := style(panelTitleSize, true), columnWidth(len(all))
	var lines []string
	for i, p := range loadParts(v.load) {
		if !varies(all, i) {
			continue
		}
		p = fit(sty, clean(p), room)
		last := len(lines) - 1
		if last >= 0 && sty.Width(lines[last]+", "+p) <= room {
			lines[last] += ", " + p
		} else {
			lines = append(lines, p)
		}
	}
	return strings.Join(lines, "\n")
}

// titleHeight is what the tallest title takes beyond one line.
func titleHeight(panels []*plot.Plot) (h vg.Length) {
	for _, p := range panels {
		h = max(h, vg.Length(strings.Count(p.Title.Text, "\n"))*1.2*panelTitleSize)
	}
	return h
}

func columns(panels int) int {
	switch {
	case panels <= 1:
		return 1
	case panels <= 4:
		return 2
	}
	return 3
}

func columnWidth(panels int) vg.Length {
	n := vg.Length(columns(panels))
	return (plotWidth - 2*plotMargin - (n-1)*gap) / n
}

// size is what draw needs.
func (d *drawing) size() (w, h vg.Length) {
	rows := (len(d.panels) + columns(len(d.panels)) - 1) / columns(len(d.panels))
	rows = max(rows, 1)
	return plotWidth, d.top() + vg.Length(rows)*(max(d.height, 40)+titleHeight(d.panels)) + vg.Length(rows-1)*gap + plotMargin
}

const (
	titleSize, panelTitleSize, subtitleSize, textSize = 16, 11, 10.5, 10
	legendLine                                        = 18 * vg.Length(1)
)

// top is the height of title, subtitle and legend.
func (d *drawing) top() vg.Length {
	return plotMargin + 46 + vg.Length(d.legendRows())*legendLine + 8
}

// draw paints the drawing on a canvas of its size.
func (d *drawing) draw(c draw.Canvas) {
	c.FillText(style(titleSize, true), vg.Point{X: c.Min.X + plotMargin, Y: c.Max.Y - plotMargin}, d.title)
	small := style(subtitleSize, false)
	small.Color = grey
	c.FillText(small, vg.Point{X: c.Min.X + plotMargin, Y: c.Max.Y - plotMargin - 24}, fit(small, d.subtitle, plotWidth-2*plotMargin))
	d.drawLegend(c)
	body := draw.Crop(c, plotMargin, -plotMargin, plotMargin, -d.top())
	if len(d.panels) == 0 {
		c.FillText(style(textSize, false), vg.Point{X: body.Min.X, Y: body.Max.Y}, "nothing was measured")
		return
	}
	n := columns(len(d.panels))
	grid := make([][]*plot.Plot, (len(d.panels)+n-1)/n)
	for i := range grid {
		grid[i] = make([]*plot.Plot, n)
		copy(grid[i], d.panels[i*n:min((i+1)*n, len(d.panels))])
	}
	tiles := draw.Tiles{Rows: len(grid), Cols: n, PadX: gap, PadY: gap}
	for i, row := range plot.Align(grid, tiles, body) {
		for j, cell := range row {
			if grid[i][j] != nil {
				grid[i][j].Draw(cell)
			}
		}
	}
}

// legendPlaces sets the swatches in rows.
func (d *drawing) legendPlaces() (at []vg.Point) {
	sty := style(textSize, false)
	var p vg.Point
	for _, s := range d.legend {
		w := 30 + sty.Width(s.name) + 18
		if p.X > 0 && p.X+w > plotWidth-2*plotMargin {
			p = vg.Point{Y: p.Y + legendLine}
		}
		at = append(at, p)
		p.X += w
	}
	return at
}

func (d *drawing) legendRows() int {
	at := d.legendPlaces()
	if len(at) == 0 {
		return 0
	}
	return int(math.Round(float64(at[len(at)-1].Y/legendLine))) + 1
}

func (d *drawing) drawLegend(c draw.Canvas) {
	sty := style(textSize, false)
	sty.YAlign = draw.YCenter
	for i, p := range d.legendPlaces() {
		x, y := c.Min.X+plotMargin+p.X, c.Max.Y-plotMargin-52-p.Y
		s := d.legend[i]
		if s.line {
			c.StrokeLine2(draw.LineStyle{Color: s.color, Width: 2, Dashes: s.dashes}, x, y, x+24, y)
		} else {
			c.FillPolygon(s.color, rectangle(x, y-5, x+24, y+5))
		}
		c.FillText(sty, vg.Point{X: x + 30, Y: y}, s.name)
	}
}

func rectangle(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}

func style(size vg.Length, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: ink, Font: f, YAlign: draw.YTop, Handler: plot.DefaultTextHandler}
}

// fit shortens s until it is no wider than w.
func fit(sty text.Style, s string, w vg.Length) string {
	if sty.Width(s) <= w {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && sty.Width(string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// fitName is fit for names, which often differ at the end only: it cuts out
// the middle.
func fitName(sty text.Style, s string, w vg.Length) string {
	head := []rune(s)
	if sty.Width(s) <= w {
		return s
	}
	tail := head[len(head)/2:]
	head = head[:len(head)/2]
	for len(tail) > 0 && sty.Width(string(head)+"…"+string(tail)) > w {
		if len(head) >= len(tail) {
			head = head[:len(head)-1]
		} else {
			tail = tail[1:]
		}
	}
	return string(head) + "…" + string(tail)
}

// newPanel is an empty plot in our style.
func newPanel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.TextStyle = style(panelTitleSize, true)
	p.Title.TextStyle.XAlign = draw.XCenter
	p.Title.Padding = 6
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = style(textSize, false).Font
		a.Label.TextStyle.Color = ink
		a.Tick.Label.Font = style(textSize, false).Font
		a.Tick.Label.Color = ink
		a.LineStyle.Color = grey
		a.Tick.LineStyle.Color = grey
		a.Padding = 0
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	return p
}

// short prints an axis value: 0, 250, 20k, 1.5M.
func short(x float64) string {
	for _, u := range []struct {
		factor float64
		name   string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(x) >= u.factor {
			return strconv.FormatFloat(x/u.factor, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
