package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/reports/chart"
)

// fewValues are read out one by one; of more, the first, the least, the greatest and
// the last tell how a line goes.
const fewValues = 12

// summary says in words what the series of a panel show.
func summary(p *chart.Panel) (lines []string) {
	seen := map[string]bool{}
	for _, s := range p.Series {
		var said []string
		for _, i := range telling(s.Points) {
			said = append(said, value(p, &s, s.Points[i]))
		}
		name := strings.Join(filled(s.Name, s.Part), ", ")
		if len(s.Points) > fewValues {
			name = fmt.Sprintf("%s, %d points, of them", name, len(s.Points))
		}
		line := strings.TrimPrefix(name+": ", ": ") + strings.Join(said, "; ")
		if len(said) > 0 && !seen[line] { // a line may be drawn with dots of its own
			seen[line], lines = true, append(lines, line)
		}
	}
	return lines
}

// telling are all points, if they are few, else the ends of a series and its extremes.
func telling(points []chart.Point) (at []int) {
	if len(points) <= fewValues {
		for i := range points {
			at = append(at, i)
		}
		return at
	}
	least, greatest := 0, 0
	for i, pt := range points {
		if pt.Y < points[least].Y {
			least = i
		}
		if pt.Y > points[greatest].Y {
			greatest = i
		}
	}
	at = []int{0, least, greatest, len(points) - 1}
	slices.Sort(at)
	return slices.Compact(at)
}

// value is a point in words: its own, if it has some.
func value(p *chart.Panel, s *chart.Series, pt chart.Point) string {
	if pt.Text != "" {
		return pt.Text
	}
	x, y := coordinate(&p.X, pt.X), coordinate(&p.Y, pt.Y)
	if s.Kind == chart.Bars || s.Kind == chart.Whiskers {
		x = coordinate(&p.X, pt.Hi)
	}
	return y + " at " + x
}

func coordinate(a *chart.Axis, v float64) string {
	if i := int(v); a.Scale == chart.Category && float64(i) == v && i >= 0 && i < len(a.Names) {
		return a.Names[i]
	}
	if !isFigure(v) {
		return "none"
	}
	return strings.TrimSpace(plain(v) + " " + a.Label)
}

// plain has four digits that count, thousands grouped.
func plain(v float64) string {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	whole, part, _ := strings.Cut(strconv.FormatFloat(math.Abs(v), 'f', -1, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if part != "" {
		whole += "." + part
	}
	if v < 0 {
		return "-" + whole
	}
	return whole
}

func filled(all ...string) (some []string) {
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}
