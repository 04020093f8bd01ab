package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// decided has a regression of a contestant with a hostile name, one that is too
// noisy, advice and what passes.
func decided(t *testing.T) *gate.Decision {
	t.Helper()
	decideOnce.Do(func() { theDecision = decideAll(t, renamed) })
	return theDecision
}

var (
	decideOnce  sync.Once
	theDecision *gate.Decision
)

func decideAll(t *testing.T, change func(base, head *result.Set)) *gate.Decision {
	c := compared(t, func(base, head *result.Set) {
		change(base, head)
		for i := range head.Trials { // half of the throughput
			if tr := &head.Trials[i]; tr.Cell == 2 {
				tr.Messages /= 2
			}
		}
	})
	d := gate.Judge(c, []gate.Rule{
		{Metric: compare.CPU, Threshold: 0.1, Contestants: []string{"*31m*", "uring"}}, {Metric: compare.CPU, Threshold: 0.001, Contestants: []string{"net"}},
		{Metric: compare.Syscalls, Exact: true}, {Metric: compare.Throughput, Threshold: 0.2, Advice: true}, {Metric: compare.RSS, Threshold: 0.1, Contestants: []string{"nobody"}},
	})
	d.Took = 90 * time.Second
	if got := outcomes(d); got != "[6 3 2]" || d.Outcome != gate.Fail {
		t.Fatalf("%v: %s", d.Outcome, got)
	}
	return d
}

// outcomes counts what passes, fails and is too noisy.
func outcomes(d *gate.Decision) string {
	var n [3]int
	for _, j := range d.Judged {
		n[j.Outcome]++
	}
	return fmt.Sprint(n)
}

