package compare

import (
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

const (
	// Submissions are entries that io_uring was given, a message: what a lost
	// multishot receive shows in, which costs no call more.
	Submissions Metric = "submissions"
	// Copies are calls that copy bytes between kernel and program, a message: what a
	// splice that was lost shows in, which made more calls. They are of loops that make
	// such calls, which io_uring's does not.
	Copies Metric = "copies"
)

// Counter reports whether m counts what a program does, which may be exact.
func (m Metric) Counter() bool {
	return slices.ContainsFunc(measures, func(x measure) bool { return x.metric == m && x.counter })
}

// submissionsPerMessage is of io_uring alone.
func submissionsPerMessage(t *result.Trial) float64 {
	if t.Counters["submissions"] == 0 {
		return math.NaN()
	}
	return perMessage(t, t.Counters["submissions"])
}

func copiesPerMessage(t *result.Trial) float64 {
	if t.Counters["submissions"] > 0 {
		return math.NaN()
	}
	return perMessage(t, t.Counters["sys_recv"]+t.Counters["sys_send"])
}

// perMessage divides what a server has counted by the messages of that time, which its
// calls tell.
func perMessage(t *result.Trial, n uint64) float64 {
	var calls uint64
	for name, n := range t.Counters {
		if strings.HasPrefix(name, "sys_") {
			calls += n
		}
	}
	if t.CountedSyscalls == nil || calls == 0 {
		return math.NaN()
	}
	return float64(n) / float64(calls) * *t.CountedSyscalls
}
