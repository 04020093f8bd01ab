package reports

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

// chartWalkers derive what the charts draw, by their IDs.
var chartWalkers = map[string]func(*walked, shownChart){
	throughputID: byLoad(walkBars), latencyID: byLoad(walkNines), cpuID: byLoad(walkStacks), seriesID: byLoad(walkSeries), orderID: byLoad(walkOrder),
	kneeID: bySweep(walkKnee), tailID: bySweep(walkTail), cpuByRateID: bySweep(walkCPUByRate), heatID: walkHeat,
	cpuEffects:        func(w *walked, c shownChart) { w.walkForest(c, raw.cpu) },
	throughputEffects: func(w *walked, c shownChart) { w.walkForest(c, raw.rate) },
}

// byLoad is a walker of a chart with a panel for each load.
func byLoad(panel func(*walked, int, shownPanel) []wantSeries) func(*walked, shownChart) {
	return func(w *walked, c shownChart) {
		if len(c.Panels) != len(w.loads) {
			w.Errorf("%s: %s has %d panels for %d loads", w.page, c.ID, len(c.Panels), len(w.loads))
			return
		}
		for i, p := range c.Panels {
			w.draws(c.ID, p, panel(w, i, p))
		}
	}
}

func walkBars(w *walked, load int, _ shownPanel) (series []wantSeries) {
	ends := wantSeries{kind: "whiskers"}
	for y, cell := range w.cells[load] {
		m := w.middle(cell, raw.rate)
		label := exactly("not measured")
		if m.n > 0 {
			series = append(series, wantSeries{w.names[cell], "", "bars", []wantPoint{{x: m.mid, y: float64(y), hi: m.mid, text: m.told()}}})
			label = nums(m.mid, m.half())
		}
		ends.points = append(ends.points, wantPoint{x: m.mid, y: float64(y), lo: m.lo, hi: m.hi, label: label})
	}
	return append(series, ends)
}

// walkNines takes the percentiles from the page, from 0 on as far as the sample supports
// them, and looks each up.
func walkNines(w *walked, load int, p shownPanel) (series []wantSeries) {
	var machine []result.Histogram
	line := func(name, part, kind string, s spread) {
		want := wantSeries{name: name, part: part, kind: kind}
		at := len(series)
		if at < len(p.Series) {
			last := 0.0
			for _, pt := range p.Series[at].Points {
				// What is embedded has eight digits.
				us := max(s.at(pt.x), 1e-3)
				if near := max(s.at(min(pt.x+1e-6, 99.99)), 1e-3); alike(near, pt.y) {
					us = near
				}
				point := wantPoint{x: pt.x, y: us, text: nums(roundedNines(pt.x), us)}
				if kind == "band" {
					point.hi = us
				}
				want.points, last = append(want.points, point), pt.x
			}
			if first := p.Series[at].Points[0].x; first != 0 || last < 99.98 && !math.IsNaN(s.at(100-(100-last)*0.6)) {
				w.Errorf("%s: the latencies of %s go from %v to %v", w.page, name, first, last)
			}
		}
		series = append(series, want)
	}
	for _, cell := range w.cells[load] {
		line(w.names[cell], "", "line", w.latency(cell))
		if s := w.merged(cell, serviceOf); len(s.values) > 0 {
			line(w.names[cell], chart.Service, "line", s)
		}
		for _, t := range w.counting(cell) {
			if h := lateServer(t); h != nil {
				machine = append(machine, *h)
			}
		}
	}
	if len(machine) > 0 {
		line(chart.Machine, "", "band", w.spread(machine...))
	}
	return series
}

// roundedNines has two digits of what lies beyond a percentile.
func roundedNines(p float64) float64 {
	beyond, _ := strconv.ParseFloat(strconv.FormatFloat(100-p, 'e', 1, 64), 64)
	return 100 - beyond
}

