package reports

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/ringbench/ringbench/internal/result"
)

// A metric is a figure of a trial as exports name it: in base units, an op being
// what the load is counted in.
type metric struct {
	name   string // in CSV and OpenMetrics, its unit last
	bench  string // its unit in Go's benchmark format
	higher bool   // is better
	doc    string
	of     func(*result.Trial) float64 // NaN: not measured
}

// value is the metric of one trial, NaN where it has none: a void one, or the
// machine's CPU where that worked for two contestants.
func (m metric) value(s *result.Set, t *result.Trial) float64 {
	if t.Void != "" || s.Plan.Duet && m.name == machineCPU {
		return math.NaN()
	}
	return m.of(t)
}

const machineCPU = "machine_cpu_per_op_seconds"

var metrics = []metric{
	{"ops_per_second", "op/s", true, "Throughput: ops that were answered and verified.", (*result.Trial).PerSecond},
	{"server_cpu_per_op_seconds", "server-cpu-sec/op", false, "CPU of the server, its helper threads included.", seconds((*result.Trial).ServerCPUPerMessage)},
	{"client_cpu_per_op_seconds", "client-cpu-sec/op", false, "CPU of the load generator, without what it spun.", seconds((*result.Trial).ClientCPUPerMessage)},
	{machineCPU, "machine-cpu-sec/op", false, "CPU of the whole machine.", seconds((*result.Trial).MachineCPUPerMessage)},
	{"latency_p50_seconds", "p50-sec", false, "Median latency: in an open loop of the response, from when it was due, else of the service.", latencyAt(50)},
	{"latency_p90_seconds", "p90-sec", false, "90th percentile of the latency.", latencyAt(90)},
	{"latency_p99_seconds", "p99-sec", false, "99th percentile of the latency.", latencyAt(99)},
	{"latency_p99_9_seconds", "p99.9-sec", false, "99.9th percentile of the latency.", latencyAt(99.9)},
	{"latency_p99_99_seconds", "p99.99-sec", false, "99.99th percentile of the latency.", latencyAt(99.99)},
	{"syscalls_per_op", "syscalls/op", false, "System calls of the server.", (*result.Trial).SyscallsPerMessage},
	{"context_switches_per_op", "switches/op", false, "Context switches of the server.", (*result.Trial).SwitchesPerMessage},
	{"server_peak_rss_bytes", "peak-RSS-B", false, "Most memory that the server had resident.", ofServer(func(p *result.Process) float64 { return float64(p.PeakRSS) })},
}

// seconds is a figure that is in nanoseconds.
func seconds(of func(*result.Trial) float64) func(*result.Trial) float64 {
	return func(t *result.Trial) float64 { return of(t) / 1e9 }
}

// latencyAt is a percentile of one trial, where the count supports it.
func latencyAt(p float64) func(*result.Trial) float64 {
	return func(t *result.Trial) float64 {
		h := t.Latency()
		if !h.Supports(p) {
			return math.NaN()
		}
		return float64(h.ValueAtPercentile(p)) / 1e9
	}
}

// exact prints x so that it can be read back, "" for what was not measured.
func exact(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return ""
	case x == math.Trunc(x) && math.Abs(x) < 1e15:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// A loadField is one thing that a load may ask for.
type loadField struct {
	name  string // as in the result file
	short string // in the name of a benchmark: the option's
	of    func(result.Load) string
}

var loadFields = []loadField{
	{"network", "network", func(l result.Load) string { return l.Network }},
	{"operation", "op", func(l result.Load) string { return l.Op }},
	{"pattern", "pattern", func(l result.Load) string { return l.Pattern }},
	{"mode", "mode", func(l result.Load) string { return l.Mode }},
	{"direction", "direction", func(l result.Load) string { return l.Direction }},
	{"protocol", "protocol", func(l result.Load) string { return l.Protocol }},
	{"connections", "conns", func(l result.Load) string { return counted(l.Conns) }},
	{"message_bytes", "size", func(l result.Load) string { return counted(l.Size) }},
	{"message_sizes", "sizes", func(l result.Load) string { return l.Sizes }},
	{"pipeline", "pipeline", func(l result.Load) string { return counted(l.Pipeline) }},
	{"requests_per_connection", "requests-per-conn", func(l result.Load) string { return counted(l.Requests) }},
	{"idle_connections", "idle-conns", func(l result.Load) string { return counted(l.Idle) }},
	{"depth", "depth", func(l result.Load) string { return counted(l.Depth) }},
	{"direct", "direct", func(l result.Load) string { return trueText(l.Direct) }},
	{"cache", "cache", func(l result.Load) string { return l.Cache }},
	{"file_bytes", "file-size", func(l result.Load) string { return counted(int(l.FileBytes)) }},
	{"file", "file", func(l result.Load) string { return l.File }},
	{"buffer_bytes", "buffer", func(l result.Load) string { return counted(l.Buffer) }},
	{"offered_per_second", "rate", func(l result.Load) string {
		if l.Rate == 0 {
			return ""
		}
		return exact(l.Rate)
	}},
	{"arrivals", "arrivals", func(l result.Load) string { return l.Arrivals }},
}

func counted(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func trueText(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// benchmark names a cell as Go names benchmarks: by what it runs, then by its parts
// with the contestant as backend.
func benchmark(s *result.Set, x *result.Index, cell int) string {
	c := s.Plan.Cells[cell]
	parts := []string{title(c.Workload), "backend=" + token(x.Name(cell))}
	for _, f := range loadFields {
		if v := f.of(c.Load); v != "" {
			parts = append(parts, f.short+"="+token(v))
		}
	}
	return strings.Join(parts, "/")
}

// token is text from outside as a part of such a name.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, s)
}

// title is a workload's name as that of a benchmark, which begins with a capital.
func title(workload string) string {
	if workload == "" || workload[0] < 'a' || workload[0] > 'z' {
		return "Load" + token(workload)
	}
	return strings.ToUpper(workload[:1]) + token(workload[1:])
}
