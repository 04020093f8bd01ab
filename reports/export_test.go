package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/perf/benchfmt"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// meaningful is a name that means something to every format.
const meaningful = "a|b,\"c\" `d` <b>e</b> f=\\g\\n/h {i}\n# j [k](l) @m *n* _o_-7"

func hostileSet() *result.Set {
	s := newSet(6, 1, 64)
	s.Plan.Cells[1].Contestant, s.Plan.Cells[5].Contestant, s.Env.CPUModel = meaningful, meaningful, meaningful
	s.Trials[9].Void = "server died: \"signal\", killed\n"
	s.Trials[13].Disturbed = "steal"
	return s
}

func printed(t *testing.T, format func(io.Writer, *result.Set) error, s *result.Set) string {
	t.Helper()
	var b bytes.Buffer
	if err := format(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// python runs a script on what it reads, by Debian's interpreter, and decodes the
// JSON that it prints.
func python(t *testing.T, need, script, in string, out any) {
	t.Helper()
	const interpreter = "/usr/bin/python3"
	_, err := os.Stat(interpreter)
	testenv.Need(t, need, err)
	cmd := exec.Command(interpreter, "-c", script)
	cmd.Stdin = strings.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if strings.Contains(stderr.String(), "ModuleNotFoundError") {
		testenv.Need(t, need, fmt.Errorf("%s", &stderr))
	}
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%v: %.500s", err, b)
	}
}

// Python's own reader finds in the CSV each trial with its figures, and names as
// they are.
func TestCSV(t *testing.T) {
	s := hostileSet()
	var rows []map[string]string
	python(t, "python", `import csv, json, sys
sys.stdin.reconfigure(newline="")
print(json.dumps(list(csv.DictReader(sys.stdin, strict=True))))`, printed(t, CSV, s), &rows)
	if len(rows) != len(s.Trials) {
		t.Fatalf("%d rows of %d trials", len(rows), len(s.Trials))
	}
	number := func(row map[string]string, name string) float64 {
		x, err := strconv.ParseFloat(row[name], 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return x
	}
	for i, row := range rows {
		tr := &s.Trials[i]
		c := s.Plan.Cells[tr.Cell]
		if row["contestant"] != c.Contestant || row["connections"] != strconv.Itoa(c.Conns) || row["void"] != tr.Void || row["depth"] != "" {
			t.Errorf("row %d: %q of %q", i, row, c.Contestant)
		}
		counts := strconv.FormatBool(tr.Void == "" && tr.Disturbed == "")
		if row["counts"] != counts {
			t.Errorf("row %d: counts %s, not %s", i, row["counts"], counts)
		}
		if tr.Void != "" {
			if row["ops_per_second"] != "" || row["ops"] != "" {
				t.Errorf("row %d is void and has figures: %q", i, row)
			}
			continue
		}
		messages := float64(tr.Messages)
		for name, want := range map[string]float64{
			"ops_per_second": messages / tr.Seconds, "server_cpu_per_op_seconds": tr.Server.CPUSeconds / messages, "server_peak_rss_bytes": float64(tr.Server.PeakRSS),
			"latency_p99_seconds": float64(tr.Service.ValueAtPercentile(99)) / 1e9, "ops": messages, "server_user_share": tr.Server.UserShare,
		} {
			if got := number(row, name); math.Abs(got/want-1) > 1e-9 {
				t.Errorf("row %d: %s %v, not %v", i, name, got, want)
			}
		}
	}
}

// pandas takes the columns for what they are, and finds the medians of the table.
func TestPandas(t *testing.T) {
	testenv.Full(t)
	var got struct {
		Numeric []string
		Median  map[string]float64
	}
	python(t, "pandas", `import json, pandas, sys
d = pandas.read_csv(sys.stdin, parse_dates=["started"])
assert d.counts.dtype == bool and str(d.started.dtype).startswith("datetime64")
m = d[d.counts & (d.connections == 64)].groupby("contestant").ops_per_second.median()
print(json.dumps({"Numeric": list(d.select_dtypes("number").columns), "Median": m.to_dict()}))`, printed(t, CSV, hostileSet()), &got)
	for _, name := range []string{"block", "connections", "ops", "window_seconds", "server_cpu_per_op_seconds", "latency_p50_seconds", "syscalls_per_op", "steal_share"} {
		if !slices.Contains(got.Numeric, name) {
			t.Errorf("%s is no number: %q", name, got.Numeric)
		}
	}
	if m := got.Median["uring"]; m != 118000*1.01 { // of {1, 1.02, 0.98, 1.04, 0.96, 1.06}
		t.Errorf("median %v", m)
	}
}

// Go's reader finds no fault in the benchmark format, and benchstat compares by it.
func TestBenchmarks(t *testing.T) {
	s := hostileSet()
	text := printed(t, Benchmarks, s)
	results := map[string]int{}
	r := benchfmt.NewReader(strings.NewReader(text), "out")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			_, parts := rec.Name.Parts()
			results[string(parts[0])]++
			if procs := string(parts[len(parts)-1]); len(parts) != 6 || procs != "-2" {
				t.Errorf("%q: parts %q", rec.Name, parts)
			}
			if v, ok := rec.Value("server-cpu-sec/op"); !ok || v < 1e-6 || v > 1e-4 {
				t.Errorf("%s: %v of CPU", rec.Name, v)
			}
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if meta := r.Units().GetBetter("op/s"); meta != 1 {
		t.Errorf("a higher throughput is better: %v", meta)
	}
	name := "/backend=" + token(meaningful)
	if want := map[string]int{"/backend=uring": 12, name: 10, "/backend=threadpool": 12, "/backend=net": 12}; fmt.Sprint(results) != fmt.Sprint(want) {
		t.Errorf("results %v, not %v", results, want)
	}
	testenv.Need(t, "go", testenv.Program("go"))
	file := filepath.Join(t.TempDir(), "out.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "tool", "-modfile=../tools.mod", "benchstat", "-col", "/backend", "-filter", ".unit:(op/s OR server-cpu-sec/op)", file)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("benchstat: %v: %s", err, b)
	}
	for _, want := range []string{`Echo/network=tcp/conns=64/size=64/pipeline=1-2 +119\.18k ± 5% .*p=`, `│ +uring +│`, `server-cpu-sec/op`} {
		if !regexp.MustCompile(want).Match(b) {
			t.Errorf("benchstat prints no %q:\n%s", want, b)
		}
	}
	if bytes.Contains(b, []byte("unparsed")) || bytes.Contains(b, []byte("out.txt:")) {
		t.Errorf("benchstat complains:\n%s", b)
	}
}

// A point is what HdrHistogram's plotFiles.html makes of a line: of four words that
// a space parts, the first over the last, where both are numbers.
type point struct{ x, y float64 }

func plotted(text string) (points []point) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		words := regexp.MustCompile(` +`).Split(line, -1)
		if len(words) != 4 || line[0] == '#' {
			continue
		}
		y, errY := strconv.ParseFloat(words[0], 64)
		x, errX := strconv.ParseFloat(words[3], 64)
		if errX == nil && errY == nil { // to JavaScript "inf" is no number, to Go it is
			points = append(points, point{x, y})
		}
	}
	return points
}

