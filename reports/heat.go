package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/chart"
)

const heatHow = "A tile is the ratio of server CPU under one load: blue where the first of the two takes less, brown where it takes more, the stronger the farther from 1, in either direction alike. " +
	"Figures in brackets are no difference, or none that could be told from noise."

// heatCharts show where one contestant takes less CPU than another, by connections,
// or depth, and size. There are none without two of either.
func heatCharts(s *result.Set, all []view, effects []effect) []chart.Chart {
	c := chart.Chart{ID: heatID, Subtitle: subtitle(s, all)}
	panels, left := 0, ""
	for _, g := range heatGrids(s, effects) {
		if len(g.conns) < 2 || len(g.sizes) < 2 {
			continue
		}
		if panels++; panels > panelsMax {
			continue
		}
		c.Title = "Server CPU a " + s.Plan.Unit().One + ": ratio " + g.a + " / " + g.b
		left = ""
		if max(len(g.conns), len(g.sizes)) > tilesMost {
			rows, columns := min(len(g.conns), tilesMost), min(len(g.sizes), tilesMost)
			left = fmt.Sprintf(" · the first %d × %d of %s × %s", rows, columns, stat.Count(len(g.conns)), stat.Count(len(g.sizes)))
			g.conns, g.sizes = g.conns[:rows], g.sizes[:columns]
		}
		p := g.panel()
		p.Title += left
		c.Panels = append(c.Panels, p)
	}
	switch {
	case panels == 0:
		return nil
	case panels == 1:
		c.Panels[0].Title = ""
		c.Subtitle += left
	case panels > panelsMax:
		c.Subtitle += " · " + firstOf(panelsMax, panels, "grids")
	}
	return []chart.Chart{c}
}

// A heatGrid is the effects of two contestants under loads that differ by
// connections, or depth, and size alone.
type heatGrid struct {
	load         result.Load // without either
	a, b         string
	conns, sizes []int64
	effects      []effect
}

func heatGrids(s *result.Set, effects []effect) (grids []heatGrid) {
	a, b := heatPair(effects)
	at := map[result.Load]int{}
	for _, e := range effects {
		if e.a == b && e.b == a {
			e.a, e.b, e.cpu = e.b, e.a, e.cpu.inverse()
		}
		if e.match.Same || e.a != a || e.b != b {
			continue
		}
		key := e.load
		key.Conns, key.Depth, key.Size, key.FileBytes = 0, 0, 0, 0
		i, ok := at[key]
		if !ok {
			i = len(grids)
			at[key], grids = i, append(grids, heatGrid{load: key, a: a, b: b})
		}
		g := &grids[i]
		g.conns, g.sizes = with(g.conns, int64(e.load.Conns+e.load.Depth)), with(g.sizes, e.load.NamedBytes())
		g.effects = append(g.effects, e)
	}
	return grids
}

// heatPair is uring and epoll where they are compared, else the first two that are.
func heatPair(effects []effect) (a, b string) {
	for _, e := range effects {
		if e.a == "uring" && e.b == "epoll" || e.a == "epoll" && e.b == "uring" {
			return "uring", "epoll"
		}
	}
	for _, e := range effects {
		if !e.match.Same {
			return e.a, e.b
		}
	}
	return "", ""
}

// with is a sorted list that holds x.
func with(list []int64, x int64) []int64 {
	i, ok := slices.BinarySearch(list, x)
	if ok {
		return list
	}
	return slices.Insert(list, i, x)
}

func (g heatGrid) panel() chart.Panel {
	many, each := "connections", "bytes a message"
	switch {
	case g.load.Op != "":
		many, each = "operations in flight", "bytes each"
	case g.load.Sent():
		each = "bytes of the file"
	}
	p := chart.Panel{X: chart.Axis{Label: each, Scale: chart.Category}, Y: chart.Axis{Label: many, Scale: chart.Category}}
	for _, x := range g.sizes {
		p.X.Names = append(p.X.Names, stat.Count(x))
	}
	for _, y := range g.conns {
		p.Y.Names = append(p.Y.Names, stat.Count(y))
	}
	tiles := chart.Series{Kind: chart.Tiles}
	for _, e := range g.effects {
		x, shown := slices.BinarySearch(g.sizes, e.load.NamedBytes())
		y, too := slices.BinarySearch(g.conns, int64(e.load.Conns+e.load.Depth))
		if !shown || !too {
			continue
		}
		pt := chart.Point{X: float64(x), Y: float64(y), Value: e.cpu.Center, Faint: !e.cpu.differs(), Label: none}
		if !math.IsNaN(e.cpu.Center) {
			pt.Label = fmt.Sprintf("%.2f", e.cpu.Center)
			if pt.Faint {
				pt.Label = "(" + pt.Label + ")"
			}
		}
		pt.Text = e.load.Unpaced() + ": " + center(e.cpu) + " (" + interval(e.cpu) + ")"
		tiles.Points = append(tiles.Points, pt)
	}
	p.Series = []chart.Series{tiles}
	p.Title = heatTitle(g.load)
	return p
}

// heatTitle is what the loads of a grid have in common.
func heatTitle(l result.Load) string {
	parts := loadParts(l)
	if l.Op != "" {
		return l.Op + " " + l.Pattern + ", " + strings.Join(parts[3:], ", ")
	}
	return parts[0] + ", " + parts[3] + ", " + parts[4]
}
