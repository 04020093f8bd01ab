package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
)

const seriesHow = "Throughput in each interval, from the warm-up, which is shaded and not in the figures, to the end of the window: the median of the trials, and in a light colour the trials themselves. Flat is what one wants: " +
	"a slope within the window asks for a longer warm-up, and gaps are stalls. What is amber was disturbed by other processes or the hypervisor, the stronger the more of the trials: " +
	"seconds of a window, or windows as a whole where they are shorter than two. Faint trials were disturbed on the whole, and count only where most were."

// intervalsMost is how many intervals of a trial are shown, so many of it being
// joined.
const intervalsMost = 60

// trialsShown bounds the trials of a contestant that are shown each by itself.
const trialsShown = 6

// seriesChart is how the throughput of the trials went.
func seriesChart(s *result.Set, all []view) chart.Chart {
	unit := s.Plan.Unit()
	lines, most, trials := 0, intervalsMost, 0
	for _, v := range all[:min(len(all), panelsMax)] {
		for _, r := range v.drawn() {
			lines += 1 + min(len(r.measured), trialsShown)
			trials = max(trials, len(r.measured))
		}
	}
	most = max(8, min(most, pointsMax/max(lines, 1)))
	c := loadsChart(s, all, seriesID, "Throughput within the trials, "+unit.Many+" a second", func(v view) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: "seconds from the start of the window", Scale: chart.Linear}, Y: chart.Axis{Label: unit.Many + "/s", Scale: chart.Linear, Zero: true}}
		var medians []chart.Series
		var shown []*result.Trial
		from := 0.0
		for _, r := range v.rows {
			var calm [][]chart.Point
			for i, t := range r.measured {
				if t.Series == nil || t.Series.WarmUp < 0 || t.Series.WarmUp > len(t.Series.Counts) || !(t.Series.IntervalSeconds > 0) {
					continue
				}
				points := seriesPoints(t, most)
				from = min(from, -float64(t.Series.WarmUp)*t.Series.IntervalSeconds)
				if slices.Contains(r.trials, t) {
					calm = append(calm, points)
				}
				if i < trialsShown {
					shown = append(shown, t)
					p.Series = append(p.Series, chart.Series{Name: r.name, Part: chart.Trial, Kind: chart.Line, Points: points})
				}
			}
			medians = append(medians, chart.Series{Name: r.name, Kind: chart.Line, Points: medianPoints(calm)})
		}
		p.Series = append(p.Series, medians...)
		if from < 0 {
			p.Spans = []chart.Span{{From: from, Name: "warm-up"}}
		}
		p.Spans = append(p.Spans, disturbedSpans(shown)...)
		return p
	})
	if trials > trialsShown {
		c.Subtitle += fmt.Sprintf(" · the first %d of up to %s trials of a contestant", trialsShown, stat.Count(trials))
	}
	return c
}

// medianPoints are the medians of as many points as all have.
func medianPoints(all [][]chart.Point) (points []chart.Point) {
	if len(all) == 0 {
		return nil
	}
	for i, pt := range all[0] {
		var values []float64
		for _, one := range all {
			if i >= len(one) {
				return points
			}
			values = append(values, one[i].Y)
		}
		slices.Sort(values)
		n := len(values)
		y := (values[(n-1)/2] + values[n/2]) / 2
		points = append(points, chart.Point{X: pt.X, Y: y, Text: fmt.Sprintf("%.3g s: %s/s in the median of %s", pt.X, figure(y), trials(n))})
	}
	return points
}

