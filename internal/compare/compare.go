package compare

import (
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// A Comparison is of all that base and head have in common.
type Comparison struct {
	Base, Head Side
	// Differences are of the conditions, the gravest first.
	Differences []result.Difference
	Findings    []Finding // the most relevant first
	// Unmatched are cells that the other side does not have.
	Unmatched []Unmatched
	Warnings  []string
}

// A Side is where the trials of one side come from.
type Side struct {
	Name   string // of the file, the command or the revision
	Commit string
}

// An Unmatched is a cell of one side alone.
type Unmatched struct {
	Side       string // "base" or "head"
	Contestant string
	Load       result.Load
}

// A Metric is what is compared, by its name in rules and in exports.
type Metric string

const (
	CPU        Metric = "cpu"        // server CPU a message, ns
	Throughput Metric = "throughput" // messages/s
	P50        Metric = "p50"        // ns; of the response time where there is one
	P99        Metric = "p99"
	P999       Metric = "p99.9"
	Syscalls   Metric = "syscalls"    // a message
	Allocs     Metric = "allocations" // a message
	CQEs       Metric = "cqes"        // an io_uring_enter
	RSS        Metric = "rss"         // bytes
)

// A Finding is one metric of one contestant under one load.
type Finding struct {
	Contestant string
	Load       result.Load
	Metric     Metric
	// Lower says that less is better.
	Lower      bool
	Base, Head stat.Interval
	// Effect is head/base: of pairs that were measured together or in the same
	// block if Paired, else of two samples taken apart, which is wider.
	Effect stat.Effect
	Paired bool
	// Exact: a counter that is the same whenever the program is, compared as it
	// stands; then there is no noise to heed.
	Exact   bool
	Floor   float64 // of the noise of this very session, as a fraction; 0 if there is no A/A
	Q       float64 // of Benjamini and Hochberg over all findings; NaN if Exact or not known
	Verdict Verdict
	Why     string // of an inconclusive verdict
	// Detectable is the least change that would have been found, as a fraction.
	Detectable float64
	// More is how many more trials would settle it; 0 if it is settled or if no
	// number would.
	More int
}

// A Verdict is on head, as against base.
type Verdict int

const (
	Inconclusive Verdict = iota
	NoDifference         // within the threshold
	Improvement
	Regression
)

func (v Verdict) String() string {
	return [...]string{"inconclusive", "no difference", "improvement", "regression"}[v]
}