func walkStacks(w *walked, load int, _ shownPanel) (series []wantSeries) {
	ends := wantSeries{kind: "whiskers"}
	for i, cell := range w.cells[load] {
		server, y, helpers := w.middle(cell, raw.cpu), float64(i), 0.0
		for _, h := range w.helpersOf(cell) {
			helpers += w.middle(cell, func(t raw) float64 { return t.helpers(h.Name) }).mid
		}
		share, _ := w.user(cell, func(t raw) *result.Process { return t.Server })
		spin := w.middle(cell, raw.spin).mid
		softirq := w.middle(cell, func(t raw) float64 { return t.each(t.Machine.SoftirqSeconds, t.Machine.Seconds) }).mid
		if w.set.Env.IRQAccounting != "apart" {
			softirq = 0
		}
		user, to := server.mid*share/100, 0.0
		for _, part := range []struct {
			name string
			ns   float64
		}{{chart.User, user}, {chart.Kernel, server.mid - user - helpers}, {chart.Helpers, helpers}, {chart.Client, w.middle(cell, raw.client).mid}, {chart.Spin, spin}, {chart.Softirq, softirq}} {
			if part.ns > 0 {
				series = append(series, wantSeries{w.names[cell], part.name, "bars", []wantPoint{{x: part.ns, y: y, lo: to, hi: to + part.ns, text: nums(part.ns)}}})
				to += part.ns
			}
		}
		series = append(series, wantSeries{kind: "labels", points: []wantPoint{{x: max(to, server.hi), y: y, label: nums(server.mid)}}}) // behind both
		ends.points = append(ends.points, wantPoint{x: server.mid, y: y, lo: server.lo, hi: server.hi, text: server.told()})
	}
	return append(series, ends)
}

// walkSeries is of series short enough for every interval to be shown.
func walkSeries(w *walked, load int, _ shownPanel) (series []wantSeries) {
	var medians []wantSeries
	for _, cell := range w.cells[load] {
		median, values := wantSeries{name: w.names[cell], kind: "line"}, [][]float64{}
		for _, t := range w.all(cell) {
			counts := slices.ContainsFunc(w.counting(cell), func(c raw) bool { return c.Trial == t.Trial })
			line := wantSeries{name: w.names[cell], part: chart.Trial, kind: "line"}
			for i, n := range t.Series.Counts {
				x := (float64(i-t.Series.WarmUp) + 0.5) * t.Series.IntervalSeconds
				y := float64(n) / max(float64(t.FileBytes), 1) / t.Series.IntervalSeconds
				line.points = append(line.points, wantPoint{x: x, y: y, text: nums(float64(t.Order+1), x, y)})
				if i == len(values) {
					values, median.points = append(values, nil), append(median.points, wantPoint{x: x})
				}
				if counts {
					values[i] = append(values[i], y)
				}
			}
			series = append(series, line)
		}
		for i := range values {
			pt := &median.points[i]
			pt.y = middleOf(values[i]...).mid
			pt.text = nums(pt.x, pt.y, float64(len(values[i])))
		}
		medians = append(medians, median)
	}
	return append(series, medians...)
}

func walkOrder(w *walked, load int, _ shownPanel) (series []wantSeries) {
	for _, cell := range w.cells[load] {
		dots := wantSeries{name: w.names[cell], kind: "dots"}
		for _, t := range w.all(cell) {
			why, _ := numbersOf(t.Disturbed)
			dots.points = append(dots.points, wantPoint{x: float64(t.Order + 1), y: t.rate(), text: nums(append([]float64{float64(t.Order + 1), float64(t.Block + 1), t.rate()}, why...)...)})
		}
		series = append(series, dots)
	}
	return series
}

// bySweep is a walker of a chart with a panel for each load of several rates, and a line
// for each contestant, whose cells are in the order of their rates.
func bySweep(line func(w *walked, name string, cells []int) []wantSeries) func(*walked, shownChart) {
	return func(w *walked, c shownChart) {
		for _, p := range c.Panels {
			lines := map[string][]int{}
			var names []string
			for cell, x := range w.set.Plan.Cells {
				if x.Rate == 0 || x.Unpaced() != p.Title {
					continue
				}
				if lines[x.Contestant] == nil {
					names = append(names, x.Contestant)
				}
				lines[x.Contestant] = append(lines[x.Contestant], cell)
			}
			var series []wantSeries
			for _, name := range names {
				slices.SortFunc(lines[name], func(a, b int) int { return cmp.Compare(w.set.Plan.Cells[a].Rate, w.set.Plan.Cells[b].Rate) })
				series = append(series, line(w, name, lines[name])...)
			}
			w.draws(c.ID, p, series)
		}
	}
}

// dotted is a line and its dots.
func dotted(name string, points []wantPoint) []wantSeries {
	return []wantSeries{{name, "", "line", points}, {name, "", "dots", points}}
}

func walkKnee(w *walked, name string, cells []int) []wantSeries {
	var points []wantPoint
	best, power := 0, 0.0
	for i, cell := range cells {
		x, y := w.middle(cell, raw.rate).mid, w.latency(cell).at(99)
		points = append(points, wantPoint{x: x, y: y, text: nums(w.set.Plan.Cells[cell].Rate, x, 99, y)})
		if x/y > power {
			best, power = i, x/y
		}
	}
	series := dotted(name, points)
	if best > 0 && best < len(points)-1 {
		series = append(series, wantSeries{name, "knee", "marks", points[best : best+1]})
	}
	return series
}

