package reports

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/reports/page"
	"github.com/ringbench/ringbench/reports/page/pagetest"
)

// What a page shows, as a parser that is not ours and JSON find it.
type (
	shownPage struct {
		tables  []shownTable
		figures []string
		charts  []shownChart
		texts   []shownText // outside of tables and pictures
		raw     string      // what is embedded
	}
	shownTable struct {
		section, title string // an untitled one has the title of the one before it in the section
		header         []string
		rows           []shownRow
	}
	shownRow struct {
		name  string
		part  bool
		cells []shownCell
	}
	shownCell  struct{ text, sort string }
	shownChart struct {
		ID     string
		Title  string
		Panels []shownPanel
	}
	shownPanel struct {
		Title string
		X, Y  struct {
			Names []string
			To    float64
		}
		Series []shownSeries
		Spans  []struct{ From, To, Doubt float64 }
		Rules  []struct{ At float64 }
	}
	shownSeries struct {
		Name, Part, Kind string
		Points           []shownPoint
	}
	shownPoint struct {
		x, y, lo, hi float64
		text, label  string
	}
)

// UnmarshalJSON reads the array that page.js draws from; what it leaves out is empty.
func (p *shownPoint) UnmarshalJSON(b []byte) error {
	var a []any
	if err := json.Unmarshal(b, &a); err != nil {
		return err
	}
	for i, to := range []any{&p.x, &p.y, &p.text, nil, &p.lo, &p.hi, &p.label} {
		if i >= len(a) {
			break
		}
		switch to := to.(type) {
		case *float64:
			v, ok := a[i].(float64)
			if *to = v; !ok {
				*to = math.NaN()
			}
		case *string:
			*to, _ = a[i].(string)
		}
	}
	return nil
}

// shown takes a page apart.
func shown(t *testing.T, text string) (p shownPage) {
	t.Helper()
	var section, title, packed, data, ignored string
	to := &ignored // what text goes to
	var prose proseReader
	pagetest.Walk(t, text, func(token xml.Token) {
		prose.read(token)
		e, starts := token.(xml.StartElement)
		if chars, ok := token.(xml.CharData); ok && to != &ignored {
			*to += string(chars)
		}
		if !starts {
			if end, ok := token.(xml.EndElement); ok && slices.Contains([]string{"h3", "th", "td", "script"}, end.Name.Local) {
				to = &ignored
			}
			return
		}
		attribute := attributes(e)
		last := len(p.tables) - 1
		switch e.Name.Local {
		case "section":
			section, title = attribute["id"], ""
		case "h3":
			title, to = "", &title
		case "figure":
			p.figures = append(p.figures, strings.TrimPrefix(attribute["id"], "chart-"))
		case "table":
			p.tables = append(p.tables, shownTable{section: section, title: title})
		case "tr":
			p.tables[last].rows = append(p.tables[last].rows, shownRow{part: attribute["class"] == "part"})
		case "th":
			to = &p.tables[last].rows[len(p.tables[last].rows)-1].name
			if attribute["scope"] == "col" {
				p.tables[last].header = append(p.tables[last].header, "")
				to = &p.tables[last].header[len(p.tables[last].header)-1]
			}
		case "td":
			r := &p.tables[last].rows[len(p.tables[last].rows)-1]
			r.cells = append(r.cells, shownCell{sort: attribute["data-sort"]})
			to = &r.cells[len(r.cells)-1].text
		case "script":
			switch attribute["id"] {
			case "charts":
				to = &data
			case "result":
				to = &packed
			}
		}
	})
	for i := range p.tables {
		p.tables[i].rows = p.tables[i].rows[1:] // that of the header
	}
	if err := json.Unmarshal([]byte(data), &p.charts); err != nil {
		t.Fatal(err)
	}
	if p.texts = prose.texts; strings.TrimSpace(packed) != "" {
		p.raw = unpacked(t, packed)
	}
	return p
}

