package page_test

import (
	"fmt"
	"math"

	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
)

var nan = math.NaN()

// fixture has every kind of series and of axis, figures that are none, and two charts
// in which the same contestants appear.
func fixture() page.Document {
	return page.Document{
		Title: "ringbench echo on vm", Subtitle: "tcp, 64 B · split placement · 2026-11-22T12:00:00Z",
		Verdicts: []string{"tcp, 64 connections: uring takes 14 % less CPU a message than epoll.", "Throughput: no difference detectable, one of 11 % would have been."},
		Limits:   []page.Note{{Label: "noise", Text: "others had 8 % of the CPUs"}},
		Sections: []page.Section{
			{ID: "figures", Title: "Figures", How: "Medians; what is grey was not told from noise.", Tables: []page.Table{fixtureTable()}},
			{ID: "throughput", Title: "Throughput", How: "Longer is better.", Charts: []chart.Chart{barsChart("throughput")}},
			{ID: "latency", Title: "Latency", How: "Lower is better.", Charts: []chart.Chart{linesChart("latency"), curveChart("knee")}},
			{ID: "order", Title: "Trials in order", How: "Drift shows as a slope.", Charts: []chart.Chart{orderChart("order")}},
			{ID: "effects", Title: "Effects", How: "Left of the line is less.", Charts: []chart.Chart{forestChart("effects")}},
			{ID: "grid", Title: "Connections and sizes", How: "Blue is less.", Charts: []chart.Chart{tilesChart("grid")}},
			{ID: "environment", Title: "Environment", Notes: []page.Note{{Label: "command", Text: "ringbench echo --conns=1,64"}, {Label: "kernel", Text: "Linux 6.18.0"}}},
		},
		Raw: map[string]any{"schema": 2, "host": "vm"},
	}
}

func fixtureTable() page.Table {
	cell := func(text string, sort float64, faint bool) page.Cell {
		return page.Cell{Text: text, Sort: sort, Faint: faint}
	}
	return page.Table{
		Title: "tcp, 64 connections", Header: []string{"", "messages/s", "p99 µs"},
		Rows: []page.Row{
			{Name: "uring", Cells: []page.Cell{cell("118,000", 118000, false), cell("808", 808, false)}},
			{Name: "of it iou-sqp (1)", Sub: true, Cells: []page.Cell{cell("", nan, false), cell("", nan, false)}},
			{Name: "epoll", Cells: []page.Cell{cell("9,000", 9000, true), cell("1,032", 1032, false)}},
			{Name: "thread|pool, \"old\"", Cells: []page.Cell{cell("81,000", 81000, false), cell("–", nan, true)}},
		},
		Notes: []string{"p99 needs a thousand values."},
	}
}

var contestants = []string{"uring", "epoll", "threadpool"}

func barsChart(id string) chart.Chart {
	p := chart.Panel{Title: "64 connections", X: chart.Axis{Label: "ns a message", Scale: chart.Linear, Zero: true}, Y: chart.Axis{Scale: chart.Category, Names: contestants}}
	for i, name := range contestants {
		user, kernel := 700*float64(i+1), 5000+900*float64(i)
		p.Series = append(p.Series,
			chart.Series{Name: name, Part: chart.User, Kind: chart.Bars, Points: []chart.Point{{X: user, Y: float64(i), Hi: user, Text: fmt.Sprintf("user: %.0f ns", user)}}},
			chart.Series{Name: name, Part: chart.Kernel, Kind: chart.Bars, Points: []chart.Point{{X: kernel, Y: float64(i), Lo: user, Hi: user + kernel, Faint: i == 2}}})
	}
	p.Series = append(p.Series, chart.Series{Kind: chart.Whiskers, Points: []chart.Point{
		{X: 5700, Y: 0, Lo: 5000, Hi: 6200, Label: "5,700"}, {X: 7300, Y: 1, Lo: 7000, Hi: 7500, Label: "7,300"}, {X: 8900, Y: 2, Lo: nan, Hi: nan, Label: "not measured"}}})
	return chart.Chart{ID: id, Title: "CPU a message", Subtitle: "server, client", Panels: []chart.Panel{p}}
}