// seriesPoints are the rates of a trial's intervals, in the middle of each.
func seriesPoints(t *result.Trial, most int) (points []chart.Point) {
	counts, width := t.Series.Counts, t.Series.IntervalSeconds
	join := max(1, (len(counts)+most-1)/most)
	disturbed := disturbedParts(t)
	unit := 1.0
	if t.FileBytes > 0 {
		unit = float64(t.FileBytes)
	}
	for i := 0; i < len(counts); i += join {
		some := counts[i:min(i+join, len(counts))]
		var sum float64
		for _, n := range some {
			sum += float64(n)
		}
		x := (float64(i-t.Series.WarmUp) + float64(len(some))/2) * width
		y := sum / unit / (float64(len(some)) * width)
		pt := chart.Point{X: x, Y: y, Faint: t.Disturbed != "", Text: fmt.Sprintf("trial %d, %.3g s: %s/s", t.Order+1, x, figure(y))}
		if pt.Faint || slices.ContainsFunc(disturbed, func(p part) bool { return p.from < x && x < p.to }) {
			pt.Text += ", disturbed"
		}
		points = append(points, pt)
	}
	return points
}

// A part of a window, in seconds from its start.
type part struct{ from, to float64 }

// disturbedParts are the moments of a trial that were disturbed; all of its window
// where it was on the whole, and no moment by itself.
func disturbedParts(t *result.Trial) (parts []part) {
	for i, m := range t.Moments {
		if m.Disturbed != "" {
			parts = append(parts, part{float64(i), float64(i + 1)})
		}
	}
	if n := len(parts); n > 0 && parts[n-1].to == float64(len(t.Moments)) {
		parts[n-1].to = t.Seconds
	}
	if len(parts) == 0 && t.Disturbed != "" {
		parts = []part{{0, t.Seconds}}
	}
	return parts
}

// disturbedSpans shade where trials were disturbed, by the share of them that was: second
// by second, of windows that are longer than so many in longer steps.
func disturbedSpans(trials []*result.Trial) (spans []chart.Span) {
	longest := 0.0
	for _, t := range trials {
		longest = max(longest, t.Seconds)
	}
	step := max(1, math.Ceil(longest/intervalsMost))
	disturbed := make([]int, int(math.Ceil(longest/step))) // trials, by step
	for _, t := range trials {
		told := 0 // the first step that this trial is not counted in yet
		for _, p := range disturbedParts(t) {
			from, to := max(told, int(p.from/step)), min(int(math.Ceil(p.to/step)), len(disturbed))
			for k := from; k < to; k++ {
				disturbed[k]++
			}
			told = max(told, to)
		}
	}
	for k, n := range disturbed {
		if n == 0 {
			continue
		}
		s := chart.Span{From: float64(k) * step, To: min(float64(k+1)*step, longest), Name: "disturbed", Doubt: float64(n) / float64(len(trials))}
		if last := len(spans) - 1; last >= 0 && spans[last].To == s.From && spans[last].Doubt == s.Doubt {
			spans[last].To = s.To
		} else {
			spans = append(spans, s)
		}
	}
	return spans
}

const orderHow = "Every trial that is not void in the order in which they ran. Contestants that drift together say that the machine changed, which the order of the trials, drawn by lot, keeps from favouring anybody. Hollow dots were disturbed."

// orderChart shows every trial in the order of the run.
func orderChart(s *result.Set, all []view) chart.Chart {
	unit := s.Plan.Unit()
	return loadsChart(s, all, orderID, "Every trial in the order of the run: throughput, "+unit.Many+" a second", func(v view) chart.Panel {
		p := chart.Panel{X: chart.Axis{Label: "trial", Scale: chart.Linear}, Y: chart.Axis{Label: unit.Many + "/s", Scale: chart.Linear, Zero: true}}
		for _, r := range v.rows {
			dots := chart.Series{Name: r.name, Kind: chart.Dots}
			for _, t := range r.measured {
				pt := chart.Point{X: float64(t.Order + 1), Y: t.PerSecond(), Faint: t.Disturbed != ""}
				pt.Text = fmt.Sprintf("trial %d, block %d: %s/s", t.Order+1, t.Block+1, whole(pt.Y))
				if t.Disturbed != "" {
					pt.Text += ", " + t.Disturbed
				}
				dots.Points = append(dots.Points, pt)
			}
			p.Series = append(p.Series, dots)
		}
		return p
	})
}
