package reports

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// A bar is horizontal, so that its name can be read, and carries its figure.
type bar struct {
	parts  []part
	lo, hi float64 // of the whisker; NaN: none
	label  string
}

type part struct {
	value float64
	color color.Color
}

// bars is a plotter of bars from the top down, at heights len-1 … 0.
type bars []bar

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	label := style(textSize, false)
	label.YAlign = draw.YCenter
	for i, item := range b {
		at := y(float64(len(b) - 1 - i))
		half := (y(1) - y(0)) * 0.34
		from := 0.0
		for _, part := range item.parts {
			c.FillPolygon(part.color, rectangle(x(from), at-half, x(from+part.value), at+half))
			from += part.value
		}
		end := from
		if !math.IsNaN(item.lo) && !math.IsNaN(item.hi) {
			whisker := draw.LineStyle{Color: ink, Width: 1.2}
			c.StrokeLine2(whisker, x(item.lo), at, x(item.hi), at)
			for _, v := range []float64{item.lo, item.hi} {
				c.StrokeLine2(whisker, x(v), at-half/2, x(v), at+half/2)
			}
			end = max(end, item.hi)
		}
		c.FillText(label, vg.Point{X: x(end) + labelGap, Y: at}, item.label)
	}
}

const labelGap = 5 * vg.Length(1)

// most is the greatest value that any bar or whisker reaches.
func (b bars) most() float64 {
	most := 0.0
	for _, item := range b {
		sum := 0.0
		for _, p := range item.parts {
			sum += p.value
		}
		most = max(most, sum)
		if !math.IsNaN(item.hi) {
			most = max(most, item.hi)
		}
	}
	return most
}

// barPanel puts bars in a panel that is w wide, leaving room for the figures.
func barPanel(title, unit string, names []string, b bars, w vg.Length) *plot.Plot {
	p := newPanel(title, unit, "")
	sty := style(textSize, false)
	var nameWidth, labelWidth vg.Length
	ticks := make(plot.ConstantTicks, len(names))
	for i, name := range names {
		name = fitName(sty, clean(name), w*0.32)
		nameWidth = max(nameWidth, sty.Width(name))
		labelWidth = max(labelWidth, sty.Width(b[i].label))
		ticks[i] = plot.Tick{Value: float64(len(names) - 1 - i), Label: name}
	}
	p.Add(lines{x: true}, b)
	p.Y.Tick.Marker, p.Y.Tick.Length = ticks, 0
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	p.X.Min, p.X.Max = 0, 1
	if most := b.most(); most > 0 {
		room := float64((w - nameWidth - labelWidth - labelGap - 24) / (w - nameWidth - 24))
		p.X.Max = most / max(room, 0.2)
	}
	p.X.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick { return linearTicks(hi) })
	return p
}

// linearTicks are about four, at 1, 2 or 5 times a power of ten.
func linearTicks(hi float64) (ticks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10(hi/4)))
	for _, m := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if hi/step <= 5 {
			break
		}
		step *= m
	}
	for i := 0.0; i*step <= hi*(1+1e-9); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: short(i * step)})
	}
	return ticks
}

func throughputDrawing(all []view, unit result.Unit) drawing {
	d := drawing{
		file: "throughput.png", title: "Throughput, " + unit.Many + " a second: median, whisker its interval",
		caption: "Longer is better. The bar is the median of the trials; the whisker is the 95 % interval of the median, or least and greatest with fewer than six trials. " +
			"Whiskers that overlap do not show a difference. Each panel has its own axis.",
	}
	look := looks(all)
	for _, v := range all {
		var b bars
		var names []string
		for _, r := range v.rows {
			item := bar{lo: math.NaN(), hi: math.NaN(), label: "not measured"}
			if r.rate.N > 0 {
				item.parts = []part{{r.rate.Center, look[r.name].color}}
				item.label = whole(r.rate.Center)
				item.whisker(r.rate)
			}
			if r.rate.N > 1 {
				item.label += " ± " + percent(r.rate.HalfWidth()) + " %"
			}
			b, names = append(b, item), append(names, r.name)
		}
		d.panels = append(d.panels, barPanel(panelTitle(all, v), unit.Many+"/s", names, b, columnWidth(len(all))))
		d.height = max(d.height, barHeight(len(names)))
	}
	return d
}

func cpuDrawing(all []view, unit result.Unit) drawing {
	d := drawing{
		file: "cpu.png", title: "Server CPU a " + unit.One + ", in nanoseconds: user | kernel",
		caption: "Shorter is better. The length of a bar is exact, io_uring's helper threads included; where it divides into user (light) and kernel (full colour) is a sample. " +
			"The whisker is the interval of the sum. On loopback the receive path is charged to whoever sends: the table gives client and machine too.",
		legend: []swatch{{name: "user (light)", color: lighten(grey, userShade)}, {name: "kernel (full colour)", color: grey}},
	}
	look := looks(all)
	for _, v := range all {
		var b bars
		var names []string
		for _, r := range v.rows {
			item := bar{lo: math.NaN(), hi: math.NaN(), label: "not measured"}
			if r.server.N > 0 {
				c, user := look[r.name].color, r.user.part
				if math.IsNaN(user) {
					user = 0
				}
				item.parts = []part{{r.server.Center * user, lighten(c, userShade)}, {r.server.Center * (1 - user), c}}
				item.label = whole(r.server.Center)
				item.whisker(r.server)
			}
			b, names = append(b, item), append(names, r.name)
		}
		d.panels = append(d.panels, barPanel(panelTitle(all, v), "ns a "+unit.One, names, b, columnWidth(len(all))))
		d.height = max(d.height, barHeight(len(names)))
	}
	return d
}

// userShade is how much of white is in the colour of user time.
const userShade = 0.6

func (b *bar) whisker(iv stat.Interval) {
	if iv.N > 1 {
		b.lo, b.hi = iv.Lo, iv.Hi
	}
}

func barHeight(n int) vg.Length { return 74 + 26*vg.Length(max(n, 1)) }

// lines is a plotter of lines across a panel at the labelled ticks of the axes.
type lines struct{ x, y bool }

// Plot implements plot.Plotter.
func (l lines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	thin := draw.LineStyle{Color: faint, Width: 0.6}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if l.x && !t.IsMinor() && t.Value >= p.X.Min && t.Value <= p.X.Max {
			c.StrokeLine2(thin, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if l.y && !t.IsMinor() && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			c.StrokeLine2(thin, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
