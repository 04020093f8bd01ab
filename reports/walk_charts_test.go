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

// byLoads are the charts with a panel for each load.
var byLoads = map[string]bool{throughputID: true, latencyID: true, cpuID: true, seriesID: true, orderID: true}

// byLoad is a walker of such a chart.
func byLoad(panel func(*walked, int, shownPanel) []wantSeries) func(*walked, shownChart) {
	return func(w *walked, c shownChart) {
		for i := range w.first(c.ID+" loads", len(c.Panels), len(w.loads)) {
			cells := w.cells[i]
			w.cells[i] = cells[:w.first(c.ID+" contestants", min(60, len(cells)), len(cells))]
			w.draws(c.ID, c.Panels[i], panel(w, i, c.Panels[i]))
			w.cells[i] = cells
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

// walkSeries joins as many intervals as the page does, for all to be of one length.
func walkSeries(w *walked, load int, p shownPanel) (series []wantSeries) {
	points := len(p.Series[0].Points)
	var medians []wantSeries
	var shaded []raw
	for _, cell := range w.cells[load] {
		median, values := wantSeries{name: w.names[cell], kind: "line"}, [][]float64{}
		drawn := 0
		for _, t := range w.all(cell) {
			counts := slices.ContainsFunc(w.counting(cell), func(c raw) bool { return c.Trial == t.Trial })
			line := wantSeries{name: w.names[cell], part: chart.Trial, kind: "line"}
			all := slices.Collect(slices.Chunk(t.Series.Counts, max(1, (len(t.Series.Counts)+points-1)/points)))
			for i, some := range all {
				var n uint64
				for _, x := range some {
					n += x
				}
				width := float64(len(some)) * t.Series.IntervalSeconds
				x := (float64(i*len(all[0])-t.Series.WarmUp))*t.Series.IntervalSeconds + width/2
				y := float64(n) / max(float64(t.FileBytes), 1) / width
				line.points = append(line.points, wantPoint{x: x, y: y, text: nums(float64(t.Order+1), x, y)})
				if i == len(values) {
					values, median.points = append(values, nil), append(median.points, wantPoint{x: x})
				}
				if counts {
					values[i] = append(values[i], y)
				}
			}
			if drawn++; drawn <= 6 {
				series, shaded = append(series, line), append(shaded, t)
			}
		}
		w.first(seriesID+" trials of a contestant", min(drawn, 6), drawn)
		for i := range values {
			pt := &median.points[i]
			pt.y = middleOf(values[i]...).mid
			pt.text = nums(pt.x, pt.y, float64(len(values[i])))
		}
		medians = append(medians, median)
	}
	w.walkShades(p, shaded)
	return append(series, medians...)
}

// walkShades looks at every twentieth of a second: before the window all is warm-up, in it
// a part of the trials may be disturbed.
func (w *walked) walkShades(p shownPanel, trials []raw) {
	least, most := 0.0, 0.0
	for _, t := range trials {
		least, most = min(least, -float64(t.Series.WarmUp)*t.Series.IntervalSeconds), max(most, t.Seconds)
	}
	for i := range int((most-least)*20) + 40 {
		x := least - 1 + (float64(i)+0.5)/20
		var want, got []float64
		if x > least && x < 0 {
			want = append(want, 0)
		}
		disturbed := 0
		for _, t := range trials {
			moment, bad := int(math.Floor(x)), t.Disturbed != "" && x > 0 && x < t.Seconds
			if slices.ContainsFunc(t.Moments, func(m result.Moment) bool { return m.Disturbed != "" }) {
				bad = x > 0 && x < t.Seconds && t.Moments[min(moment, len(t.Moments)-1)].Disturbed != ""
			}
			if bad {
				disturbed++
			}
		}
		if disturbed > 0 {
			want = append(want, float64(disturbed)/float64(len(trials)))
		}
		for _, s := range p.Spans {
			if s.From < x && x < s.To {
				got = append(got, s.Doubt)
			}
		}
		if !slices.EqualFunc(got, want, alike) {
			w.Errorf("%s: %s is shaded by %v at %v s, want %v", w.page, p.Title, got, x, want)
		}
	}
	w.checked += len(p.Spans)
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
		sweeps := w.sweeps()
		thinned := false
		for i := range w.first(c.ID+" loads", len(c.Panels), len(sweeps)) {
			p, lines := c.Panels[i], sweeps[i].lines
			if p.Title != sweeps[i].title {
				w.Errorf("%s: panel %d of %s is of %s, want %s", w.page, i, c.ID, p.Title, sweeps[i].title)
			}
			var series []wantSeries
			for _, name := range sweeps[i].names {
				slices.SortFunc(lines[name], func(a, b int) int { return cmp.Compare(w.set.Plan.Cells[a].Rate, w.set.Plan.Cells[b].Rate) })
				for _, s := range line(w, name, lines[name]) {
					thinned = s.thin() || thinned
					series = append(series, s)
				}
			}
			w.draws(c.ID, p, series)
		}
		if thinned {
			w.cuts[c.ID+" rates"] = [2]int{100}
		}
	}
}

// thin leaves every other point of more than a hundred, of more than two hundred every
// third.
func (s *wantSeries) thin() bool {
	all := s.points
	if len(all) <= 100 {
		return false
	}
	s.points = nil
	for i, p := range all {
		if i%((len(all)+99)/100) == 0 {
			s.points = append(s.points, p)
		}
	}
	return true
}

// A sweepOf is what has a panel of its own: the cells of each contestant.
type sweepOf struct {
	title string
	names []string
	lines map[string][]int
}

// sweeps are of the loads of several rates, in the order of the plan.
func (w *walked) sweeps() (list []sweepOf) {
	for cell, x := range w.set.Plan.Cells {
		if x.Rate == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(s sweepOf) bool { return s.title == x.Unpaced() })
		if i < 0 {
			i, list = len(list), append(list, sweepOf{title: x.Unpaced(), lines: map[string][]int{}})
		}
		s := &list[i]
		if s.lines[x.Contestant] == nil {
			s.names = append(s.names, x.Contestant)
		}
		s.lines[x.Contestant] = append(s.lines[x.Contestant], cell)
	}
	return slices.DeleteFunc(list, func(s sweepOf) bool {
		return !slices.ContainsFunc(s.names, func(name string) bool { return len(s.lines[name]) > 1 })
	})
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

// walkHeat is of uring and epoll, of whose closed loops there is a panel for each depth of
// the pipeline.
func walkHeat(w *walked, c shownChart) {
	var pipelines []int
	for _, l := range w.loads {
		if l.Rate == 0 && l.Idle == 0 && !slices.Contains(pipelines, l.Pipeline) {
			pipelines = append(pipelines, l.Pipeline)
		}
	}
	for i := range w.first(c.ID+" grids", len(c.Panels), len(pipelines)) {
		w.walkGrid(c, c.Panels[i], func(l result.Load) bool { return l.Rate == 0 && l.Idle == 0 && l.Pipeline == pipelines[i] })
	}
}

// walkGrid is of the loads of a panel: the least sizes and numbers of connections.
func (w *walked) walkGrid(c shownChart, p shownPanel, holds func(result.Load) bool) {
	tiles := wantSeries{kind: "tiles"}
	var sizes, conns []int
	for _, l := range w.loads {
		if holds(l) {
			sizes, conns = append(sizes, l.Size), append(conns, l.Conns)
		}
	}
	shown := func(names []string, all []int) []int {
		slices.Sort(all)
		all = slices.Compact(all)
		for i, x := range all[:min(len(all), len(names))] {
			if strings.ReplaceAll(names[i], ",", "") != strconv.Itoa(x) {
				w.Errorf("%s: tiles of %s for %d", w.page, names[i], x)
			}
		}
		return all
	}
	sizes, conns = shown(p.X.Names, sizes), shown(p.Y.Names, conns)
	if columns, rows := len(p.X.Names), len(p.Y.Names); columns < len(sizes) || rows < len(conns) {
		w.cuts[c.ID+" rows"], w.cuts[c.ID+" columns"] = [2]int{rows, len(conns)}, [2]int{columns, len(sizes)}
	}
	for at, l := range w.loads {
		x, y := slices.Index(sizes, l.Size), slices.Index(conns, l.Conns)
		if !holds(l) || x >= len(p.X.Names) || y >= len(p.Y.Names) {
			continue
		}
		r := w.ratio(w.cells[at][0], w.cells[at][1], raw.cpu)
		load, _ := numbersOf(l.Unpaced())
		tiles.points = append(tiles.points, wantPoint{x: float64(x), y: float64(y), label: nums(r.mid), text: nums(append(load, r.mid, r.lo, r.hi)...)})
	}
	w.draws(c.ID, p, []wantSeries{tiles})
}

// A forestOf is a panel of ratios: what they are of, and what their names say.
type forestOf struct {
	title string
	rows  []ratio
	names []want
}

// forests have a panel for each two that are compared under more than three loads, or of
// a calibration, else for each load.
func (w *walked) forests(of func(raw) float64, twin int) (list []forestOf) {
	add := func(title string, name want, r ratio) {
		i := slices.IndexFunc(list, func(f forestOf) bool { return f.title == title })
		if i < 0 {
			i, list = len(list), append(list, forestOf{title: title})
		}
		list[i].rows, list[i].names = append(list[i].rows, r), append(list[i].names, name)
	}
	matches, purpose := w.matches(), w.set.Plan.Purpose
	if purpose == result.PurposeAblation {
		matches = w.byCost()
	}
	for _, m := range matches {
		load, two := w.set.Plan.Cells[m.B].Load, w.names[m.A]+" / "+w.names[m.B]
		r := w.ratio(m.A, m.B, of)
		switch {
		case purpose == result.PurposeAblation:
			add(load.String(), exactly(m.Label), r)
		case purpose == result.PurposeCalibration:
			add(two+": "+m.Label, sized(load), r)
		case len(w.loads) > 3:
			add(two, w.apart(load), r)
		default:
			add(load.String(), exactly(two), r)
		}
	}
	for at, l := range w.loads {
		if purpose == result.PurposeCalibration {
			add("(uring / epoll) / (c-uring / c-epoll): ours / C's", sized(l), w.twins(at)[twin])
		}
	}
	return list
}

// sized are the numbers by which a calibration knows a load.
func sized(l result.Load) want { return nums(float64(l.Conns), float64(l.Size)) }

// apart are the numbers of a load in which not all are alike.
func (w *walked) apart(load result.Load) want {
	var numbers []float64
	for _, of := range []func(result.Load) float64{
		func(l result.Load) float64 { return float64(l.Conns) }, func(l result.Load) float64 { return float64(l.Size) },
		func(l result.Load) float64 { return float64(l.Pipeline) }, func(l result.Load) float64 { return l.Rate },
	} {
		if x := of(load); x > 0 && slices.ContainsFunc(w.loads, func(l result.Load) bool { return of(l) != x }) {
			numbers = append(numbers, x)
		}
	}
	return nums(numbers...)
}

func (w *walked) walkForest(c shownChart, of func(raw) float64) {
	groups := w.forests(of, map[string]int{cpuEffects: 0, throughputEffects: 1}[c.ID])
	for i := range w.first(c.ID+" panels", len(c.Panels), len(groups)) {
		p, g := c.Panels[i], groups[i]
		n := w.first(c.ID+" rows of a panel", len(p.Y.Names), len(g.rows))
		if p.Title != g.title {
			w.Errorf("%s: panel %d of %s is %s, want %s", w.page, i, c.ID, p.Title, g.title)
		}
		marks := wantSeries{kind: "intervals"}
		bars, ends, labels := wantSeries{kind: "bars"}, wantSeries{kind: "whiskers"}, wantSeries{kind: "labels"}
		for y, r := range g.rows[:n] {
			name := p.Y.Names[y]
			if !g.names[y].in(name) {
				w.Errorf("%s: %s of %s is row %d, want that of %v", w.page, name, c.ID, y, g.names[y])
			}
			said, _ := numbersOf(name)
			marks.points = append(marks.points, wantPoint{x: r.mid, y: float64(y), lo: r.lo, hi: r.hi, label: nums(r.mid, r.lo, r.hi), text: nums(append(said, r.mid, r.lo, r.hi)...)})
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
}
