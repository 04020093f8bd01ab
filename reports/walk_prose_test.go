package reports

import (
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
)

// A shownText is what an element says, and where.
type shownText struct {
	section, title string // title is of the table above
	label          string // what it is about
	table          int    // the last before it, as an index
	chart          string
	panel          int
	kind           string // the element, or "unseen" for the words of a picture
	text           string
}

// A proseReader gathers what stands outside of tables, pictures and scripts.
type proseReader struct {
	at          shownText
	block       string
	quiet       int // elements that are none of it, each in the other
	bold, words bool
	texts       []shownText
}

func (r *proseReader) read(token xml.Token) {
	inline := []string{"span", "b", "code", "wbr"}
	switch x := token.(type) {
	case xml.CharData:
		if r.bold && r.quiet == 0 {
			r.at.label += string(x)
		} else if r.quiet == 0 {
			r.block += string(x)
		}
	case xml.StartElement:
		if slices.Contains(inline, x.Name.Local) {
			r.bold = x.Name.Local == "b"
			return
		}
		r.end()
		if x.Name.Local == "table" {
			r.at.table++
		}
		if r.quiet > 0 || slices.Contains([]string{"table", "svg", "script", "style"}, x.Name.Local) {
			r.quiet++
			return
		}
		a := attributes(x)
		r.at.kind = x.Name.Local
		switch {
		case x.Name.Local == "section":
			r.at = shownText{section: a["id"], table: r.at.table}
		case x.Name.Local == "figure":
			r.at.chart, r.at.panel = strings.TrimPrefix(a["id"], "chart-"), -1
		case a["class"] == "panel":
			r.at.panel++
		case x.Name.Local == "ul":
			r.words = a["class"] == "unseen"
		case x.Name.Local == "li" && r.words:
			r.at.kind = "unseen"
		}
	case xml.EndElement:
		if slices.Contains(inline, x.Name.Local) {
			r.bold = false
			return
		}
		r.end()
		r.quiet = max(0, r.quiet-1)
		if x.Name.Local == "figure" {
			r.at.chart = ""
		}
	}
}

// end takes what an element has said so far.
func (r *proseReader) end() {
	r.at.text = strings.TrimLeft(strings.Join(strings.Fields(r.block), " "), ": ")
	r.block = ""
	if r.at.text == "" {
		return
	}
	if r.at.kind == "h3" {
		r.at.title = r.at.text
	}
	r.texts = append(r.texts, r.at)
	r.at.label = ""
	if r.at.kind == "dt" {
		r.at.label = r.at.text
	}
}

// A phrase is what a part of a sentence may say: # stands for a number, … for other
// words. Without says it is constant.
type phrase struct {
	form string
	// says is what stands there, in order: float64 and want for numbers, string for
	// words, nil for words without a number. It is nil if the phrase means another thing.
	says func(w *walked, at *place, words []string) []any
	used bool
}

// A place is where a part of a sentence stands, and what it is about.
type place struct {
	shownText
	load, cell int // -1 if it is about none
	match      int
	of         int // which of the three ratios of a match
	folded     int // how many more there are below
}

var (
	sentences = regexp.MustCompile(`; |\. `)
	forms     = map[string]*regexp.Regexp{}
)

func (f *phrase) match(text string) []string {
	rest := text // that has all that is constant, which is soon told
	for constant := range strings.FieldsFuncSeq(f.form, func(r rune) bool { return r == '#' || r == '…' }) {
		_, after, ok := strings.Cut(rest, constant)
		if rest = after; !ok {
			return nil
		}
	}
	if forms[f.form] == nil {
		form := strings.NewReplacer("#", `(–|[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?)`, "…", `(.+?)`).Replace(regexp.QuoteMeta(f.form))
		forms[f.form] = regexp.MustCompile("^" + form + "$")
	}
	return forms[f.form].FindStringSubmatch(text)
}

// reads holds every number of a page's prose to what the phrases derive.
func (w *walked) reads(book []*phrase, p shownPage) {
	w.book = book
	for i, x := range p.texts {
		at := &place{shownText: x, load: -1, cell: -1, match: -1}
		c := slices.IndexFunc(p.charts, func(c shownChart) bool { return c.ID == x.chart })
		switch {
		case x.kind == "unseen":
			w.walkWords(&p.charts[c].Panels[x.panel], x)
			continue
		case x.kind == "h4" && byLoads[x.chart]:
			at.load = x.panel
		case x.kind == "summary":
			at.folded = len(p.texts) - i - 1
			if end := slices.IndexFunc(p.texts[i+1:], func(x shownText) bool { return x.kind != "li" }); end >= 0 {
				at.folded = end
			}
		}
		for _, part := range sentences.Split(x.text, -1) {
			w.claim(at, part)
		}
	}
}