func written(t *testing.T, format string, d *gate.Decision) string {
	t.Helper()
	f, ok := FormatNamed(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	var b bytes.Buffer
	if err := f.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every format is written for every outcome, also of nothing, without a character that
// a terminal would obey.
func TestDecisionFormats(t *testing.T) {
	decisions := map[string]*gate.Decision{
		"regression": decided(t), "nothing": gate.Judge(&compare.Comparison{}, nil), "refused": {Outcome: gate.Refused, Advice: []string{"use another machine"}},
	}
	for _, f := range DecisionFormats {
		for name, d := range decisions {
			if out := written(t, f.Name, d); strings.ContainsAny(out, "\x1b\r\a") || out == "" {
				t.Errorf("%s of %s: %q", f.Name, name, out)
			}
		}
	}
	for _, want := range []string{"too noisy", "no rule but advice covers what was measured"} {
		for _, format := range []string{"text", "markdown", "json", "html", "junit", "github", "gitlab"} {
			if out := written(t, format, decisions["nothing"]); !strings.Contains(out, want) {
				t.Errorf("%s of nothing has no %q: %s", format, want, out)
			}
		}
	}
	if name := judgedName(&gate.Judgement{Finding: compare.Finding{Contestant: "s"}}); name != "s" {
		t.Errorf("what no load has is called %q", name)
	}
	if line := Attempt(gate.Attempt{Blocks: 1, Smallest: math.NaN()}); !strings.Contains(line, "too few to say") {
		t.Errorf("one block: %s", line)
	}
	if _, ok := FormatNamed("xml"); ok {
		t.Error("xml is a format")
	}
}

func TestDecisionText(t *testing.T) {
	out, at := strings.Join(strings.Fields(written(t, "text", decided(t))), " "), 0
	for _, want := range []string{"differs: kernel", "regression: system calls a message of epoll", "too noisy: ", "advice: throughput of threadpool", "pass: ",
		"gate: regression; the smallest change of CPU", "it took 1m30s", "measure what the rule on rss, contestants nobody asks for"} {
		i := strings.Index(out[at:], want)
		if i < 0 {
			t.Fatalf("no %q after byte %d of\n%s", want, at, out)
		}
		at += i
	}
}

// The page has what was decided, the gravest first, then what to do, then the findings.
func TestDecisionPage(t *testing.T) {
	d := decided(t)
	doc, c := DecisionDocument(d), ComparisonDocument(d.Comparison)
	if !strings.HasPrefix(doc.Verdicts[0], "regression; the smallest change of CPU") || !strings.HasPrefix(doc.Verdicts[1], "regression: CPU a message of \x1b") || len(doc.Verdicts) != 1+len(d.Judged) {
		t.Errorf("verdicts %q", doc.Verdicts)
	}
	if doc.Title != "ringbench gate: regression" || doc.Limits[0].Label != "what to do" || len(doc.Limits) != len(d.Advice)+len(c.Limits) || len(doc.Sections) != len(c.Sections) {
		t.Errorf("%q, %v, %d sections", doc.Title, doc.Limits, len(doc.Sections))
	}
	harmless(t, written(t, "html", d), "<b>@all")
	walkDecisions(t, written(t, "html", decideAll(t, func(_, _ *result.Set) {})), written(t, "html", confirmed(t)))
}

// confirmed is a regression that was found again, beside a contestant that is better.
func confirmed(t *testing.T) *gate.Decision {
	d := gate.Judge(compared(t, func(_, head *result.Set) {
		for i := range head.Trials {
			if tr := &head.Trials[i]; tr.Cell == 2 {
				tr.Server.CPUSeconds *= 0.7
			}
		}
	}), []gate.Rule{{Metric: compare.CPU, Threshold: 0.1}})
	d.Took = 80 * time.Second
	d.Runs = []gate.Ran{{Blocks: 12, Took: 35 * time.Second, Ending: "to an interval of 0.5 %"}, {Again: true, Blocks: 14, Took: 45 * time.Second, Ending: "that settle it"}}
	for i := range d.Judged {
		d.Judged[i].Confirmed = d.Judged[i].Outcome == gate.Fail
	}
	return d
}

func TestDecisionMarkdown(t *testing.T) {
	out := written(t, "markdown", decided(t))
	harmless(t, out, "<b>", "@all", "x](http", "\n::error")
	for _, want := range []string{"### ringbench gate: regression\n", "| **regression** | system calls a message of epoll", "| advice | ", "<details>"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// junit10 is what junit-10.xsd of Jenkins' xunit plugin allows: the attributes of each
// element and the elements in it.
var junit10 = map[string][2][]string{
	"testsuites": {{"name", "time", "tests", "failures", "disabled", "errors"}, {"testsuite"}},
	"testsuite":  {{"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"}, {"properties", "testcase", "system-out", "system-err"}},
	"testcase":   {{"name", "assertions", "time", "classname", "status"}, {"skipped", "error", "failure", "system-out", "system-err"}},
	"skipped":    {{"type", "message"}, nil},
	"error":      {{"type", "message"}, nil},
	"failure":    {{"type", "message"}, nil},
	"system-out": {nil, nil},
}

func TestJUnit(t *testing.T) {
	out := written(t, "junit", decided(t))
	count, within := map[string]int{}, []string{""}
	d := xml.NewDecoder(strings.NewReader(out))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			name, parent := x.Name.Local, within[len(within)-1]
			allowed, ok := junit10[name]
			if !ok || parent == "" && name != "testsuites" || parent != "" && !slices.Contains(junit10[parent][1], name) {
				t.Errorf("<%s> in <%s>", name, parent)
			}
			for _, a := range x.Attr {
				if !slices.Contains(allowed[0], a.Name.Local) {
					t.Errorf("<%s %s>", name, a.Name.Local)
				}
				if a.Name.Local == "name" && strings.Contains(a.Value, "31m") && !strings.Contains(a.Value, `|<b>@all [x](http://evil)`) {
					t.Errorf("name %q", a.Value)
				}
			}
			count[name]++
			within = append(within, name)
		case xml.EndElement:
			within = within[:len(within)-1]
		}
	}
	if !strings.Contains(out, `tests="11" failures="2" errors="2" skipped="1" time="90.000"`) || count["testcase"] != 11 || count["failure"] != 2 || count["error"] != 2 || count["skipped"] != 1 {
		t.Errorf("%v in\n%s", count, out)
	}
}

// A runner reads commands line by line; what it undoes is what was meant.
func TestGitHubCommands(t *testing.T) {
	out := written(t, "github", decided(t))
	undone := strings.NewReplacer("%0A", "\n", "%0D", "\r", "%3A", ":", "%2C", ",", "%25", "%")
	kinds := map[string]int{}
	for line := range strings.Lines(out) {
		head, text, ok := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "::"), "::")
		kind, properties, _ := strings.Cut(head, " ")
		title, titled := strings.CutPrefix(properties, "title=")
		if !strings.HasPrefix(line, "::") || !ok || !titled || strings.ContainsAny(title, ":,") || text == "" {
			t.Fatalf("no command: %s", line)
		}
		if strings.Contains(title, "31m") && !strings.Contains(undone.Replace(title), "100%??::error::a,b:c") {
			t.Errorf("title %q", undone.Replace(title))
		}
		kinds[kind]++
	}
	if kinds["error"] != 3 || kinds["warning"] != 2 || kinds["notice"] != 1 || len(kinds) != 3 {
		t.Errorf("%v in\n%s", kinds, out)
	}
}