func attributes(e xml.StartElement) map[string]string {
	all := map[string]string{}
	for _, a := range e.Attr {
		all[a.Name.Local] = a.Value
	}
	return all
}

// A want is what a text should hold: the numbers, each as exactly as it is printed, or
// the words.
type want struct {
	numbers []float64
	words   string
	spoken  bool // it may be one of the verdicts that stand for a number
	// key is what a column is sorted by, where that is not the first number; NaN if it
	// does not matter.
	key float64
}

// nums are numbers; if the first is none, a dash is wanted.
func nums(x ...float64) want {
	if math.IsNaN(x[0]) {
		return exactly(none)
	}
	return want{numbers: slices.DeleteFunc(x, math.IsNaN)}
}

func exactly(text string) want { return want{words: text} }

var digits = regexp.MustCompile(`[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?`)

// numbersOf are those in a text, and half of what the last digit of each stands for.
func numbersOf(text string) (numbers, exact []float64) {
	for _, m := range digits.FindAllString(text, -1) {
		m = strings.TrimSuffix(m, ",")
		x, _ := strconv.ParseFloat(strings.ReplaceAll(m, ",", ""), 64)
		mantissa, exponent, _ := strings.Cut(m, "e")
		_, decimals, _ := strings.Cut(mantissa, ".")
		power, _ := strconv.Atoi(exponent)
		numbers, exact = append(numbers, x), append(exact, 0.5*math.Pow10(power-len(decimals)))
	}
	return numbers, exact
}

func (w want) in(text string) bool {
	if w.numbers == nil {
		return text == w.words
	}
	if w.spoken && (text == "no difference" || text == "none detectable") {
		return true
	}
	got, exact := numbersOf(text)
	return slices.EqualFunc(got, w.numbers, func(got, want float64) bool {
		half := exact[0]
		exact = exact[1:]
		return math.Abs(got-want) <= half*(1+1e-6)+1e-9*math.Abs(want)
	})
}

func alike(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-6*math.Abs(b)+1e-12
}

type (
	wantRow struct {
		name  string
		cells []want
	}
	wantPoint struct {
		x, y, lo, hi float64
		text, label  want
	}
	wantSeries struct {
		name, part, kind string
		points           []wantPoint
	}
)

// holds compares a table with what it should show. A figure is sorted by what it is.
func (w *walked) holds(table shownTable, rows []wantRow) {
	where := w.page + ", " + table.section + ", " + table.title
	if len(rows) != len(table.rows) {
		w.Errorf("%s: %d rows, want %d", where, len(table.rows), len(rows))
		return
	}
	for i, r := range table.rows {
		if r.name != rows[i].name || len(r.cells) != len(rows[i].cells) || len(r.cells) != len(table.header)-1 {
			w.Errorf("%s: row %q of %d cells under %d headers, want %q of %d", where, r.name, len(r.cells), len(table.header), rows[i].name, len(rows[i].cells))
			continue
		}
		for j, c := range r.cells {
			want := rows[i].cells[j]
			if !want.in(c.text) {
				w.Errorf("%s: %s of %s is %q, want %v %q", where, table.header[j+1], r.name, c.text, want.numbers, want.words)
			}
			key, err := strconv.ParseFloat(c.sort, 64)
			if _, exact := numbersOf(c.text); len(want.numbers) == 0 || err != nil || len(exact) == 0 {
				continue
			} else if want.key == 0 {
				want.key = want.numbers[0]
				key += max(-exact[0], min(exact[0], want.key-key)) // it may be of the figure as it is printed
			}
			if math.Abs(key-want.key) > 1e-6*math.Abs(key) {
				w.Errorf("%s: %s of %s is sorted by %v, which is %v", where, table.header[j+1], r.name, key, want.key)
			}
		}
		w.checked += len(r.cells)
	}
}