func TestHGRM(t *testing.T) {
	s := hostileSet()
	s.Trials[0].Response = &s.Trials[0].Service // an open loop has two clocks
	dir := filepath.Join(t.TempDir(), "made")
	if err := HGRM(dir, s); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(s.Plan.Cells)+1 {
		t.Fatalf("%d files of %d cells, %v", len(files), len(s.Plan.Cells), err)
	}
	for _, f := range files {
		if !regexp.MustCompile(`^Echo_[\w=+:.~-]+_(service|response)\.hgrm$`).MatchString(f.Name()) {
			t.Errorf("name %q", f.Name())
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		points := plotted(string(b))
		if len(points) < 20 || !slices.IsSortedFunc(points, func(a, b point) int { return int(a.y - b.y) }) {
			t.Errorf("%s: %v", f.Name(), points)
		}
		if !strings.HasPrefix(f.Name(), "Echo_backend=threadpool_network=tcp_conns=64_") {
			continue
		}
		var all []result.Histogram
		for _, tr := range s.Valid(6) {
			all = append(all, tr.Service)
		}
		h, _ := result.Merge(all...)
		i := slices.IndexFunc(points, func(p point) bool { return p.x == 2 })
		if want := float64(h.ValueAtPercentile(50)) / 1e3; i < 0 || math.Abs(points[i].y-want) > 1e-3 {
			t.Errorf("%s: median %v, not %v µs", f.Name(), points[i], want)
		}
	}
}

// HdrHistogram's reader finds in the log the very histogram of each trial.
func TestHLog(t *testing.T) {
	s := hostileSet()
	text := printed(t, HLog, s)
	r := hdrhistogram.NewHistogramLogReader(strings.NewReader(text))
	n := 0
	for i := range s.Trials {
		tr := &s.Trials[i]
		if tr.Void != "" || tr.Disturbed != "" {
			continue
		}
		h, err := r.NextIntervalHistogram()
		if err != nil || h == nil {
			t.Fatalf("after %d: %v, %v", n, h, err)
		}
		n++
		if !h.Equals(tr.Service.Histogram) || h.StartTimeMs() != tr.Started.UnixMilli() || h.EndTimeMs() != tr.Started.UnixMilli()+1000 {
			t.Errorf("trial %d: %d values from %d to %d", i, h.TotalCount(), h.StartTimeMs(), h.EndTimeMs())
		}
		if want := fileName(benchmark(s, s.Index(), tr.Cell)) + "_service"; h.Tag() != want || strings.ContainsAny(h.Tag(), ", \n") {
			t.Errorf("trial %d: tag %q, not %q", i, h.Tag(), want)
		}
	}
	if h, err := r.NextIntervalHistogram(); h != nil || err != nil {
		t.Errorf("one more: %v, %v", h, err)
	}
}

// The parser of Prometheus's own client library reads what is printed.
func TestOpenMetrics(t *testing.T) {
	s := hostileSet()
	text := printed(t, OpenMetrics, s)
	if !strings.HasSuffix(text, "\n# EOF\n") || strings.Count(text, "# EOF") != 1 {
		t.Error("no end, or several")
	}
	var samples []struct {
		Name   string
		Labels map[string]string
		Value  float64
	}
	python(t, "openmetrics", `import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps([{"Name": s.name, "Labels": s.labels, "Value": s.value} for f in parse(sys.stdin.read()) for s in f.samples]))`, text, &samples)
	find := func(name string, labels map[string]string) (values []float64) {
		for _, x := range samples {
			is := x.Name == name
			for k, v := range labels {
				is = is && x.Labels[k] == v
			}
			if is {
				values = append(values, x.Value)
			}
		}
		return values
	}
	one := s.Trials[4].Service // of the 6 that its cell has
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   []float64
	}{
		{"ringbench_result_info", map[string]string{"cpu": meaningful, "host": "vm"}, []float64{1}},
		{"ringbench_trials", map[string]string{"contestant": meaningful, "connections": "64"}, []float64{5}},
		{"ringbench_trials", map[string]string{"contestant": meaningful, "connections": "1"}, []float64{5}},
		{"ringbench_trials", map[string]string{"contestant": "uring", "connections": "1"}, []float64{6}},
		{"ringbench_ops_per_second", map[string]string{"contestant": "uring", "connections": "64", "value": "median"}, []float64{119180}},
		{"ringbench_ops_per_second", map[string]string{"contestant": "uring", "connections": "64", "value": "low"}, []float64{113280}},
	} {
		if got := find(c.name, c.labels); !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %v, not %v", c.name, c.labels, got, c.want)
		}
	}
	half := find("ringbench_latency_seconds", map[string]string{"contestant": "uring", "connections": "64", "quantile": "0.5"})
	if want := float64(one.ValueAtPercentile(50)) / 1e9; len(half) != 1 || math.Abs(half[0]/want-1) > 0.05 {
		t.Errorf("median latency %v, about %v", half, want)
	}
}

