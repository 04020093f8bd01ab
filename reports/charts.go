package reports

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
)

// The charts' IDs.
const (
	throughputID      = "throughput"
	kneeID            = "knee"
	tailID            = "tail"
	latencyID         = "latency"
	cpuID             = "cpu"
	cpuByRateID       = "cpu-by-rate"
	heatID            = "heat"
	seriesID          = "series"
	orderID           = "order"
	cpuEffects        = "effects-cpu"
	throughputEffects = "effects-throughput"
)

// chartIDs are all that a document may have.
var chartIDs = []string{throughputID, kneeID, tailID, latencyID, cpuID, cpuByRateID, heatID, seriesID, orderID, cpuEffects, throughputEffects}

// loadsChart is a chart with a panel for each load, as of each an axis of its own:
// loads differ by orders of magnitude.
func loadsChart(s *result.Set, all []view, id, title string, of func(view) chart.Panel) chart.Chart {
	c := chart.Chart{ID: id, Title: title, Subtitle: subtitle(s, all)}
	differ := varied(all)
	points, most := 0, 0
	for _, v := range all[:min(len(all), panelsMax)] {
		most = max(most, len(v.rows))
		v.rows = v.drawn()
		p := of(v)
		p.Title = panelTitle(differ, v)
		if points += inPoints(&p); points > pointsMax*5/4 && len(c.Panels) > 0 {
			break
		}
		c.Panels = append(c.Panels, p)
	}
	if n := len(c.Panels); n < len(all) {
		c.Subtitle += " · " + firstOf(n, len(all), "loads")
	}
	if most > panelRows {
		c.Subtitle += fmt.Sprintf(" · the first %d of %s contestants", panelRows, whole(float64(most)))
	}
	return c
}

// drawn are the rows that a panel has room for.
func (v view) drawn() []row { return v.rows[:min(len(v.rows), panelRows)] }

// names are those of the rows.
func (v view) names() []string {
	list := make([]string, len(v.rows))
	for i, r := range v.rows {
		list[i] = r.name
	}
	return list
}

// whisker is the interval of what a bar at a category shows.
func whisker(at int, iv stat.Interval, label string) chart.Point {
	p := chart.Point{X: iv.Center, Y: float64(at), Lo: iv.Lo, Hi: iv.Hi, Label: label}
	if iv.N < 2 {
		p.Lo, p.Hi = iv.Center, iv.Center
	}
	return p
}

// told is an interval in words.
func told(iv stat.Interval, unit string) string {
	switch {
	case iv.N == 0:
		return "not measured"
	case iv.N == 1:
		return figure(iv.Center) + " " + unit + ", one trial"
	}
	return fmt.Sprintf("%s %s (%s to %s, %s)", figure(iv.Center), unit, figure(iv.Lo), figure(iv.Hi), iv.Method())
}
