package page_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
	"github.com/ringbench/ringbench/reports/page/pagetest"
)

func write(t testing.TB, d page.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var update = flag.Bool("update", false, "write the golden file")

func TestGolden(t *testing.T) {
	got := regexp.MustCompile(`(?s)<script>.*?</script>|<style>.*?</style>|sha256-.*?&#39;|(?m:^H4sI\S*)`).ReplaceAllString(write(t, fixture()), "…")
	file := filepath.Join("testdata", "page.html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page changed; if it should, run the test with -update and read the difference in %s", file)
	}
	if again := write(t, fixture()); again != write(t, fixture()) {
		t.Error("the same document gives other bytes")
	}
}

// rawOf is the raw result of a page, taken out as its foot says.
func rawOf(t testing.TB, text string) string {
	t.Helper()
	c := exec.Command("sh", "-c", "grep ^H4sI | base64 -d | gunzip")
	c.Stdin = strings.NewReader(text)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestStandsAlone(t *testing.T) {
	p := pagetest.Parse(t, write(t, fixture()))
	if len(p.Loads) > 0 || p.Count["link"]+p.Count["img"]+p.Count["iframe"]+p.Count["button"] > 0 || p.Count["script"] != 2 {
		t.Errorf("the page loads %q; elements %v", p.Loads, p.Count)
	}
}

// Every text and figure of the document is on the page, as it is there.
func TestHoldsTheDocument(t *testing.T) {
	d := fixture()
	kept := regexp.MustCompile(`<span class="one">([^<]*)</span>`) // on one line
	p := pagetest.Parse(t, kept.ReplaceAllString(write(t, d), "$1"))
	all := "\n" + strings.Join(p.Text, "\n") + "\n"
	want := append([]string{d.Title, d.Subtitle, d.Limits[0].Text}, d.Verdicts...)
	for _, s := range d.Sections {
		want = append(want, s.Title, s.How)
		for _, table := range s.Tables {
			want = append(append(want, table.Header...), table.Notes...)
			for _, r := range table.Rows {
				want = append(want, r.Name)
				for _, c := range r.Cells {
					want = append(want, c.Text)
				}
			}
		}
		for _, n := range s.Notes {
			want = append(want, n.Label, n.Text)
		}
		for _, c := range s.Charts {
			want = append(want, c.Title, c.Subtitle, c.Panels[0].Title)
		}
	}
	for _, s := range want {
		if !strings.Contains(all, s+"\n") {
			t.Errorf("the page lacks %q", s)
		}
	}
	var raw any
	if err := json.Unmarshal([]byte(rawOf(t, write(t, d))), &raw); err != nil || fmt.Sprint(raw) != "map[host:vm schema:2]" {
		t.Errorf("raw result %v, %v", raw, err)
	}
}

const payload = `</script></text></svg></style><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"'&--><!--{{.}}]]>` + "\u2028\u0085\x1b[31m"

// hostile is the fixture with a payload wherever a document holds text.
func hostile() page.Document {
	d := fixture()
	bad := func(texts ...*string) {
		for _, s := range texts {
			*s = payload + *s
		}
	}
	bad(&d.Title, &d.Subtitle, &d.Verdicts[0], &d.Limits[0].Label, &d.Limits[0].Text)
	for i := range d.Sections {
		s := &d.Sections[i]
		bad(&s.Title, &s.How)
		for j := range s.Notes {
			bad(&s.Notes[j].Label, &s.Notes[j].Text)
		}
		for _, t := range s.Tables {
			bad(&t.Header[0], &t.Header[1], &t.Rows[0].Name, &t.Rows[0].Cells[0].Text, &t.Notes[0])
		}
		for j := range s.Charts {
			c := &s.Charts[j]
			bad(&c.Title, &c.Subtitle)
			for k := range c.Panels {
				badPanel(&c.Panels[k], bad)
			}
		}
	}
	d.Raw = map[string]string{payload: payload}
	return d
}

func badPanel(p *chart.Panel, bad func(...*string)) {
	bad(&p.Title, &p.X.Label, &p.Y.Label)
	p.Y.Names = append([]string{}, p.Y.Names...)
	for i := range p.Y.Names {
		bad(&p.Y.Names[i])
	}
	for i := range p.Series {
		s := &p.Series[i]
		bad(&s.Name, &s.Part, &s.Points[0].Text, &s.Points[0].Label)
	}
	for i := range p.Spans {
		bad(&p.Spans[i].Name)
	}
	for i := range p.Rules {
		bad(&p.Rules[i].Name)
	}
}

func TestEscapes(t *testing.T) {
	text, plain := write(t, hostile()), pagetest.Parse(t, write(t, fixture()))
	p := pagetest.Parse(t, text)
	if len(p.Loads) > 0 || p.Count["script"] != plain.Count["script"] || p.Count["img"] > 0 || p.Count["figure"] != plain.Count["figure"] {
		t.Errorf("markup came through: %q, %v", p.Loads, p.Count)
	}
	for _, bad := range []string{"<script>window", "<img", "<!--", "\x1b", "\u0085"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	var raw map[string]string
	if err := json.Unmarshal([]byte(rawOf(t, text)), &raw); err != nil || raw[payload] != payload {
		t.Errorf("raw result %q, %v", raw, err)
	}
}

// large has a table of n cells, a chart with as many points, and as much in its result.
func large(n int) page.Document {
	d := page.Document{Title: "large"}
	var t page.Table
	s := chart.Series{Name: "uring", Kind: chart.Line}
	for i := range n / 10 {
		r := page.Row{Name: fmt.Sprint("row ", i)}
		for j := range 10 {
			r.Cells = append(r.Cells, page.Cell{Text: fmt.Sprint(i*j, ",000"), Sort: float64(i * j)})
			s.Points = append(s.Points, chart.Point{X: float64(len(s.Points)), Y: float64(i * j)})
		}
		t.Rows = append(t.Rows, r)
	}
	c := chart.Chart{ID: "c", Panels: []chart.Panel{{X: chart.Axis{Scale: chart.Linear}, Y: chart.Axis{Scale: chart.Linear}, Series: []chart.Series{s}}}}
	d.Sections = []page.Section{{ID: "s", Title: "all", Charts: []chart.Chart{c}, Tables: []page.Table{t}}}
	d.Raw = t.Rows
	return d
}

func TestStaysSmall(t *testing.T) {
	d := large(10000)
	if n := len(write(t, d)); n > page.Most {
		t.Errorf("%d bytes", n)
	}
	noise := make([]byte, page.Most)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	d.Raw = noise
	if text := write(t, d); len(text) > page.Most || !strings.Contains(text, "is the file that the page was made from") {
		t.Errorf("%d bytes with a raw result of %d that cannot be compressed", len(text), page.Most)
	}
}

func BenchmarkWrite(b *testing.B) {
	d := large(10000)
	for b.Loop() {
		write(b, d)
	}
}

func TestOfAwkwardDocuments(t *testing.T) {
	nothing := chart.Chart{ID: "nothing", Panels: []chart.Panel{{}, {X: chart.Axis{Scale: chart.Log}, Y: chart.Axis{Scale: chart.Nines}, Series: []chart.Series{{Name: "x", Kind: chart.Line}}}}}
	one := []chart.Point{{X: 1e300, Y: -1e-300, Lo: math.Inf(-1), Hi: math.Inf(1)}, {X: math.Nextafter(1e300, 2e300), Y: math.Inf(1), Lo: nan}}
	odd := chart.Chart{ID: "odd"}
	for _, k := range []chart.Kind{chart.Line, chart.Band, chart.Dots, chart.Bars, chart.Intervals, chart.Whiskers, chart.Marks, chart.Tiles} {
		for _, s := range []chart.Scale{chart.Linear, chart.Log, chart.Nines, chart.Category} {
			a := chart.Axis{Scale: s, Names: []string{"a"}, From: nan, To: 1}
			odd.Panels = append(odd.Panels, chart.Panel{X: a, Y: a, Series: []chart.Series{{Name: "x", Kind: k, Points: one}}, Rules: []chart.Rule{{At: math.Inf(1)}}, Spans: []chart.Span{{From: math.Inf(-1), To: nan}}})
		}
	}
	sectionOf := func(c ...chart.Chart) page.Document {
		return page.Document{Sections: []page.Section{{ID: "a", Charts: c, Tables: []page.Table{{}}}}}
	}
	for name, d := range map[string]page.Document{"odd figures": sectionOf(odd), "empty": {}, "empty section": {Sections: []page.Section{{ID: "a"}}}, "empty charts": sectionOf(nothing, chart.Chart{ID: "none"})} {
		text := write(t, d)
		pagetest.Parse(t, text)
		if body := pagetest.Legible(text); strings.Contains(body, "NaN") || strings.Contains(body, "Inf") {
			t.Errorf("%s: not a number in the page: %q", name, regexp.MustCompile(`.{80}(NaN|Inf).{20}`).FindAllString(body, 3))
		}
	}
}
