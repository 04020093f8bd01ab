package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// OpenMetrics prints, for each cell, the median of every metric over the trials
// that count and its interval, and the quantiles of the merged latencies, as
// OpenMetrics 1.0 (https://github.com/prometheus/OpenMetrics), of which it uses only
// what Prometheus's older text format has too.
func OpenMetrics(w io.Writer, s *result.Set) error {
	b := bufio.NewWriter(w)
	family(b, "ringbench_result_info", "gauge", "", "What the figures are of.")
	fmt.Fprintf(b, "ringbench_result_info%s 1\n", labels([][2]string{
		{"schema", s.Schema}, {"version", s.Version}, {"commit", s.Env.Commit}, {"host", s.Env.Host}, {"kernel", s.Env.Kernel},
		{"arch", s.Env.Arch}, {"cpu", s.Env.CPUModel}, {"go", s.Env.GoVersion}, {"client", s.Plan.Client}, {"placement", s.Plan.Placement},
	}))
	family(b, "ringbench_ended_timestamp_seconds", "gauge", "seconds", "When the run ended.")
	fmt.Fprintf(b, "ringbench_ended_timestamp_seconds %s\n", exact(float64(s.Ended.UnixMilli())/1e3))
	family(b, "ringbench_trials", "gauge", "", "Trials that the other figures are of.")
	valid := make([][]*result.Trial, len(s.Plan.Cells))
	of := make([][][2]string, len(valid))
	x := s.Index()
	for cell := range valid {
		valid[cell], of[cell] = x.Valid(cell), cellLabels(s, x, cell)
		fmt.Fprintf(b, "ringbench_trials%s %d\n", labels(of[cell]), len(valid[cell]))
	}
	for _, m := range metrics {
		if strings.HasPrefix(m.name, "latency_") {
			continue // of all trials together, below
		}
		name := "ringbench_" + m.name
		family(b, name, "gauge", baseUnit(m.name), m.doc+" The median over trials, and its 95 % interval, or with fewer than six the least and the greatest.")
		for cell, trials := range valid {
			var values []float64
			for _, t := range trials {
				values = append(values, m.value(s, t))
			}
			iv := stat.Median(values)
			for _, x := range []struct {
				what  string
				value float64
			}{{"median", iv.Center}, {"low", iv.Lo}, {"high", iv.Hi}} {
				if text := exact(x.value); text != "" && iv.N > 0 {
					fmt.Fprintf(b, "%s%s %s\n", name, labels(append(of[cell], [2]string{"value", x.what})), text)
				}
			}
		}
	}
	latencySummary(b, valid, of)
	fmt.Fprintln(b, "# EOF")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}

func latencySummary(w io.Writer, valid [][]*result.Trial, of [][][2]string) {
	const name = "ringbench_latency_seconds"
	family(w, name, "summary", "seconds", "Latency over all trials: in an open loop of the response, from when it was due, else of the service.")
	for cell, trials := range valid {
		r := row{trials: trials}
		r.mergeLatency()
		n := r.latency.TotalCount()
		if n == 0 {
			continue
		}
		for _, p := range percentiles {
			if r.latency.Supports(p) {
				quantile := strconv.FormatFloat(math.Round(p*1e4)/1e6, 'g', -1, 64)
				fmt.Fprintf(w, "%s%s %s\n", name, labels(append(of[cell], [2]string{"quantile", quantile})), exact(float64(r.latency.ValueAtPercentile(p))/1e9))
			}
		}
		fmt.Fprintf(w, "%s_sum%s %s\n", name, labels(of[cell]), exact(r.latency.Mean()*float64(n)/1e9))
		fmt.Fprintf(w, "%s_count%s %d\n", name, labels(of[cell]), n)
	}
}

// family begins the samples of one name. A unit, where there is one, is the name's
// last word, as OpenMetrics demands.
func family(w io.Writer, name, kind, unit, help string) {
	fmt.Fprintf(w, "# TYPE %s %s\n", name, kind)
	if unit != "" {
		fmt.Fprintf(w, "# UNIT %s %s\n", name, unit)
	}
	fmt.Fprintf(w, "# HELP %s %s\n", name, escaped.Replace(help))
}

func baseUnit(name string) string {
	for _, unit := range []string{"seconds", "bytes"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return ""
}

// cellLabels tell a cell from all others.
func cellLabels(s *result.Set, x *result.Index, cell int) [][2]string {
	c := s.Plan.Cells[cell]
	list := [][2]string{{"contestant", x.Name(cell)}, {"backend", c.Backend}, {"workload", c.Workload}}
	for _, f := range loadFields {
		list = append(list, [2]string{f.name, f.of(c.Load)})
	}
	return list[:len(list):len(list)]
}

// labels prints those that are not empty, which to Prometheus are the same as none.
func labels(list [][2]string) string {
	var parts []string
	for _, l := range list {
		if l[1] != "" {
			parts = append(parts, l[0]+`="`+escaped.Replace(strings.ToValidUTF8(l[1], "\uFFFD"))+`"`)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
