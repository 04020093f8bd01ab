package history

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

var nan = math.NaN()

// A Key is what a trend is of.
type Key struct{ Contestant, Load, Metric, Unit string }

// A Trend is a figure over entries.
type Trend struct {
	Key
	More    bool    // is better
	Points  []Point // in the order of time
	Changes []Change
	Cuts    []Cut
}

// A Point is the figure in one entry.
type Point struct {
	Entry *Entry
	Figure
}

// A Change is where the level of a trend changed under the same conditions.
type Change struct {
	stat.Change // Index is that of a point of the trend
	// Last is the last point of the level before: the change happened after that one's
	// commit, and in that of Index at the latest.
	Last  int
	Worse bool
}

// A Cut is where other conditions begin, across which nothing is compared.
type Cut struct {
	Index       int // of the first point under them
	Differences []string
}

// Trends are those of the entries, which are in the order of time, in order of load,
// metric and contestant. Changes are looked for among the points of one environment
// apart from those of any other, also where environments take turns, as runners of a
// pool do.
func Trends(entries []*Entry, f Filter, find stat.Changes) []Trend {
	points := map[Key][]Point{}
	for _, e := range entries {
		for _, c := range e.Cells {
			for _, fig := range c.Figures {
				if k := (Key{c.Contestant, c.Load, fig.Metric, fig.Unit}); f.takesFigure(k) {
					points[k] = append(points[k], Point{e, fig})
				}
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(points), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Load, b.Load), cmp.Compare(rank(a.Metric), rank(b.Metric)), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Contestant, b.Contestant))
	})
	var trends []Trend
	for _, k := range keys {
		t := Trend{Key: k, More: points[k][0].More, Points: points[k]}
		t.analyse(find)
		trends = append(trends, t)
	}
	return trends
}

// rank puts metrics in the order in which entries have them, others behind.
func rank(name string) int {
	if i := slices.IndexFunc(metrics, func(m metric) bool { return m.name == name }); i >= 0 {
		return i
	}
	return len(metrics)
}

func (t *Trend) analyse(find stat.Changes) {
	of := map[string][]int{} // the points of each environment
	var last *Entry
	for i, p := range t.Points {
		env := p.Entry.Environment()
		if _, known := of[env]; !known && last != nil {
			t.Cuts = append(t.Cuts, Cut{i, differences(last.Conditions, p.Entry.Conditions)})
		}
		of[env] = append(of[env], i)
		last = p.Entry
	}
	for _, at := range of {
		var values []float64
		for _, i := range at {
			values = append(values, t.Points[i].Median)
		}
		for _, c := range find.Find(values) {
			change := Change{Change: c, Last: at[c.Index-1], Worse: c.After > c.Before != t.More}
			change.Index = at[c.Index]
			t.Changes = append(t.Changes, change)
		}
	}
	slices.SortFunc(t.Changes, func(a, b Change) int { return cmp.Compare(a.Index, b.Index) })
}

// differences are the conditions that two entries do not share.
func differences(a, b map[string]string) (list []string) {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	told := func(m map[string]string, name string) string {
		if v, ok := m[name]; ok {
			return v
		}
		return result.Unknown
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if x, y := told(a, name), told(b, name); x != y {
			list = append(list, fmt.Sprintf("%s: %s, then %s", name, x, y))
		}
	}
	return list
}
