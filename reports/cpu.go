package reports

import (
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

const cpuHow = "Shorter is better. What the server takes begins each bar: the length of that part is exact, and where it divides into user and kernel is a sample; " +
	"the whisker is the interval of the server's sum, which is printed. What is hollow is not the server's. Threads of the kernel that work for io_uring are the server's too. On loopback the receive path is charged to whoever sends, " +
	"so look at the client as well. What a client burns by polling until its next turn is no work."

const cpuAloneHow = "Shorter is better. The length of a bar is exact, and where it divides into user and kernel is a sample; the whisker is the interval of the sum, which is printed. " +
	"Threads of the kernel that work for io_uring are a contestant's too."

// cpuHowOf says how to read what cpuChart shows.
func cpuHowOf(s *result.Set) string {
	if s.Plan.Placement == "alone" {
		return cpuAloneHow
	}
	return cpuHow
}

// cpuChart stacks what a message takes of each side. Softirqs are a part of their
// own only where the kernel charges them to no process.
func cpuChart(s *result.Set, all []view) chart.Chart {
	unit := s.Plan.Unit()
	title, whose := "CPU a "+unit.One+", in nanoseconds: server, client", "server "
	if s.Plan.Placement == "alone" {
		whose, title = "", "CPU a "+unit.One+", in nanoseconds"
	}
	return loadsChart(s, all, cpuID, title, func(v view) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: "ns a " + unit.One, Scale: chart.Linear, Zero: true}, Y: chart.Axis{Scale: chart.Category, Names: v.names()}}
		var ends []chart.Point
		for i, r := range v.rows {
			label, to := "not measured", 0.0
			for _, part := range r.cpuParts(s.Env.IRQAccounting == "apart") {
				if !(part.ns > 0) {
					continue
				}
				p.Series = append(p.Series, chart.Series{Name: r.name, Part: part.name, Kind: chart.Bars, Points: []chart.Point{{
					X: part.ns, Y: float64(i), Lo: to, Hi: to + part.ns, Text: part.name + ": " + figure(part.ns) + " ns a " + unit.One,
				}}})
				to += part.ns
			}
			if r.server.N > 0 {
				label = whose + whole(r.server.Center)
			}
			end := whisker(i, r.server, "")
			if end.Hi > to { // the label stands behind both
				to = end.Hi
			}
			end.Text = told(r.server, "ns a "+unit.One)
			ends = append(ends, end)
			p.Series = append(p.Series, chart.Series{Kind: chart.Labels, Points: []chart.Point{{X: to, Y: float64(i), Label: label}}})
		}
		p.Series = append(p.Series, chart.Series{Kind: chart.Whiskers, Points: ends})
		return p
	})
}

// A cpuPart is nanoseconds of CPU a message.
type cpuPart struct {
	name string
	ns   float64
}

// cpuParts add up to what was spent on a message.
func (r row) cpuParts(softirq bool) []cpuPart {
	helpers := 0.0
	for _, h := range r.helpers {
		if !math.IsNaN(h.cpu.Center) {
			helpers += h.cpu.Center
		}
	}
	user := r.server.Center * r.user.part
	if math.IsNaN(user) {
		user = 0
	}
	parts := []cpuPart{
		{chart.User, user}, {chart.Kernel, r.server.Center - user - helpers}, {chart.Helpers, helpers},
		{chart.Client, r.client.Center}, {chart.Spin, r.median((*result.Trial).ClientSpinPerMessage).Center},
	}
	if softirq {
		parts = append(parts, cpuPart{chart.Softirq, r.median((*result.Trial).SoftirqPerMessage).Center})
	}
	return parts
}
