package reports

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ringbench/ringbench/internal/result"
)

// A forest is a plotter of ratios with their intervals, from the top down, at
// heights len-1 … 0, and of the line at 1, which is no effect.
type forest struct {
	effects  []finding
	labels   []string
	least    float64 // of the axis
	greatest float64 // of what is drawn; the labels stand beyond it
}

// forestRange bounds the axis: an interval that is wider goes to its end.
const forestRange = 2.0

func newForest(effects []finding) forest {
	f := forest{effects: effects, least: 0.98, greatest: 1.02}
	for _, e := range effects {
		switch {
		case math.IsNaN(e.Center):
			f.labels = append(f.labels, "not measured")
			continue
		case e.Known():
			f.labels = append(f.labels, center(e)+" ("+interval(e)+")")
			f.least = min(f.least, e.Center, max(e.Lo, 1/forestRange))
			f.greatest = max(f.greatest, e.Center, min(e.Hi, forestRange))
		default:
			f.labels = append(f.labels, center(e))
			f.least, f.greatest = min(f.least, e.Center), max(f.greatest, e.Center)
		}
	}
	pad := (f.greatest - f.least) * 0.05
	f.least, f.greatest = f.least-pad, f.greatest+pad
	return f
}

// Plot implements plot.Plotter.
func (f forest) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: 1}, x(1), c.Min.Y, x(1), c.Max.Y)
	label := style(textSize, false)
	label.YAlign = draw.YCenter
	for i, e := range f.effects {
		at := y(float64(len(f.effects) - 1 - i))
		c.FillText(label, vg.Point{X: x(f.greatest) + labelGap, Y: at}, f.labels[i])
		if math.IsNaN(e.Center) {
			continue
		}
		col := families["uring"]
		if e.Known() && !e.differs() {
			col = grey
		}
		if e.Known() {
			lo, hi := max(e.Lo, f.least), min(e.Hi, f.greatest)
			c.StrokeLine2(draw.LineStyle{Color: col, Width: 2}, x(lo), at, x(hi), at)
		}
		const half = 4
		c.FillPolygon(col, rectangle(x(e.Center)-half, at-half, x(e.Center)+half, at+half))
	}
}

// forestPanel puts ratios in a panel that is w wide.
func forestPanel(title string, names []string, effects []finding, w vg.Length) *plot.Plot {
	f := newForest(effects)
	p := newPanel(title, "ratio", "")
	sty := style(textSize, false)
	var nameWidth, labelWidth vg.Length
	ticks := make(plot.ConstantTicks, len(names))
	for i, name := range names {
		name = fitName(sty, clean(name), w*0.3)
		nameWidth = max(nameWidth, sty.Width(name))
		labelWidth = max(labelWidth, sty.Width(f.labels[i]))
		ticks[i] = plot.Tick{Value: float64(len(names) - 1 - i), Label: name}
	}
	p.Add(lines{x: true}, f)
	p.Y.Tick.Marker, p.Y.Tick.Length = ticks, 0
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	room := float64((w - nameWidth - labelWidth - labelGap - 24) / (w - nameWidth - 24))
	p.X.Min, p.X.Max = f.least, f.least+(f.greatest-f.least)/max(room, 0.2)
	p.X.Tick.Marker = plot.TickerFunc(func(lo, _ float64) []plot.Tick { return ratioTicks(lo, f.greatest) })
	return p
}

// ratioTicks are at most six round values from lo to hi.
func ratioTicks(lo, hi float64) (ticks []plot.Tick) {
	step := 0.01
	for _, next := range []float64{0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10} {
		if (hi-lo)/step <= 5 {
			break
		}
		step = next
	}
	for i := math.Ceil(lo / step); i*step <= hi; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 3, 64)})
	}
	return ticks
}

// effectDrawings are the pictures of a set that was made for a purpose. Absolute
// figures are not drawn: those of pairs that ran together and of those that ran
// apart cannot be compared.
func effectDrawings(s *result.Set, subtitle string) []drawing {
	groups := effectGroups(s)
	if len(groups) > panelsMax {
		subtitle += fmt.Sprintf("; the first %d of %d groups", panelsMax, len(groups))
		groups = groups[:panelsMax]
	}
	const caption = "The line at 1 is no effect. A square is the geometric mean of the pairs, its bar the 95 % interval; grey ones are no difference, or none that could be told from noise. " +
		"A bar that would be longer than the panel is cut off."
	cpu := drawing{file: "cpu.png", title: "CPU a " + s.Plan.Unit().One + ": ratio, left of the line is less", subtitle: subtitle, caption: caption}
	rate := drawing{file: "throughput.png", title: "Throughput: ratio, right of the line is more", subtitle: subtitle, caption: caption}
	for _, g := range groups {
		var names []string
		var cpus, rates []finding
		for _, e := range g.effects {
			names, cpus, rates = append(names, e.name(s)), append(cpus, e.cpu), append(rates, rateOf(e))
		}
		w, title := columnWidth(len(groups)), fit(style(panelTitleSize, true), clean(g.title), columnWidth(len(groups)))
		cpu.panels = append(cpu.panels, forestPanel(title, names, cpus, w))
		rate.panels = append(rate.panels, forestPanel(title, names, rates, w))
		cpu.height = max(cpu.height, barHeight(len(names)))
		rate.height = cpu.height
	}
	return []drawing{cpu, rate}
}
