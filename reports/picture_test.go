package reports

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
)

// keep is where pictures are left to be looked at.
var keep = os.Getenv("RINGBENCH_KEEP_PLOTS")

// Pictures are written for what a set has data for, under names that are known
// before, and the same whenever they are made. That of an earlier result goes.
func TestPictures(t *testing.T) {
	for name, want := range map[string]struct {
		set *result.Set
		ids []string
	}{
		"comparison": {newSet(5, 1, 64), []string{"throughput", "latency", "cpu", "order", "effects-cpu", "effects-throughput"}},
		"ablation":   {newAblation(), []string{"effects-cpu", "effects-throughput"}},
		"search":     {newSearch(), []string{"knee", "tail", "cpu-by-rate"}},
		"empty":      {&result.Set{}, nil},
	} {
		for kind, write := range map[string]func(string, *result.Set) error{"png": PNG, "svg": SVG} {
			if kind == "png" && name != "ablation" && name != "empty" { // which take the least time
				continue
			}
			dir := filepath.Join(t.TempDir(), "made", name)
			if keep != "" {
				dir = filepath.Join(keep, name)
			}
			var first map[string][]byte
			for range 2 {
				if err := write(dir, want.set); err != nil {
					t.Fatal(err)
				}
				got := map[string][]byte{}
				paths, _ := filepath.Glob(filepath.Join(dir, "*."+kind))
				for _, path := range paths {
					b, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					got[filepath.Base(path)] = b
				}
				for _, id := range want.ids {
					file := id + "." + kind
					if got[file] == nil || !slices.Contains(slices.Concat(PNGFiles, SVGFiles), file) {
						t.Errorf("%s: no %s, or not under a known name", name, file)
					}
					if first != nil && !bytes.Equal(first[file], got[file]) {
						t.Errorf("%s: %s is not the same when made again", name, file)
					}
				}
				if len(got) != len(want.ids) {
					t.Errorf("%s: %d files, want %v", name, len(got), want.ids)
				}
				if first == nil {
					if err := os.WriteFile(filepath.Join(dir, "heat."+kind), nil, 0o666); err != nil {
						t.Fatal(err)
					}
				}
				first = got
			}
		}
	}
}

// newSweep is uring and epoll at three rates, of which the last is more than they
// answer, with all that a trial of an open loop has. One trial was disturbed.
func newSweep() *result.Set {
	s := newSet(0)
	for _, rate := range []float64{1e4, 1e5, 2e5} {
		for i, p := range profiles[:2] {
			load := result.Load{Workload: "echo", Network: "tcp", Conns: 64, Size: 64, Pipeline: 1, Rate: rate}
			s.Plan.Cells = append(s.Plan.Cells, result.Cell{Contestant: p.name, Backend: p.backend, Load: load, Loops: 1})
			for block := range 3 {
				p := profiles[i]
				p.rate, p.p50 = min(rate, p.rate), p.p50*(1+rate/1e5)
				t := newTrial(p, 64, block)
				response, late := newHistogram(p.p50*2, 10_000), newHistogram(60e3, 2000)
				t.Cell, t.Block, t.Order, t.Response = len(s.Plan.Cells)-1, block, len(s.Trials), &response
				t.Hiccups = &result.Hiccups{EverySeconds: 0.001, Server: &late}
				t.Client.SpinSeconds = t.Client.CPUSeconds / 4
				t.Server.Helpers = []result.Helper{{Name: "iou-wrk", Threads: 1, CPUSeconds: t.Server.CPUSeconds / 10}}
				t.Series = &result.Series{IntervalSeconds: 0.25, WarmUp: 2, Counts: []uint64{10, 20, 25, 25, 24, 26}}
				if block == 2 && i == 1 {
					t.Disturbed = "others took 9 %"
				}
				s.Trials = append(s.Trials, t)
			}
		}
	}
	return s
}

// newGrid is uring and epoll under all of two numbers of connections and two sizes.
func newGrid() *result.Set {
	s := newSet(6, 1, 64, 1, 64)
	for i := range s.Plan.Cells {
		s.Plan.Cells[i].Size = []int{64, 4096}[i/2/len(profiles)]
	}
	for i := range s.Trials { // under one load epoll takes less
		if t := &s.Trials[i]; t.Cell == 0 {
			t.Server.CPUSeconds *= 1.6
		}
	}
	return s
}

// What charts show is what the sets say, whose figures can be had by hand.
func TestChartsGolden(t *testing.T) {
	var b strings.Builder
	for _, of := range []struct {
		name string
		set  *result.Set
		ids  []string
	}{
		{"comparison", newSet(5, 1, 64), []string{throughputID, latencyID, cpuID, orderID, cpuEffects}},
		{"sweep", newSweep(), []string{kneeID, tailID, cpuByRateID, latencyID, cpuID, seriesID, orderID}},
		{"grid", newGrid(), []string{heatID, cpuEffects}},
		{"ablation", newAblation(), []string{cpuEffects, throughputEffects}},
	} {
		charts := Charts(of.set)
		for _, id := range of.ids {
			i := slices.IndexFunc(charts, func(c chart.Chart) bool { return c.ID == id })
			if i < 0 {
				t.Fatalf("%s: no %s", of.name, id)
			}
			fmt.Fprintf(&b, "%s, %s\n", of.name, chartText(charts[i]))
		}
	}
	golden(t, "charts.txt", b.String())
}

func TestPNGRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := PNG(file, newSet(1, 64)); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--png") {
		t.Errorf("error %v", err)
	}
}

// chartText is a chart as text that can be read: of many panels the first and the
// last, of long lines the first points.
func chartText(c chart.Chart) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n  %s\n", c.ID, c.Title, c.Subtitle)
	for i, p := range c.Panels {
		if i > 0 && i < len(c.Panels)-1 {
			continue
		}
		fmt.Fprintf(&b, "  panel %q: x %s, y %s\n", p.Title, axisText(p.X), axisText(p.Y))
		for _, s := range p.Spans {
			fmt.Fprintf(&b, "    span %q %s to %s\n", s.Name, plain(s.From), plain(s.To))
		}
		for _, s := range p.Series {
			fmt.Fprintf(&b, "    %s %q %q, %d points:", s.Kind, s.Name, s.Part, len(s.Points))
			for _, pt := range s.Points[:min(len(s.Points), 6)] {
				b.WriteString(" " + pointText(pt))
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func axisText(a chart.Axis) string {
	text := fmt.Sprintf("%s %q", a.Scale, a.Label)
	if a.Names != nil {
		text += fmt.Sprintf(" %q", a.Names)
	}
	if a.From != a.To {
		text += " " + plain(a.From) + " to " + plain(a.To)
	}
	return text
}

func pointText(p chart.Point) string {
	text := plain(p.X) + "," + plain(p.Y)
	if p.Lo != 0 || p.Hi != 0 {
		text += "[" + plain(p.Lo) + ";" + plain(p.Hi) + "]"
	}
	if p.Value != 0 {
		text += "=" + plain(p.Value)
	}
	if p.Label != "" {
		text += fmt.Sprintf("%q", p.Label)
	}
	if p.Faint {
		text += "~"
	}
	return text
}

func plain(x float64) string {
	if math.IsNaN(x) {
		return "?"
	}
	return fmt.Sprintf("%.5g", x)
}