// draws compares the panel of a chart with what it should draw.
func (w *walked) draws(id string, panel shownPanel, series []wantSeries) {
	where := w.page + ", " + id + ", " + panel.Title
	if len(series) != len(panel.Series) {
		w.Errorf("%s: %d series, want %d", where, len(panel.Series), len(series))
		return
	}
	for i, s := range panel.Series {
		x := series[i]
		if s.Name != x.name || s.Part != x.part || s.Kind != x.kind || len(s.Points) != len(x.points) {
			w.Errorf("%s: %s of %q %q with %d points, want %s of %q %q with %d", where, s.Kind, s.Name, s.Part, len(s.Points), x.kind, x.name, x.part, len(x.points))
			continue
		}
		for j, p := range s.Points {
			q := x.points[j]
			if !alike(p.x, q.x) || !alike(p.y, q.y) || !alike(p.lo, q.lo) || !alike(p.hi, q.hi) || !q.text.in(p.text) || !q.label.in(p.label) {
				w.Errorf("%s: point %d of %s %q %q is %+v, want %+v", where, j, s.Kind, s.Name, s.Part, p, q)
			}
		}
		w.checked += 4 * len(s.Points)
	}
}

// Every table, every chart and every sentence with a figure of every page of results says
// what the trials say that the page embeds, as it is derived here anew: no view is without
// a walker, and no walker without a view.
func TestPagesShowTheResult(t *testing.T) {
	idle := map[string]bool{}
	for _, k := range tableWalkers {
		idle[k.name] = true
	}
	for _, id := range chartIDs {
		idle[id] = true
	}
	for name, s := range walkedSets() {
		text := pageOf(t, s)
		p := shown(t, text)
		if name == "files" { // encoding takes most of the time
			if file, _ := json.Marshal(s); strings.TrimSpace(p.raw) != string(file) {
				t.Errorf("%s: what is embedded is not the result", name)
			}
		}
		s = nil
		if err := json.Unmarshal([]byte(p.raw), &s); err != nil {
			t.Fatal(err)
		}
		newWalked(t, name, s).walk(p, text, idle)
	}
	for name, s := range cutSets() {
		d := Document(s)
		d.Raw = nil
		var b strings.Builder
		if err := page.Write(&b, d); err != nil || b.Len() > page.Most {
			t.Fatalf("%s: a page of %d bytes: %v", name, b.Len(), err)
		}
		newWalked(t, name, s).walk(shown(t, b.String()), b.String(), idle)
	}
	allUsed(t, resultPhrases)
	if len(idle) > 0 {
		t.Errorf("no page has %v", idle)
	}
}

// walk holds a page to the set; of idle it takes the walkers that it needed.
func (w *walked) walk(p shownPage, text string, idle map[string]bool) {
	for at, table := range p.tables {
		i := slices.IndexFunc(tableWalkers, func(k tableWalker) bool { return slices.Contains(table.header, k.column) && k.section[table.section] })
		if i < 0 {
			w.Errorf("%s: nobody walks the table %q of %s with %q", w.page, table.title, table.section, table.header)
			continue
		}
		delete(idle, tableWalkers[i].name)
		rows := tableWalkers[i].rows(w, table)
		w.holds(table, rows[:w.first(fmt.Sprint("table ", at+1), len(table.rows), len(rows))])
	}
	for i, c := range p.charts {
		if i >= len(p.figures) || p.figures[i] != c.ID || chartWalkers[c.ID] == nil {
			w.Errorf("%s: nobody walks the chart %s, which is drawn as %q", w.page, c.ID, p.figures)
			continue
		}
		delete(idle, c.ID)
		chartWalkers[c.ID](w, c)
	}
	if strings.Count(text, "<table") != len(p.tables) || strings.Count(text, "<figure") != len(p.charts) || w.checked < 40 {
		w.Errorf("%s: of %d tables and %d charts %d figures were compared", w.page, strings.Count(text, "<table"), strings.Count(text, "<figure"), w.checked)
	}
	w.walkChoice(p)
	w.reads(resultPhrases, p)
	for where, cut := range w.cuts {
		w.Errorf("%s: nothing says that %s are the first %v of %v", w.page, where, cut[0], cut[1])
	}
}
