package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/ringbench/ringbench/reports/chart"
)

//go:embed page.gohtml
var layout string

//go:embed page.css
var style string

//go:embed script
var scripts embed.FS

// script is one, in the order in which its files use each other.
var script = func() (all string) {
	for _, name := range []string{"draw", "view", "parts", "chart", "page"} {
		b, err := scripts.ReadFile("script/" + name + ".js")
		if err != nil {
			panic(err)
		}
		all += string(b)
	}
	return all
}()

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"sortKey": sortKey, "class": cellClass, "prose": prose, "cell": cellText, "parted": parted}).Parse(layout))

// Most is the size in bytes that a page should stay below. A raw result that would take
// it beyond is left out, and the page says so.
const Most = 2_000_000

// A sheet is what the template shows. Strings are escaped by it; what is made here, of
// the template's types, is safe as it is.
type sheet struct {
	Document
	Found, Limited []fold
	Views          []sectionView
	Style          template.CSS
	Script         template.JS
	Policy         string
	Charts         template.JS
	Raw            template.HTML // shadows what it was made of; "" if it is left out
}

// A fold is a part of a list; all but the first are shown when asked for.
type fold struct {
	First bool
	Notes []Note
}

// shown is how much of a list is seen at once.
const shown = 6

func folds(list []Note) (f []fold) {
	if len(list) > shown {
		return []fold{{true, list[:shown]}, {false, list[shown:]}}
	}
	if len(list) > 0 {
		f = append(f, fold{true, list})
	}
	return f
}

type sectionView struct {
	Section
	Figures []figureView
	Tables  []tableView
}

type tableView struct {
	Table
	Words []bool // columns without a figure, from that after the names on
}

// HeadWords is Words by the index of a header.
func (t tableView) HeadWords(i int) bool { return i > 0 && i <= len(t.Words) && t.Words[i-1] }

type figureView struct {
	chart.Chart
	How    string // of the section, in its first figure
	Keys   []key
	Panels []panelView
}

type panelView struct {
	chart.Panel
	Label   string // of the picture
	Summary []string
	Box     string
	SVG     template.HTML
}

// Write lays d out. The same document gives the same bytes. What w returns is the only
// error that does not lie in the document.
func Write(w io.Writer, d Document) error {
	s := sheet{Document: d, Script: template.JS(script), Limited: folds(d.Limits)}
	var found []Note
	for _, v := range d.Verdicts {
		found = append(found, Note{Text: v})
	}
	s.Found = folds(found)
	var all []chart.Chart
	for _, section := range d.Sections {
		all = append(all, section.Charts...)
	}
	l := newLooks(all)
	s.Style = template.CSS(style + l.style())
	s.Policy = "default-src 'none'; base-uri 'none'; form-action 'none'; script-src " + hash(script) + "; style-src " + hash(string(s.Style))
	data := []chartData{}
	for _, section := range d.Sections {
		v := sectionView{Section: section}
		for i := range section.Charts {
			c := &section.Charts[i]
			f := figureOf(c, l)
			if i == 0 {
				f.How = section.How
			}
			if strings.HasPrefix(d.Subtitle, c.Subtitle) || c.Subtitle == section.Title { // the reader knows
				f.Subtitle = ""
			}
			v.Figures = append(v.Figures, f)
			data = append(data, dataOf(c, l))
		}
		for _, t := range section.Tables {
			v.Tables = append(v.Tables, tableView{t, wordsOf(t)})
		}
		s.Views = append(s.Views, v)
	}
	charts, err := embedded(data)
	if err != nil {
		return fmt.Errorf("embed charts: %w", err)
	}
	s.Charts = template.JS(charts)
	if d.Raw != nil {
		raw, err := packed(d.Raw)
		if err != nil {
			return fmt.Errorf("embed result: %w", err)
		}
		s.Raw = template.HTML(raw)
	}
	out, err := s.execute()
	if err == nil && len(out) > Most && s.Raw != "" {
		s.Raw = ""
		out, err = s.execute()
	}
	if err != nil {
		return fmt.Errorf("make page: %w", err)
	}
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

func (s *sheet) execute() ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, s); err != nil {
		return nil, err
	}
	return bytes.Map(printable, b.Bytes()), nil
}

func figureOf(c *chart.Chart, l *looks) figureView {
	f := figureView{Chart: *c, Keys: keysOf(c, l)}
	for i := range c.Panels {
		p := frame{Panel: &c.Panels[i], look: l, reach: chart.TileReach(*c)}
		p.place()
		var b canvas
		p.draw(&b)
		f.Panels = append(f.Panels, panelView{
			Panel: c.Panels[i], Label: labelOf(c, &c.Panels[i]), Summary: summary(&c.Panels[i]),
			Box: "0 0 " + number(p.width) + " " + number(p.height), SVG: template.HTML(b.String()),
		})
	}
	return f
}

// labelOf names the picture of a panel.
func labelOf(c *chart.Chart, p *chart.Panel) string {
	label := c.Title
	if p.Title != "" {
		label += ": " + p.Title
	}
	return label
}

// wordsOf are the columns, without that of the names, that hold texts of some length and
// nothing that is sorted by a figure.
func wordsOf(t Table) []bool {
	words := make([]bool, max(len(t.Header)-1, 0))
	for _, r := range t.Rows {
		for i, c := range r.Cells[:min(len(r.Cells), len(words))] {
			words[i] = words[i] || len(c.Text) > len("–")
		}
	}
	for _, r := range t.Rows {
		for i, c := range r.Cells[:min(len(r.Cells), len(words))] {
			words[i] = words[i] && math.IsNaN(c.Sort)
		}
	}
	return words
}

func cellClass(t tableView, column int, c Cell) string {
	switch words := column < len(t.Words) && t.Words[column]; {
	case words && c.Faint:
		return "words faint"
	case words:
		return "words"
	case c.Faint:
		return "faint"
	}
	return ""
}

// cellText is what a cell says, with what stands in parentheses after a figure on a line of its own.
func cellText(c Cell) template.HTML {
	at := strings.Index(c.Text, " (")
	if math.IsNaN(c.Sort) || at < 0 || !strings.HasSuffix(c.Text, ")") {
		return prose(c.Text)
	}
	return prose(c.Text[:at]) + ` <span class="aside">` + prose(c.Text[at+1:]) + "</span>"
}

// hash is how a policy names the one script or style that may be.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// sortKey is what page.js sorts a column by.
func sortKey(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 8, 64)
}

// printable replaces what HTML forbids even when escaped: control characters.
func printable(r rune) rune {
	if r != '\n' && r != '\t' && unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}