func walkTail(w *walked, name string, cells []int) []wantSeries {
	return w.byRate(name, cells, func(cell int) float64 { return w.latency(cell).at(99) })
}

func walkCPUByRate(w *walked, name string, cells []int) []wantSeries {
	return w.byRate(name, cells, func(cell int) float64 { return w.middle(cell, raw.cpu).mid })
}

func (w *walked) byRate(name string, cells []int, of func(cell int) float64) []wantSeries {
	var points []wantPoint
	for _, cell := range cells {
		x, y := w.set.Plan.Cells[cell].Rate, of(cell)
		points = append(points, wantPoint{x: x, y: y, text: nums(x, y)})
	}
	return dotted(name, points)
}

// walkHeat is of uring and epoll, of whose closed loops there is one panel.
func walkHeat(w *walked, c shownChart) {
	p := c.Panels[0]
	tiles := wantSeries{kind: "tiles"}
	place := func(names []string, n int) float64 {
		return float64(slices.IndexFunc(names, func(s string) bool { return strings.ReplaceAll(s, ",", "") == strconv.Itoa(n) }))
	}
	for at, l := range w.loads {
		if l.Rate > 0 || l.Idle > 0 {
			continue
		}
		r := w.ratio(w.cells[at][0], w.cells[at][1], raw.cpu)
		load, _ := numbersOf(l.Unpaced())
		tiles.points = append(tiles.points, wantPoint{x: place(p.X.Names, l.Size), y: place(p.Y.Names, l.Conns), label: nums(r.mid), text: nums(append(load, r.mid, r.lo, r.hi)...)})
	}
	w.draws(c.ID, p, []wantSeries{tiles})
	if len(c.Panels) != 1 {
		w.Errorf("%s: %d panels of tiles", w.page, len(c.Panels))
	}
}

// walkForest takes the rows of a panel from its title: a load, two contestants, or what
// a table of ratios is of.
func (w *walked) walkForest(c shownChart, of func(raw) float64) {
	matches := w.matches()
	if w.set.Plan.Purpose == result.PurposeAblation {
		matches = w.byCost()
	}
	rows := 0
	for _, p := range c.Panels {
		var all []ratio
		for _, m := range matches {
			two := w.names[m.A] + " / " + w.names[m.B]
			if slices.Contains([]string{w.set.Plan.Cells[m.B].Load.String(), two, two + ": " + m.Label}, p.Title) {
				all = append(all, w.ratio(m.A, m.B, of))
			}
		}
		if strings.HasPrefix(p.Title, "(uring / epoll) /") {
			for at := range w.loads {
				i := map[string]int{cpuEffects: 0, throughputEffects: 1}[c.ID]
				all = append(all, w.twins(at)[i])
			}
		} else {
			rows += len(all)
		}
		if len(p.Y.Names) != len(all) {
			w.Errorf("%s: %s has the rows %q for %d effects", w.page, c.ID, p.Y.Names, len(all))
			continue
		}
		marks := wantSeries{kind: "intervals"}
		bars, ends, labels := wantSeries{kind: "bars"}, wantSeries{kind: "whiskers"}, wantSeries{kind: "labels"}
		for i, r := range all {
			name, _ := numbersOf(p.Y.Names[i])
			marks.points = append(marks.points, wantPoint{x: r.mid, y: float64(i), lo: r.lo, hi: r.hi, label: nums(r.mid, r.lo, r.hi), text: nums(append(name, r.mid, r.lo, r.hi)...)})
		}
		if w.set.Plan.Purpose != result.PurposeAblation {
			w.draws(c.ID, p, []wantSeries{marks})
			continue
		}
		for _, pt := range marks.points {
			labels.points = append(labels.points, wantPoint{x: p.X.To, y: pt.y, label: pt.label})
			bars.points = append(bars.points, wantPoint{x: pt.x, y: pt.y, lo: min(1, pt.x), hi: max(1, pt.x), text: pt.text})
			ends.points = append(ends.points, wantPoint{x: pt.x, y: pt.y, lo: pt.lo, hi: pt.hi, text: pt.text})
		}
		w.draws(c.ID, p, []wantSeries{bars, ends, labels})
	}
	if rows != len(matches) {
		w.Errorf("%s: %s has %d rows for %d matches", w.page, c.ID, rows, len(matches))
	}
}
