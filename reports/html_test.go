package reports

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
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

// ownScript is that of every page. It is no XML.
var ownScript = regexp.MustCompile(`(?s)<script>"use strict".*?</script>`)

// encoded is where any letters may meet: the script's hash and the compressed result.
var encoded = regexp.MustCompile(`sha256-[A-Za-z0-9+/=]*|(?m:^H4sI[A-Za-z0-9+/=]*)`)

// legible is a page without its script and what is encoded.
func legible(page string) string {
	return encoded.ReplaceAllString(ownScript.ReplaceAllString(page, ""), "")
}

// elements walks a page with a parser that is not ours and returns how often
// each element occurs, the attributes that could load or run something, and
// the raw result.
func elements(t *testing.T, page string) (count map[string]int, loads []string, raw string) {
	t.Helper()
	count = map[string]int{}
	d := xml.NewDecoder(strings.NewReader(ownScript.ReplaceAllString(strings.TrimPrefix(page, "<!DOCTYPE html>"), "")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	in := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count, loads, raw
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			in = e.Name.Local
			count[in]++
			for _, a := range e.Attr {
				name := strings.ToLower(a.Name.Local)
				if name == "src" || name == "href" && !strings.HasPrefix(a.Value, "#") || strings.HasPrefix(name, "on") {
					loads = append(loads, name+"="+a.Value)
				}
				if name == "id" {
					in += "#" + a.Value
				}
			}
		case xml.EndElement:
			in = ""
		case xml.CharData:
			if in == "script#result" {
				raw += unpacked(t, string(e))
			}
		}
	}
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
	count, loads, script := elements(t, pageOf(t, newSet(5, 1, 64)))
	if len(loads) > 0 {
		t.Errorf("the page loads or runs %v", loads)
	}
	if count["link"]+count["img"]+count["iframe"] > 0 || count["script"] != 2 || count["figure"] != 6 || count["table"] != 11 {
		t.Errorf("elements: %v", count)
	}
	var got result.Set
	if err := json.Unmarshal([]byte(script), &got); err != nil {
		t.Fatalf("the embedded result: %v", err)
	}
	want := newSet(5, 1, 64)
	if len(got.Trials) != len(want.Trials) || !got.Trials[7].Service.Equals(want.Trials[7].Service.Histogram) {
		t.Error("the embedded result is not the one that was given")
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
	count, loads, script := elements(t, page)
	if len(loads) > 0 || count["script"] != 2 || count["img"] > 0 || count["figure"] != 6 {
		t.Errorf("markup came through: loads %v, elements %v", loads, count)
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
	if err := json.Unmarshal([]byte(script), &got); err != nil {
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
		elements(t, page)
		if body := legible(page); strings.Contains(body, "NaN") || strings.Contains(body, "Inf") {
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
