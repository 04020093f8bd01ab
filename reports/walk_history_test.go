package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/history"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/page"
)

// newStore has figures of every unit, of which some change for the better, some for the
// worse, and one twice.
func newStore() []*history.Entry {
	entries := newHistory()
	for i, e := range entries {
		figure := func(name, unit string, more bool, x float64, steps ...int) history.Figure {
			for _, at := range steps {
				if i >= at {
					x *= 1.25
				}
			}
			x *= 1 + float64(i%4)/40
			return history.Figure{Metric: name, Unit: unit, More: more, Median: x, Lo: 0.98 * x, Hi: 1.03 * x, N: 5 + i%2}
		}
		c := &e.Cells[0]
		c.Figures = append(c.Figures, figure("throughput", "1/s", true, 1e5, 6), figure("p99", "ns", false, 654321, 5, 10), figure("rss", "B", false, 20<<20))
		for k := range 7 { // with which there are more changes than are told first
			e.Cells = append(e.Cells, history.Cell{Contestant: "Scan-" + string(rune('a'+k)), Load: "go: parse", Figures: []history.Figure{figure("sec/op", "", false, 1e-6, 4+k)}})
		}
		e.Cells = append(e.Cells, history.Cell{Contestant: "Parse-2", Load: "go: parse", Figures: []history.Figure{figure("sec/op", "", false, 3.3e-6, 12)}})
		e.Conditions["cpus"] = fmt.Sprint(2 + i/16)
	}
	return entries
}

// A storedTrend is a figure over the entries of a page.
type storedTrend struct {
	contestant, load, name string
	scale                  float64 // of what is shown
	more                   bool
	at                     []int // the entries that have it
	figures                []history.Figure
	changes                []storedChange
}

type storedChange struct {
	last, first int // into at: the last point of the level before and the first after
	ratio
	word string
}

// shownAs are the names and scales of metrics, in the order of a page.
var shownAs = []struct {
	metric, name string
	scale        float64
}{{"cpu", "CPU in ns", 1}, {"throughput", "throughput a second", 1}, {"p99", "p99 in µs", 1e-3}, {"rss", "peak RSS in MiB", 1. / (1 << 20)}, {"sec/op", "ns/op", 1e9}}

