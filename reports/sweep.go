package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

// A sweep is one load at several rates.
type sweep struct {
	load  result.Load // without a rate
	lines []sweepLine
}

// A sweepLine is a contestant's rows, by their rates.
type sweepLine struct {
	name string
	rows []row
}

// sweeps are the loads of which somebody was measured at two rates or more.
func sweeps(all []view) (list []sweep) {
	at := map[result.Load]int{}
	for _, v := range all {
		if v.load.Rate == 0 {
			continue
		}
		load := v.load
		load.Rate = 0
		i, ok := at[load]
		if !ok {
			i = len(list)
			at[load], list = i, append(list, sweep{load: load})
		}
		for _, r := range v.rows {
			list[i].add(r)
		}
	}
	return slices.DeleteFunc(list, func(w sweep) bool {
		return !slices.ContainsFunc(w.lines, func(l sweepLine) bool { return len(l.rows) > 1 })
	})
}

func (w *sweep) add(r row) {
	if len(r.trials) == 0 {
		return
	}
	i := slices.IndexFunc(w.lines, func(l sweepLine) bool { return l.name == r.name })
	if i < 0 {
		i = len(w.lines)
		w.lines = append(w.lines, sweepLine{name: r.name})
	}
	rows := append(w.lines[i].rows, r)
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.cell.Rate, b.cell.Rate) })
	w.lines[i].rows = rows
}

// sweepChart has a panel for each sweep.
func sweepChart(s *result.Set, all []view, list []sweep, id, title string, of func(sweep) chart.Panel) chart.Chart {
	c := chart.Chart{ID: id, Title: title, Subtitle: subtitle(s, all)}
	points, thinned := 0, false
	for _, w := range list[:min(len(list), panelsMax)] {
		p := of(w)
		p.Title = w.load.Unpaced()
		thinned = thin(&p) || thinned
		if points += inPoints(&p); points > pointsMax*5/4 && len(c.Panels) > 0 {
			break
		}
		c.Panels = append(c.Panels, p)
	}
	if n := len(c.Panels); n < len(list) {
		c.Subtitle += " · " + firstOf(n, len(list), "loads")
	}
	if thinned {
		c.Subtitle += fmt.Sprintf(" · of more than %d rates every other or fewer", ratesMost)
	}
	return c
}

// thin leaves at most ratesMost rates of a line, and says if there were more.
func thin(p *chart.Panel) (thinned bool) {
	for i := range p.Series {
		all := p.Series[i].Points
		step := (len(all) + ratesMost - 1) / ratesMost
		if step < 2 {
			continue
		}
		var points []chart.Point
		for j := 0; j < len(all); j += step {
			points = append(points, all[j])
		}
		p.Series[i].Points, thinned = points, true
	}
	return thinned
}

// tailPercentile is that of the response time which curves are drawn by: of a search
// its first objective's.
func tailPercentile(s *result.Set) float64 {
	if s.Plan.Search != nil && len(s.Plan.Search.Objectives) > 0 {
		return s.Plan.Search.Objectives[0].Percentile
	}
	return 99
}

// tail is in microseconds, NaN where the sample does not support it. A search
// decides by what it has.
func (r row) tail(s *result.Set) float64 {
	p := tailPercentile(s)
	if r.latency.Histogram == nil || r.latency.TotalCount() == 0 || s.Plan.Search == nil && !r.latency.Supports(p) {
		return math.NaN()
	}
	return float64(r.latency.ValueAtPercentile(p)) / 1e3
}

const kneeHow = "To the right is more throughput, upwards are longer response times: a curve that stays low for longer is better. " +
	"Each point is a rate that was offered. The ring is the knee, where throughput divided by response time is greatest (Kleinrock's power): beyond it load buys delay rather than throughput. There is none where the first or the last rate is best."

func kneeChart(s *result.Set, all []view, list []sweep) chart.Chart {
	name, unit := percentileName(tailPercentile(s)), s.Plan.Unit()
	return sweepChart(s, all, list, kneeID, "Throughput and response time: "+name+", microseconds", func(w sweep) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: unit.Many + "/s answered", Scale: chart.Linear, Zero: true}, Y: chart.Axis{Label: name + " µs", Scale: chart.Log}}
		for _, l := range w.lines {
			var points []chart.Point
			best := -1
			for _, r := range l.rows {
				pt := chart.Point{X: r.rate.Center, Y: r.tail(s)}
				pt.Text = fmt.Sprintf("%s/s offered: %s/s answered, %s %s µs", whole(r.cell.Rate), whole(pt.X), name, figure(pt.Y))
				points = append(points, pt)
				if i := len(points) - 1; pt.X/pt.Y > 0 && (best < 0 || pt.X/pt.Y > points[best].X/points[best].Y) {
					best = i
				}
			}
			p.Series = append(p.Series, withDots(l.name, points)...)
			if best > 0 && best < len(points)-1 { // else it lies beyond the rates that were tried
				p.Series = append(p.Series, chart.Series{Name: l.name, Part: "knee", Kind: chart.Marks, Points: points[best : best+1]})
			}
		}
		return p
	})
}

// withDots is a line of which each point can be seen.
func withDots(name string, points []chart.Point) []chart.Series {
	return []chart.Series{{Name: name, Kind: chart.Line, Points: points}, {Name: name, Kind: chart.Dots, Points: points}}
}

const tailHow = "Lower is better, to the right is more load. Each point is a rate that was offered; beyond what a contestant sustains its work queues up, and the response time grows with the length of the run."

func tailChart(s *result.Set, all []view, list []sweep) chart.Chart {
	name := percentileName(tailPercentile(s))
	return byRateChart(s, all, list, tailID, "Response time by offered rate: "+name+", microseconds", name+" µs", "µs", func(r row) float64 { return r.tail(s) })
}

const cpuByRateHow = "Lower is better. At one rate contestants have done the same work. What a contestant takes while it waits, by polling, shows at the left, where few share it."

func cpuByRateChart(s *result.Set, all []view, list []sweep) chart.Chart {
	title := "Server CPU a " + s.Plan.Unit().One + " by offered rate, nanoseconds"
	return byRateChart(s, all, list, cpuByRateID, title, "ns a "+s.Plan.Unit().One, "ns", func(r row) float64 { return r.server.Center })
}

func byRateChart(s *result.Set, all []view, list []sweep, id, title, label, unit string, of func(row) float64) chart.Chart {
	return sweepChart(s, all, list, id, title, func(w sweep) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: s.Plan.Unit().Many + "/s offered", Scale: chart.Log}, Y: chart.Axis{Label: label, Scale: chart.Log}}
		for _, l := range w.lines {
			var points []chart.Point
			for _, r := range l.rows {
				pt := chart.Point{X: r.cell.Rate, Y: of(r)}
				pt.Text = fmt.Sprintf("%s/s: %s %s", whole(pt.X), figure(pt.Y), unit)
				points = append(points, pt)
			}
			p.Series = append(p.Series, withDots(l.name, points)...)
		}
		return p
	})
}
