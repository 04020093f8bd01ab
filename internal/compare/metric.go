package compare

import (
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
)

// A Metric is what is compared, by its name in rules and in exports.
type Metric string

const (
	CPU        Metric = "cpu"        // server CPU a message, ns
	Throughput Metric = "throughput" // messages/s
	P50        Metric = "p50"        // ns; of the response time where there is one
	P99        Metric = "p99"
	P999       Metric = "p99.9"
	Syscalls   Metric = "syscalls" // a message
	CQEs       Metric = "cqes"     // an io_uring_enter
	RSS        Metric = "rss"      // bytes
)

// A measure is how a metric is had of trials.
type measure struct {
	metric  Metric
	lower   bool
	counter bool    // that may be exact
	q       float64 // of a quantile of the latency; else of is set
	of      func(*result.Trial) float64
}

var measures = []measure{
	{metric: CPU, lower: true, of: (*result.Trial).ServerCPUPerMessage},
	{metric: Throughput, of: (*result.Trial).PerSecond},
	{metric: P50, lower: true, q: 0.5},
	{metric: P99, lower: true, q: 0.99},
	{metric: P999, lower: true, q: 0.999},
	{metric: Syscalls, lower: true, counter: true, of: (*result.Trial).SyscallsPerMessage},
	{metric: CQEs, counter: true, of: completionsPerEnter},
	{metric: Submissions, lower: true, counter: true, of: submissionsPerMessage},
	{metric: Copies, lower: true, counter: true, of: copiesPerMessage},
	{metric: Allocations, lower: true, counter: true, of: allocationsPerMessage},
	{metric: RSS, lower: true, of: peakRSS},
}

// Metrics are all that are compared.
func Metrics() (list []Metric) {
	for _, m := range measures {
		list = append(list, m.metric)
	}
	return list
}

// Known reports whether there is a metric of this name.
func (m Metric) Known() bool { return slices.Contains(Metrics(), m) }

// Words say what m is, of a load counted in this unit.
func (m Metric) Words(unit string) string {
	switch m {
	case CPU:
		return "CPU a " + unit
	case Syscalls:
		return "system calls a " + unit
	case CQEs:
		return "completions an enter"
	case Submissions:
		return "entries submitted a " + unit
	case Copies:
		return "calls that copy a " + unit
	case Allocations:
		return "allocations a " + unit
	case RSS:
		return "peak memory"
	}
	return string(m)
}

// completionsPerEnter is of io_uring alone: what epoll's loop counts as completions
// is readiness.
func completionsPerEnter(t *result.Trial) float64 {
	enters := t.Counters["sys_wait"]
	if t.Counters["submissions"] == 0 || enters == 0 {
		return math.NaN()
	}
	return float64(t.Counters["completions"]) / float64(enters)
}

func peakRSS(t *result.Trial) float64 {
	if t.Server == nil || t.Server.PeakRSS == 0 {
		return math.NaN()
	}
	return float64(t.Server.PeakRSS)
}

// counted reports whether every trial has the server's own count of its calls.
func counted(trials ...[]*result.Trial) bool {
	for _, t := range slices.Concat(trials...) {
		if t.CountedSyscalls == nil {
			return false
		}
	}
	return true
}

// countedSyscalls are without what an audit found beside them, which varies.
func countedSyscalls(t *result.Trial) float64 {
	if t.CountedSyscalls == nil {
		return math.NaN()
	}
	return *t.CountedSyscalls
}