// The schemas of others: GitLab's documentation of a Code Quality report, the README of
// github-action-benchmark, https://bencher.dev/bmf.json and the lengths of names that its
// documentation gives.
const (
	gitLabSchema = `{"type": "array", "items": {"type": "object", "required": ["description", "check_name", "fingerprint", "severity", "location"],
		"properties": {"description": {"type": "string", "minLength": 1}, "check_name": {"type": "string", "minLength": 1}, "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
			"severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
			"location": {"type": "object", "required": ["path", "lines"], "properties": {"path": {"type": "string", "pattern": "^[^/]"},
				"lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}}}}}}`
	smallerSchema = `{"type": "array", "items": {"type": "object", "required": ["name", "unit", "value"], "additionalProperties": false,
		"properties": {"name": {"type": "string"}, "unit": {"type": "string"}, "value": {"type": "number"}, "range": {"type": "string"}, "extra": {"type": "string"}}}}`
	bencherSchema = `{"type": "object", "propertyNames": {"minLength": 1, "maxLength": 1024}, "additionalProperties": {"type": "object", "propertyNames": {"minLength": 1, "maxLength": 64},
		"additionalProperties": {"type": "object", "required": ["value"], "additionalProperties": false,
			"properties": {"value": {"type": "number"}, "lower_value": {"type": "number"}, "upper_value": {"type": "number"}}}}}`
)

func valid(t *testing.T, schema, doc string) {
	t.Helper()
	if err := testenv.Schema(t, []byte(schema))(json.RawMessage(doc)); err != nil {
		t.Error(err)
	}
}

func TestGitLabCodeQuality(t *testing.T) {
	out := written(t, "gitlab", decided(t))
	valid(t, gitLabSchema, out)
	var issues []codeQuality
	if err := json.Unmarshal([]byte(out), &issues); err != nil {
		t.Fatal(err)
	}
	severities, prints := map[string]int{}, map[string]bool{}
	for _, q := range issues {
		severities[q.Severity]++
		prints[q.Fingerprint] = true
	}
	if severities["major"] != 2 || severities["minor"] != 2 || severities["info"] != 1 || len(prints) != len(issues) {
		t.Errorf("%v, %d fingerprints of %d issues", severities, len(prints), len(issues))
	}
	if again := written(t, "gitlab", decideAll(t, renamed)); again != out {
		t.Error("the same decision has other fingerprints")
	}
}

// Of what is better the more there is the inverse is written.
func TestSmallerIsBetter(t *testing.T) {
	d := decided(t)
	out := written(t, "customSmallerIsBetter", d)
	valid(t, smallerSchema, out)
	var list []smallerIsBetter
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, x := range list {
		if strings.HasPrefix(x.Name, "epoll: time a message, ") {
			found = true
			if x.Unit != "ns" || x.Value < 1e9/115e3 || x.Value > 1e9/103e3 { // of 109,000 messages/s
				t.Errorf("%+v", x)
			}
		}
	}
	if !found || len(list) != len(d.Comparison.Findings) {
		t.Errorf("%d figures of %d findings\n%s", len(list), len(d.Comparison.Findings), out)
	}
}

func TestBencherMetrics(t *testing.T) {
	d := decideAll(t, renamed)
	for i := range d.Comparison.Findings {
		if f := &d.Comparison.Findings[i]; f.Contestant == "net" {
			f.Contestant = strings.Repeat("né", 1000)
		}
	}
	out := written(t, "bmf", d)
	valid(t, bencherSchema, out)
	var all map[string]map[string]bencherMetric
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	if m := all["epoll, tcp, 64 connections × 64 B, closed loop"]["syscalls"]; m.Value < 3.08 || m.Value > 3.1 || len(all) != 4 {
		t.Errorf("%+v of %d", m, len(all))
	}
}
