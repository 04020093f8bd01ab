package reports

import (
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

const percentilesHow = "Lower is better. To the right every step is one nine more. A line ends where its sample no longer supports a percentile (fewer than ten values beyond it). " +
	"The response time counts from the intended start, the service time (light) from the actual one; in closed loop there is the service time alone. " +
	"What is shaded at the bottom is how late this machine wakes a thread that only sleeps: up to there a tail need not be the server's."

// percentilesChart is the distribution of times, of both clocks where there are two.
func percentilesChart(s *result.Set, all []view) chart.Chart {
	lines := 0
	for _, v := range all[:min(len(all), panelsMax)] {
		lines += 2*len(v.drawn()) + 1
	}
	step := max(0.02, 4/(pointsMax/float64(max(lines, 1))))
	return loadsChart(s, all, latencyID, "Latency by percentile, microseconds", func(v view) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: "percentile", Scale: chart.Nines}, Y: chart.Axis{Label: "µs", Scale: chart.Log}}
		var late []result.Histogram
		for _, r := range v.rows {
			if points := percentilePoints(r.latency, step); len(points) > 1 {
				p.Series = append(p.Series, chart.Series{Name: r.name, Kind: chart.Line, Points: points})
			}
			if r.service != nil {
				if points := percentilePoints(*r.service, step); len(points) > 1 {
					p.Series = append(p.Series, chart.Series{Name: r.name, Part: chart.Service, Kind: chart.Line, Points: points})
				}
			}
			late = append(late, hiccupsOf(r)...)
		}
		if len(late) > 0 {
			all, _ := result.Merge(late...)
			points := percentilePoints(all, step)
			for i := range points {
				points[i].Lo, points[i].Hi = 0, points[i].Y
			}
			if len(points) > 1 {
				p.Series = append(p.Series, chart.Series{Name: chart.Machine, Kind: chart.Band, Points: points})
			}
		}
		return p
	})
}

// hiccupsOf are how late sleepers were woken on the server's CPUs, or the client's.
func hiccupsOf(r row) (late []result.Histogram) {
	for _, t := range r.trials {
		switch {
		case t.Hiccups == nil:
		case t.Hiccups.Server != nil:
			late = append(late, *t.Hiccups.Server)
		case t.Hiccups.Client != nil:
			late = append(late, *t.Hiccups.Client)
		}
	}
	return late
}

// percentilePoints walk the nines, of which step is a part, as far as the count
// supports.
func percentilePoints(h result.Histogram, step float64) (points []chart.Point) {
	for i := 0; float64(i)*step <= 4+step/2; i++ {
		p := 100 * (1 - math.Pow(10, -min(float64(i)*step, 4)))
		if !h.Supports(p) {
			break
		}
		us := max(float64(h.ValueAtPercentile(p)), 1) / 1e3
		points = append(points, chart.Point{X: p, Y: us, Text: percentileText(p) + ": " + figure(us) + " µs"})
	}
	return points
}

// percentileText has as many digits as its nines take.
func percentileText(p float64) string {
	digits := math.Pow(10, math.Ceil(1-math.Log10(100-p)))
	return percentileName(math.Round(p*digits) / digits)
}