func linesChart(id string) chart.Chart {
	c := chart.Chart{ID: id, Title: "Latency by percentile"}
	for _, conns := range []int{1, 64} {
		p := chart.Panel{Title: fmt.Sprint(conns, " connections"), X: chart.Axis{Label: "percentile", Scale: chart.Nines}, Y: chart.Axis{Label: "µs", Scale: chart.Log},
			Spans: []chart.Span{{OnY: true, From: 0, To: 40, Name: "below the machine's own delays"}}}
		for i, name := range contestants {
			s := chart.Series{Name: name, Kind: chart.Line}
			for x := 0.0; x <= 4; x += 0.1 {
				pt := chart.Point{X: 100 * (1 - math.Pow(10, -x)), Y: (40 + float64(i)*15) * math.Pow(1.8, x) * math.Sqrt(float64(conns)), Faint: i == 2 && conns == 64}
				if i == 2 && x > 1.4 && x < 1.6 {
					pt.Y = nan
				}
				s.Points = append(s.Points, pt)
			}
			p.Series = append(p.Series, s)
		}
		p.Series = append(p.Series, chart.Series{Name: "the machine's own delays", Kind: chart.Band, Points: []chart.Point{{X: 0, Y: 20, Lo: 10, Hi: 30}, {X: 50, Y: nan, Lo: nan, Hi: nan}, {X: 90, Y: 30, Lo: 20, Hi: 50}, {X: 99, Y: 60, Lo: 0, Hi: 90}}})
		c.Panels = append(c.Panels, p)
	}
	return c
}

func curveChart(id string) chart.Chart {
	p := chart.Panel{X: chart.Axis{Label: "messages/s answered", Scale: chart.Linear, Zero: true}, Y: chart.Axis{Label: "p99 µs", Scale: chart.Log, From: 20, To: 5000}}
	for i, name := range contestants[:2] {
		var points []chart.Point
		for r := 1.0; r <= 6; r++ {
			points = append(points, chart.Point{X: r * 20e3, Y: 40 * math.Exp(r*(0.7+0.2*float64(i)))})
		}
		p.Series = append(p.Series, chart.Series{Name: name, Kind: chart.Line, Points: points}, chart.Series{Name: name, Kind: chart.Dots, Points: points},
			chart.Series{Name: name, Part: "knee", Kind: chart.Marks, Points: points[2:3]})
	}
	return chart.Chart{ID: id, Title: "Throughput and response time", Panels: []chart.Panel{p}}
}

func orderChart(id string) chart.Chart {
	p := chart.Panel{X: chart.Axis{Label: "trial", Scale: chart.Linear}, Y: chart.Axis{Label: "messages/s", Scale: chart.Linear},
		Spans: []chart.Span{{From: 0, To: 3, Name: "warm-up"}}, Rules: []chart.Rule{{OnY: true, At: 100e3, Name: "median"}, {At: 8, Name: "pause"}}}
	for i, name := range contestants {
		s := chart.Series{Name: name, Kind: chart.Dots}
		for j := range 8 {
			s.Points = append(s.Points, chart.Point{X: float64(3*j + i), Y: 118e3 - 9e3*float64(i) + 2e3*math.Sin(float64(j)), Faint: j == 2})
		}
		p.Series = append(p.Series, s)
	}
	return chart.Chart{ID: id, Title: "Trials in the order of the run", Panels: []chart.Panel{p}}
}

func forestChart(id string) chart.Chart {
	names := []string{"uring / epoll, 64 connections", "uring / threadpool, 64 connections, a name that is much too long for a narrow page", "uring / net"}
	p := chart.Panel{X: chart.Axis{Label: "ratio of CPU a message", Scale: chart.Log}, Y: chart.Axis{Scale: chart.Category, Names: names}, Rules: []chart.Rule{{At: 1, Name: "no difference"}},
		Series: []chart.Series{{Name: "uring", Kind: chart.Intervals, Points: []chart.Point{
			{X: 0.86, Y: 0, Lo: 0.84, Hi: 0.885, Label: "14 % less"}, {X: 0.5, Y: 1, Lo: 0.4, Hi: 0.62, Label: "half"}, {X: 1.01, Y: 2, Lo: 0.9, Hi: 1.1, Label: "no difference", Faint: true}}}}}
	return chart.Chart{ID: id, Title: "Effects", Panels: []chart.Panel{p}}
}

func tilesChart(id string) chart.Chart {
	p := chart.Panel{X: chart.Axis{Label: "connections", Scale: chart.Category, Names: []string{"1", "16", "64", "256", "1,024"}}, Y: chart.Axis{Label: "size", Scale: chart.Category, Names: []string{"64 B", "1,024 B", "16,384 B"}}}
	s := chart.Series{Name: "uring / epoll", Kind: chart.Tiles}
	for y := range p.Y.Names {
		for x := range p.X.Names {
			v := math.Pow(1.3, float64(x-y-1))
			s.Points = append(s.Points, chart.Point{X: float64(x), Y: float64(y), Value: v, Label: fmt.Sprintf("%.2f", v), Text: fmt.Sprintf("%s, %s: %.2f", p.X.Names[x], p.Y.Names[y], v), Faint: x == y})
		}
	}
	p.Series = []chart.Series{s}
	return chart.Chart{ID: id, Title: "Where io_uring wins", Panels: []chart.Panel{p}}
}