// allUsed fails on a phrase that is said nowhere.
func allUsed(t *testing.T, book []*phrase) {
	t.Helper()
	for _, f := range book {
		if !f.used {
			t.Errorf("no page says %q", f.form)
		}
	}
}

// claim finds who derives the numbers of a part of a sentence.
func (w *walked) claim(at *place, part string) {
	part = strings.TrimSuffix(w.placed(at, part), ".")
	if !strings.ContainsAny(part, "0123456789") {
		return
	}
	for _, f := range w.book {
		words := f.match(part)
		if words == nil {
			continue
		}
		var says []any
		if f.says != nil {
			if says = f.says(w, at, words[1:]); says == nil {
				continue
			}
		}
		f.used = true
		w.checked += len(says)
		if !slices.EqualFunc(words[1:], says, agrees) {
			w.Errorf("%s, %s, %s: %q says %q, want %v", w.page, at.section, at.label, part, words[1:], says)
		}
		return
	}
	w.Errorf("%s: nobody derives %q of the %s %q of %s", w.page, part, at.kind, at.text, at.section)
}

func agrees(word string, said any) bool {
	switch x := said.(type) {
	case float64:
		return nums(x).in(word)
	case want:
		return x.in(word)
	case string:
		return x == word
	}
	return !strings.ContainsAny(word, "0123456789")
}

// placed cuts off what a part begins with that says what it is about: a load, a
// contestant under one, or two of them.
func (w *walked) placed(at *place, part string) string {
	if w.set == nil {
		return part
	}
	if at.load < 0 && at.title != "" && at.chart == "" {
		at.load = slices.IndexFunc(w.titles, func(l string) bool { return strings.Contains(at.title+" (", l+" (") })
	}
	for i, l := range w.titles {
		if rest, ok := strings.CutPrefix(part, l); ok && strings.HasPrefix(rest, ": ") {
			at.load, part = i, rest[2:]
		}
	}
	for cell, name := range w.places {
		if rest, ok := strings.CutPrefix(part, name); ok {
			at.cell, part = cell, rest
		}
	}
	for i, m := range w.matches() {
		if at.load >= 0 && w.set.Plan.Cells[m.B].Load != w.loads[at.load] {
			continue
		}
		if rest, ok := strings.CutPrefix(part, w.names[m.A]+" / "+w.names[m.B]+": "); ok && at.load >= 0 {
			at.match, part = i, rest
		}
	}
	return part
}

// walkWords holds what is said of a picture to the points that it is drawn from: each is
// there in its own words, or by its coordinates, of which four digits count.
func (w *walked) walkWords(panel *shownPanel, x shownText) {
	near := func(got, want float64) bool { return math.Abs(got-want) <= 5.01e-4*math.Abs(want) }
	says := func(pt shownPoint, part string, numbers func() []float64) bool {
		if pt.text != "" || part == "none" {
			return legible(pt.text) == part
		}
		got := numbers()
		if name := panel.Y.Names; len(name) > 0 && strings.HasPrefix(part, legible(name[int(pt.y)])+" at ") {
			got = append([]float64{pt.y}, got[len(got)-1])
		}
		return len(got) == 2 && near(got[0], pt.y) && (near(got[1], pt.x) || near(got[1], pt.hi))
	}
	for _, s := range panel.Series {
		name := legible(strings.Join(slices.DeleteFunc([]string{s.Name, s.Part}, func(s string) bool { return s == "" }), ", "))
		rest, ok := strings.CutPrefix(x.text, name)
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, fmt.Sprintf(", %d points, of them", len(s.Points))), ": ")
		from := 0
		for _, part := range strings.Split(rest, "; ") {
			numbers := sync.OnceValue(func() []float64 { n, _ := numbersOf(part); return n })
			i := slices.IndexFunc(s.Points[min(from, len(s.Points)):], func(pt shownPoint) bool { return says(pt, part, numbers) })
			ok = ok && i >= 0
			from += i + 1
		}
		if ok {
			w.checked++
			return
		}
	}
	w.Errorf("%s: %q is of no series of %s, %s", w.page, x.text, x.chart, panel.Title)
}

// legible is text as a page can show it.
func legible(s string) string {
	if !strings.Contains(s, "  ") && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl) {
		return s // most are as they are
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)), " ")
}