// What a renderer of GitHub's Markdown makes of the page is tables of as many cells
// as there are, text where a name looks like more, and nothing else.
func TestMarkdown(t *testing.T) {
	s := hostileSet()
	text := printed(t, Markdown, s)
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	tags := map[string]bool{}
	for _, m := range regexp.MustCompile(`<(\w+)`).FindAllStringSubmatch(html, -1) {
		tags[m[1]] = true
	}
	for tag := range tags {
		if !slices.Contains([]string{"p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}, tag) {
			t.Errorf("a name became <%s>", tag)
		}
	}
	name := clean(meaningful)
	name = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(name)
	if !strings.Contains(html, "<td>"+name+"</td>") {
		t.Errorf("no cell %s in\n%s", name, html)
	}
	for _, row := range regexp.MustCompile(`(?s)<tr>.*?</tr>`).FindAllString(html, -1) {
		if n := strings.Count(row, "<td") + strings.Count(row, "<th"); n != 7 && n != 8 && n != 12 {
			t.Errorf("a row of %d cells: %s", n, row)
		}
	}
	if want := "<td style=\"text-align:right\">119,180</td>"; !strings.Contains(html, want) {
		t.Errorf("no %s in\n%s", want, html)
	}
}

// Whatever is printed is the same the next time, and of the file the same as of the
// run. What was not measured makes no fault.
func TestExportsAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	for name, s := range map[string]*result.Set{"full": newSet(2, 64), "void": hostileSet(), "empty": {Schema: result.Schema}} {
		if name == "void" {
			for i := range s.Trials {
				s.Trials[i] = result.Trial{Cell: s.Trials[i].Cell, Void: "lost"}
			}
		}
		if err := result.Write(path, s); err != nil {
			t.Fatal(err)
		}
		read, err := result.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, format := range []func(io.Writer, *result.Set) error{CSV, Benchmarks, HLog, OpenMetrics, Markdown} {
			if a, b := printed(t, format, s), printed(t, format, read); a != b || a != printed(t, format, s) {
				t.Errorf("%s, format %d:\n%s\n%s", name, i, a, b)
			}
		}
		if err := HGRM(t.TempDir(), read); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
