package reports

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// tableOf gives the figures of the first table below a title: by the name of a row and
// of a column, as the page sorts them.
func tableOf(t *testing.T, page, title string) map[string]map[string]float64 {
	t.Helper()
	_, page, found := strings.Cut(page, "<h3>"+title+"</h3>")
	page, _, ends := strings.Cut(page, "</table>")
	if !found || !ends {
		t.Fatalf("no table %q", title)
	}
	var header []string
	for _, m := range regexp.MustCompile(`<th scope="col"[^>]*>([^<]*)<`).FindAllStringSubmatch(page, -1) {
		header = append(header, m[1])
	}
	rows := map[string]map[string]float64{}
	for _, tr := range strings.Split(page, "<tr")[2:] {
		row := map[string]float64{}
		for i, m := range regexp.MustCompile(`data-sort="([^"]*)"`).FindAllStringSubmatch(tr, -1) {
			if v, err := strconv.ParseFloat(m[1], 64); err == nil {
				row[header[i+1]] = v
			}
		}
		rows[regexp.MustCompile(`<th scope="row">([^<]*)<`).FindStringSubmatch(tr)[1]] = row
	}
	return rows
}

// middle is the median, computed without the package that computes those of reports.
func middle(trials []result.Trial, of func(*result.Trial) float64) float64 {
	var v []float64
	for i := range trials {
		v = append(v, of(&trials[i]))
	}
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// The page shows what is in the result: its embedded copy is the file, and each figure
// of tables and charts comes out again from the trials of the copy.
func TestFiguresOnThePageAreThoseOfTheResult(t *testing.T) {
	s := newSet(6, 1, 64)
	page := pageOf(t, s)
	_, _, raw := elements(t, page)
	var got result.Set
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	var file, embedded any
	b, _ := json.Marshal(s)
	if json.Unmarshal(b, &file) != nil || json.Unmarshal([]byte(raw), &embedded) != nil {
		t.Fatal("no JSON")
	}
	if x, _ := json.Marshal(file); true {
		if y, _ := json.Marshal(embedded); string(x) != string(y) {
			t.Error("what is embedded is not the result")
		}
	}

	var charts []struct {
		ID     string
		Panels []struct {
			Series []struct {
				Name, Kind string
				Points     [][]any
			}
		}
	}
	_, data, _ := strings.Cut(page, `<script id="charts" type="application/json">`)
	if err := json.NewDecoder(strings.NewReader(data)).Decode(&charts); err != nil {
		t.Fatal(err)
	}
	drawn := map[string]map[string][][]any{} // by chart and panel, and by series
	for _, c := range charts {
		for i, p := range c.Panels {
			of := map[string][][]any{}
			for _, s := range p.Series {
				of[s.Name] = append(of[s.Name], s.Points...)
			}
			drawn[c.ID+strconv.Itoa(i)] = of
		}
	}

	perMessage := func(seconds func(*result.Trial) float64) func(*result.Trial) float64 {
		return func(t *result.Trial) float64 { return seconds(t) / float64(t.Messages) * 1e9 }
	}
	percentile := func(p float64) func(*result.Trial) float64 {
		return func(t *result.Trial) float64 { return float64(t.Service.ValueAtPercentile(p)) / 1e3 }
	}
	rate := func(t *result.Trial) float64 { return float64(t.Messages) / t.Seconds }
	columns := map[string]func(*result.Trial) float64{
		"messages/s": rate, "p50 µs": percentile(50), "p99 µs": percentile(99), "p99.9 µs": percentile(99.9),
		"server CPU ns/msg": perMessage(func(t *result.Trial) float64 { return t.Server.CPUSeconds }),
		"user":              perMessage(func(t *result.Trial) float64 { return t.Server.CPUSeconds * t.Server.UserShare }),
		"kernel":            perMessage(func(t *result.Trial) float64 { return t.Server.CPUSeconds * (1 - t.Server.UserShare) }),
		"client ns/msg":     perMessage(func(t *result.Trial) float64 { return t.Client.CPUSeconds }),
		"machine ns/msg":    perMessage(func(t *result.Trial) float64 { return t.Machine.UserSeconds + t.Machine.KernelSeconds }),
		"peak RSS MiB":      func(t *result.Trial) float64 { return float64(t.Server.PeakRSS) / (1 << 20) },
	}
	checked := 0
	same := func(where string, shown, want float64) {
		checked++
		if math.Abs(shown-want) > math.Abs(want)*1e-6 {
			t.Errorf("%s: the page says %v, the result %v", where, shown, want)
		}
	}
	for n, load := range []string{"tcp, 1 connection × 64 B, closed loop", "tcp, 64 connections × 64 B, closed loop"} {
		rows := tableOf(t, page, load)
		for i, p := range profiles {
			var trials []result.Trial
			for _, t := range got.Trials {
				if t.Cell == n*len(profiles)+i {
					trials = append(trials, t)
				}
			}
			for name, of := range columns {
				same(load+", "+p.name+", "+name, rows[p.name][name], middle(trials, of))
			}
			panel := strconv.Itoa(n)
			bar := drawn["throughput"+panel][p.name][0]
			same("throughput, "+p.name, bar[0].(float64), middle(trials, rate))
			same("throughput, "+p.name, bar[5].(float64), middle(trials, rate))
			for j, dot := range drawn["order"+panel][p.name] {
				same("order, "+p.name, dot[1].(float64), rate(&trials[j]))
			}
			end := 0.0
			for _, part := range drawn["cpu"+panel][p.name] {
				if part[2].(string) != "" && !strings.HasPrefix(part[2].(string), "client") {
					end = part[5].(float64)
				}
			}
			same("cpu, "+p.name, end, middle(trials, columns["server CPU ns/msg"]))
		}
	}
	if want := 2 * 4 * (len(columns) + 3 + 6); checked != want {
		t.Errorf("%d figures were compared, not %d", checked, want)
	}
}
