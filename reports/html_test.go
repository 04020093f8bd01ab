package reports

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/page"
	"github.com/ringbench/ringbench/reports/page/pagetest"
)

func pageOf(t *testing.T, s *result.Set) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Pictures and the raw result are held by tests of their own: their digits would make
// the golden unreadable.
var bulky = regexp.MustCompile(`(?s)<svg role.*?</svg>\n|<svg.*?</svg>|<ul class="unseen">.*?</ul>|<style>.*?</style>|sha256-.*?&#39;|<script.*?</script>`)

func TestHTMLGolden(t *testing.T) {
	golden(t, "page.html", bulky.ReplaceAllString(pageOf(t, newSet(5, 1, 64)), "…"))
}

func unpacked(t *testing.T, text string) string {
	t.Helper()
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(strings.TrimSpace(text))))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHTMLStandsAlone(t *testing.T) {
	p := pagetest.Parse(t, pageOf(t, newSet(5, 1, 64)))
	if len(p.Loads) > 0 {
		t.Errorf("the page loads or runs %v", p.Loads)
	}
	if p.Count["link"]+p.Count["img"]+p.Count["iframe"] > 0 || p.Count["script"] != 2 || p.Count["figure"] != 6 || p.Count["table"] != 11 {
		t.Errorf("elements: %v", p.Count)
	}
	var got result.Set
	if err := json.Unmarshal([]byte(unpacked(t, p.Data["result"])), &got); err != nil {
		t.Fatalf("the embedded result: %v", err)
	}
	want := newSet(5, 1, 64)
	if len(got.Trials) != len(want.Trials) || !got.Trials[7].Service.Equals(want.Trials[7].Service.Histogram) {
		t.Error("the embedded result is not the one that was given")
	}
}

// Views are in the order in which they are asked for: what was found, why, and at the
// end what it was found with.
func TestOrderOfSections(t *testing.T) {
	for _, of := range []struct {
		set  *result.Set
		want string
	}{
		{newRich(), "summary throughput knee tail percentiles cpu cpu-by-rate heat series order effects environment command fairness figures"},
		{newAblation(), "ablation environment command fairness"},
		{newSearch(), "summary knee tail cpu-by-rate environment command fairness"},
	} {
		of.set.Command = []string{"ringbench"}
		var ids []string
		for _, s := range Document(of.set).Sections {
			ids = append(ids, s.ID)
			if s.How == "" {
				t.Errorf("%s does not say how to read it", s.ID)
			}
		}
		if got := strings.Join(ids, " "); got != of.want {
			t.Errorf("sections %s", got)
		}
	}
}

// Runs that were joined each have their command, to be pasted.
func TestCommandsOfJoinedRuns(t *testing.T) {
	s := newSet(1, 64)
	s.Command, s.Joined = nil, slices.Repeat([]result.Part{{Name: "a.json", Command: []string{"ringbench", "echo", "a b"}}}, notesMost+2)
	i := slices.IndexFunc(Document(s).Sections, func(s page.Section) bool { return s.ID == "command" })
	if i < 0 {
		t.Fatal("no commands")
	}
	notes := Document(s).Sections[i].Notes
	if len(notes) != notesMost+1 || notes[0] != (page.Note{Label: "a.json", Text: "ringbench echo 'a b'"}) || !strings.Contains(notes[notesMost].Text, "2 more") {
		t.Errorf("commands %v", notes)
	}
}

func TestHTMLEscapes(t *testing.T) {
	const hostile = `</script></text></svg><script>alert(1)</script><img src=x onerror=alert(1)>"'&--><!--` + "\u2028\x1b[31m"
	s := newSet(2, 64)
	s.Env.Host, s.Env.Kernel, s.Env.CPUModel, s.Env.Cmdline, s.Env.Mitigations = hostile, hostile, hostile, hostile, []string{hostile}
	s.Command = []string{"ringbench", hostile}
	s.Warnings = []string{hostile}
	s.Version, s.Plan.Client, s.Plan.Placement, s.Plan.Grouping = hostile, hostile, hostile, hostile
	s.Plan.Duet = true
	for i := range s.Plan.Cells {
		c := &s.Plan.Cells[i]
		c.Contestant, c.Command, c.Network, c.Backend = hostile+c.Contestant, hostile, hostile, ""
	}
	for i := range s.Trials {
		tr := &s.Trials[i]
		tr.Tier, tr.Features, tr.Verdict, tr.Pair = hostile, []string{hostile}, hostile, tr.Block*2+tr.Cell/2+1
		tr.Server.Helpers = []result.Helper{{Name: hostile, Threads: 1, CPUSeconds: 0.1}}
	}
	s.Trials[0].Void = hostile

	page := pageOf(t, s)
	p := pagetest.Parse(t, page)
	if len(p.Loads) > 0 || p.Count["script"] != 2 || p.Count["img"] > 0 || p.Count["figure"] != 6 {
		t.Errorf("markup came through: loads %v, elements %v", p.Loads, p.Count)
	}
	for _, bad := range []string{"<script>alert", "<img", "<!--"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{
		"&lt;script&gt;alert(1)&lt;/script&gt;",         // text
		`\u003cscript\u003ealert(1)\u003c/script\u003e`, // charts
		`'&lt;/script&gt;&lt;/text&gt;`,                 // command, quoted for a shell
	} {
		if !strings.Contains(strings.ReplaceAll(page, "&#39;", "'"), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var got result.Set
	if err := json.Unmarshal([]byte(unpacked(t, p.Data["result"])), &got); err != nil {
		t.Fatalf("the embedded result: %v", err)
	}
	if !reflect.DeepEqual(got.Env, s.Env) || !reflect.DeepEqual(got.Command, s.Command) {
		t.Error("the embedded result is not the one that was given")
	}
}

func TestHTMLOfAwkwardSets(t *testing.T) {
	void := newSet(1, 64)
	for i := range void.Trials {
		void.Trials[i] = result.Trial{Cell: i, Void: "server died"}
	}
	for name, s := range map[string]*result.Set{"empty": {}, "all void": void, "one trial": newSet(1, 64)} {
		page := pageOf(t, s)
		pagetest.Parse(t, page)
		if body := pagetest.Legible(page); strings.Contains(body, "NaN") || strings.Contains(body, "Inf") {
			t.Errorf("%s: not a number in the page", name)
		}
	}
}

func TestShellCommand(t *testing.T) {
	got := shellCommand([]string{"ringbench", "echo", "--size=64,1024", "", "a b", "it's", "$(x)"})
	if want := `ringbench echo --size=64,1024 '' 'a b' 'it'\''s' '$(x)'`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSONIsTheResultFile(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, newSet(2, 64)); err != nil {
		t.Fatal(err)
	}
	var got result.Set
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != result.Schema || len(got.Trials) != 8 || !strings.Contains(b.String(), "\n  \"plan\": {\n") {
		t.Errorf("got %.300s", b.String())
	}
}
