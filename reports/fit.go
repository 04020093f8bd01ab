package reports

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// Columns that a name is not cut below: that of a part, which is indented, and that of a
// whole.
const leastPart, leastName = 8, 20

// parts are g as it fits: as it is, under heads of two lines, without its optional
// columns, or else in tables below each other.
func (t Terminal) parts(g grid) []grid {
	if t.Wide {
		return []grid{g}
	}
	var kept []int
	for i, head := range g.header {
		if !slices.Contains(g.optional, head) {
			kept = append(kept, i)
		}
	}
	narrow := g.only(kept)
	shapes := []grid{g, g.stacked(), narrow, narrow.stacked()}
	whole, parts := g.nameWidths()
	names, all := min(whole, leastName), t.columns()
	for _, room := range []int{min(all, width), all} {
		for _, s := range shapes {
			if max(whole, parts) <= room-s.figuresWidth() && (room == all || t.Columns == 0) {
				return []grid{s}
			}
		}
	}
	if tight := shapes[3]; all-tight.figuresWidth() >= names {
		return []grid{tight}
	}
	var below []grid
	from := 1
	for i := 2; i <= len(g.header); i++ {
		if i == len(g.header) || all-g.only(firstAnd(from, i+1)).figuresWidth() < min(whole, all/2) {
			below = append(below, g.only(firstAnd(from, i)).filled())
			from = i
		}
	}
	return below
}

// stacked is g with heads of two lines where that makes a column narrower by two or more.
func (g grid) stacked() grid {
	g.header = slices.Clone(g.header)
	for i, head := range g.header[1:] {
		cells := 0
		for _, r := range g.rows {
			cells = max(cells, twwidth.Width(r[i+1]))
		}
		if two := inTwo(head); max(cells, headWidth(two)) <= twwidth.Width(head)-2 {
			g.header[i+1] = two
		}
	}
	return g
}

// inTwo breaks a head at that space, or before that slash, where it becomes narrowest.
func inTwo(head string) string {
	best := head
	for i, r := range head {
		switch {
		case i == 0 || r != ' ' && r != '/':
		case headWidth(head[:i]+"\n"+strings.TrimLeft(head[i:], " ")) < headWidth(best):
			best = head[:i] + "\n" + strings.TrimLeft(head[i:], " ")
		}
	}
	return best
}

func headWidth(head string) int {
	w := 0
	for line := range strings.Lines(head) {
		w = max(w, twwidth.Width(strings.TrimSuffix(line, "\n")))
	}
	return w
}

// firstAnd is the first column with those from one on to another.
func firstAnd(from, to int) []int {
	columns := []int{0}
	for i := from; i < to; i++ {
		columns = append(columns, i)
	}
	return columns
}

// only is g with some of its columns.
func (g grid) only(list []int) grid {
	pick := func(row []string) (kept []string) {
		for _, i := range list {
			kept = append(kept, row[i])
		}
		return kept
	}
	narrow := grid{header: pick(g.header)}
	for i, r := range g.rows {
		narrow.rows = append(narrow.rows, pick(r))
		tones := make([]tone, len(list))
		for j, column := range list {
			tones[j] = g.tone(i, column)
		}
		narrow.tones = append(narrow.tones, tones)
	}
	return narrow
}

// filled is g without the rows that have nothing but a name.
func (g grid) filled() grid {
	some := grid{header: g.header}
	for i, r := range g.rows {
		if strings.Join(r[1:], "") != "" {
			some.rows, some.tones = append(some.rows, r), append(some.tones, g.tones[i])
		}
	}
	return some
}

// nameWidths are the columns that names take, with what heads them, and those of parts.
func (g grid) nameWidths() (whole, part int) {
	whole = twwidth.Width(g.header[0])
	for _, r := range g.rows {
		if n := twwidth.Width(clean(r[0])); strings.HasPrefix(r[0], " ") {
			part = max(part, n)
		} else {
			whole = max(whole, n)
		}
	}
	return whole, part
}

// figuresWidth is what all columns but the first take, with the padding of all.
func (g grid) figuresWidth() int {
	sum := 2 * len(g.header)
	for i := 1; i < len(g.header); i++ {
		w := headWidth(g.header[i])
		for _, r := range g.rows {
			w = max(w, twwidth.Width(r[i]))
		}
		sum += w
	}
	return sum
}

// shorten cuts s to n columns, marking the cut.
func shorten(s string, n int) string {
	if twwidth.Width(s) <= n {
		return s
	}
	kept := 0
	for i, r := range s {
		if kept += twwidth.Width(string(r)); kept > n-1 {
			return s[:i] + "…"
		}
	}
	return s + "…"
}

// shortenName cuts a name to n columns. Names often differ at their ends only, so it takes
// out the middle.
func shortenName(s string, n int) string {
	if twwidth.Width(s) <= n {
		return s
	}
	r := []rune(s)
	from, to, width := 0, len(r), 0
	for from < to {
		last := from > len(r)-to // taken from the end
		next := from
		if last {
			next = to - 1
		}
		if width += twwidth.Width(string(r[next])); width > n-1 {
			break
		}
		if last {
			to--
		} else {
			from++
		}
	}
	return string(r[:from]) + "…" + string(r[to:])
}