func storedTrends(entries []*history.Entry) (trends []*storedTrend) {
	for _, as := range shownAs {
		of := map[string]*storedTrend{}
		for i, e := range entries {
			for _, c := range e.Cells {
				for _, f := range c.Figures {
					if f.Metric != as.metric {
						continue
					}
					if of[c.Contestant] == nil {
						of[c.Contestant] = &storedTrend{contestant: c.Contestant, load: c.Load, name: as.name, scale: as.scale, more: f.More}
					}
					t := of[c.Contestant]
					t.at, t.figures = append(t.at, i), append(t.figures, f)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(of)) {
			of[name].find(entries)
			trends = append(trends, of[name])
		}
	}
	return trends
}

// find divides the points of each set of conditions.
func (t *storedTrend) find(entries []*history.Entry) {
	for from := 0; from < len(t.at); {
		to := from
		for to < len(t.at) && maps.Equal(entries[t.at[to]].Conditions, entries[t.at[from]].Conditions) {
			to++
		}
		bounds := slices.Concat([]int{from}, t.divide(from, to), []int{to})
		for i, first := range bounds[1 : len(bounds)-1] {
			c := storedChange{last: first - 1, first: first, ratio: ratioApart(t.values(bounds[i], first), t.values(first, bounds[i+2])), word: "worse"}
			if (c.mid > 1) == t.more {
				c.word = "better"
			}
			t.changes = append(t.changes, c)
		}
		from = to
	}
}

func (t *storedTrend) values(from, to int) (values []float64) {
	for _, f := range t.figures[from:to] {
		values = append(values, f.Median)
	}
	return values
}

// divide cuts where what is left of the variance is least, as long as the levels are not
// one by Student's t: another way than that of the package, which finds the same where
// steps are plain.
func (t *storedTrend) divide(from, to int) []int {
	best, least, chance := 0, math.Inf(1), 1.0
	for cut := from + 3; cut <= to-3; cut++ {
		a, b := moments(t.values(from, cut)), moments(t.values(cut, to))
		if rest := a.squares + b.squares; rest < least {
			freedom := to - from - 2
			far := math.Abs(a.mean-b.mean) / math.Sqrt(rest/float64(freedom)*(1/a.n+1/b.n))
			best, least, chance = cut, rest, studentP(far, freedom)
		}
	}
	if !(chance < 0.001) {
		return nil
	}
	return slices.Concat(t.divide(from, best), []int{best}, t.divide(best, to))
}

type moment struct{ n, mean, squares float64 }

func moments(values []float64) (m moment) {
	for _, x := range values {
		m.n, m.mean = m.n+1, m.mean+x/float64(len(values))
	}
	for _, x := range values {
		m.squares += (x - m.mean) * (x - m.mean)
	}
	return m
}

// ratioApart is b/a of two samples.
func ratioApart(a, b []float64) ratio {
	for _, values := range [][]float64{a, b} {
		for i, x := range values {
			values[i] = math.Log(x)
		}
	}
	x, y, freedom := moments(a), moments(b), len(a)+len(b)-2
	half := student(0.05, freedom) * math.Sqrt((x.squares+y.squares)/float64(freedom)*(1/x.n+1/y.n))
	at := y.mean - x.mean
	return ratio{mid: math.Exp(at), lo: math.Exp(at - half), hi: math.Exp(at + half)}
}

func nameOf(e *history.Entry) string {
	return e.Commit[:9] + " (" + e.Time.UTC().Format("2006-01-02 15:04") + ")"
}

// damagedStore writes entries to a file with a line before the last that is none and one
// that was cut, and gives back what of it is read, and of which lines it is.
func damagedStore(t *testing.T, all []*history.Entry) (entries []*history.Entry, damage []string, lines []float64) {
	t.Helper()
	var b []byte
	for i, e := range all {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if i == len(all)-1 {
			b = append(b, "{\"schema\": none}\n"...)
			lines = append(lines, float64(bytes.Count(b, []byte("\n"))))
		}
		b = append(append(b, line...), '\n')
	}
	b = append(b, b[:100]...)
	lines = append(lines, float64(bytes.Count(b, []byte("\n"))+1))
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "entries"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "entries", "a.jsonl"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	entries, damage, err := history.At(dir).Entries(history.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return entries, damage, lines
}

// The page of trends shows what the entries say that it embeds: every value, every change
// with its commits and its interval, every place where conditions changed, and which
// lines of the store are no entry.
func TestHistoryPageShowsTheStore(t *testing.T) {
	store, damage, lines := damagedStore(t, newStore())
	var b bytes.Buffer
	if err := page.Write(&b, HistoryDocument(store, history.Trends(store, history.Filter{}, stat.Changes{}), damage)); err != nil {
		t.Fatal(err)
	}
	p := shown(t, b.String())
	var entries []*history.Entry
	if err := json.Unmarshal([]byte(p.raw), &entries); err != nil {
		t.Fatal(err)
	}
	w, trends := &walked{T: t, page: "history"}, storedTrends(entries)
	changes := 0
	for i, load := range []string{"echo: x", "go: parse"} {
		of := slices.DeleteFunc(slices.Clone(trends), func(t *storedTrend) bool { return t.load != load })
		var rows []wantRow
		for _, t := range of {
			rows = append(rows, t.row())
			changes += len(t.changes)
		}
		w.holds(p.tables[i], rows)
	}
	for _, c := range p.charts {
		w.walkTrend(c, entries, trends)
	}
	w.walkLatest(p, entries, trends)
	if len(entries) != len(newStore()) {
		t.Errorf("%d entries of %d", len(entries), len(newStore()))
	}
	left := func(_ *walked, _ *place, words []string) []any {
		line := lines[0]
		lines = lines[1:]
		return []any{words[0], line, nil}
	}
	phrases := append(historyPhrases(entries, trends), &phrase{form: "…/entries/a.jsonl, line #, is left out: …", says: left})
	w.reads(phrases, p)
	allUsed(t, phrases)
	if len(lines) > 0 {
		t.Errorf("nothing says that the lines %v are left out", lines)
	}
	if said := strings.Count(b.String(), "<dt>change</dt>"); changes != 12 || said != changes || len(p.tables) != 2 || len(p.charts) != 5 {
		t.Errorf("of %d changes %d are told, in %d tables and %d charts", changes, said, len(p.tables), len(p.charts))
	}
}

func (t *storedTrend) row() wantRow {
	first, last, changed := t.figures[0], t.figures[len(t.figures)-1], exactly(none)
	if n := len(t.changes); n > 0 {
		r := t.changes[n-1].ratio
		changed = want{numbers: r.change()[:1], key: r.mid}
	}
	scaled := func(x float64) want { return want{numbers: []float64{x * t.scale}, key: x} }
	return wantRow{legible(t.contestant + ", " + t.name), []want{nums(float64(len(t.at))), scaled(first.Median), scaled(last.Median), {numbers: []float64{last.Lo * t.scale, last.Hi * t.scale}, key: last.Lo}, changed}}
}

// walkTrend has a line for each contestant under each set of conditions, and a rule before
// each change of either.
func (w *walked) walkTrend(c shownChart, entries []*history.Entry, trends []*storedTrend) {
	var series []wantSeries
	var rules []float64
	for _, t := range trends {
		if t.name != c.Title {
			continue
		}
		var cuts []float64
		for i, at := range t.at {
			f := t.figures[i]
			if i == 0 || !maps.Equal(entries[at].Conditions, entries[t.at[i-1]].Conditions) {
				series, cuts = append(series, wantSeries{name: t.contestant, kind: "band"}), append(cuts, float64(at)+0.5)
			}
			said, _ := numbersOf(nameOf(entries[at]))
			to := &series[len(series)-1].points
			*to = append(*to, wantPoint{x: float64(at + 1), y: f.Median * t.scale, lo: f.Lo * t.scale, hi: f.Hi * t.scale,
				text: nums(append(said, f.Median*t.scale, f.Lo*t.scale, f.Hi*t.scale, float64(f.N))...)})
		}
		if len(series) == len(cuts) { // of the first
			rules = append(rules, cuts[1:]...)
		}
		for _, c := range t.changes {
			rules = append(rules, float64(t.at[c.first])+0.5)
		}
	}
	w.draws(c.ID, c.Panels[0], series)
	var drawn []float64
	for _, r := range c.Panels[0].Rules {
		drawn = append(drawn, r.At)
	}
	if slices.Sort(rules); !slices.Equal(drawn, rules) {
		w.Errorf("%s: rules at %v, want %v", c.ID, drawn, rules)
	}
}

// walkLatest is of the ten latest changes, the latest first.
func (w *walked) walkLatest(p shownPage, entries []*history.Entry, trends []*storedTrend) {
	var want []string // from which entry on
	for i := len(entries) - 1; i >= 0; i-- {
		for _, t := range trends {
			for _, c := range t.changes {
				if t.at[c.first] == i {
					want = append(want, " from "+nameOf(entries[i])+" on")
				}
			}
		}
	}
	var got []string
	for _, x := range p.texts {
		if x.section == "verdict" && x.kind == "li" && x.label == "" {
			got = append(got, x.text)
		}
	}
	if want = append(want[:10], "and "); !slices.EqualFunc(got, want, strings.Contains) {
		w.Errorf("the changes begin %q, want %q", got, want)
	}
}

func historyPhrases(entries []*history.Entry, trends []*storedTrend) []*phrase {
	change := func(_ *walked, at *place, words []string) []any {
		for _, t := range trends {
			for _, c := range t.changes {
				from := nameOf(entries[t.at[c.first]])
				name := strings.HasSuffix(words[0], legible(t.contestant+", "+t.name)) || at.title == t.name && words[0] == legible(t.contestant)
				if !name || from != words[5] {
					continue
				}
				says := []any{words[0]}
				for _, x := range c.change() {
					says = append(says, x)
				}
				return append(says, c.word, from, nameOf(entries[t.at[c.last]]))[:len(words)]
			}
		}
		return nil
	}
	left := func(shown int) func(*walked, *place, []string) []any {
		return func(_ *walked, at *place, _ []string) []any {
			n := 0
			for _, t := range trends {
				n += len(t.changes)
			}
			if at.kind == "summary" {
				n = min(n, 11) // lines
			}
			return []any{float64(n - shown)}
		}
	}
	cut := 1
	for maps.Equal(entries[cut].Conditions, entries[0].Conditions) {
		cut++
	}
	day := func(i int) string { return entries[i].Time.UTC().Format("2006-01-02") }
	differences := func(name string) string {
		return name + ": " + entries[cut-1].Conditions[name] + ", then " + entries[cut].Conditions[name]
	}
	return []*phrase{
		{form: "# entries, … to …", says: func(*walked, *place, []string) []any {
			return []any{float64(len(entries)), day(0), day(len(entries) - 1)}
		}},
		{form: "…: # % (# to # %), …, from … on, after …", says: change},
		{form: "…: # % (# to # %), …, …", says: change}, // of a rule
		{form: "other conditions from … on, not compared with those before: …", says: func(*walked, *place, []string) []any {
			return []any{nameOf(entries[cut]), differences("cpus")}
		}},
		{form: "and # earlier changes", says: left(10)},
		{form: "# more", says: left(6)}, // of the lines
		{form: "kernel: …", says: func(*walked, *place, []string) []any {
			return []any{strings.TrimPrefix(differences("kernel"), "kernel: ")}
		}},
		{form: "Without a script, grep ^H4sI PAGE | base64 -d | gunzip takes it out"},
		{form: "Parse-2"}, {form: "p99 in µs"},
	}
}
