package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// Schema names the form of an entry.
const Schema = "ringbench.history/1"

// An Entry is what one result said.
type Entry struct {
	Schema string            `json:"schema"`
	Time   time.Time         `json:"time"`             // when the run started
	Commit string            `json:"commit,omitempty"` // of what was measured
	Labels map[string]string `json:"labels,omitempty"`
	// Conditions are those that figures must share to be compared: of a result,
	// result.Conditions.
	Conditions map[string]string `json:"conditions"`
	Cells      []Cell            `json:"cells"`

	id string
}

// A Cell is a contestant under a load, both in words.
type Cell struct {
	Contestant string   `json:"contestant"`
	Load       string   `json:"load"`
	Figures    []Figure `json:"figures"`
}

// A Figure is a metric's median over trials with its interval, as stat.Median has it.
type Figure struct {
	Metric string  `json:"metric"`
	Unit   string  `json:"unit,omitempty"`
	More   bool    `json:"more_is_better,omitempty"`
	Median float64 `json:"median"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	N      int     `json:"n"`
	Range  bool    `json:"range,omitempty"` // Lo and Hi are the least and the greatest
}

// ID follows from all that is in the entry.
func (e *Entry) ID() string {
	if e.id == "" {
		_, _ = e.line()
	}
	return e.id
}

// line is the entry as it is stored. To marshal what has no infinite number fails not.
func (e *Entry) line() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	e.id = digest(b)
	return append(b, '\n'), nil
}

// Environment is the same for two entries if and only if their conditions are.
func (e *Entry) Environment() string {
	b, _ := json.Marshal(e.Conditions) // with sorted keys; strings do not fail
	return digest(b)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// New is the entry of a result. A cell of which no trial counts is left out, as is one
// that is there only for comparison with its like.
func New(s *result.Set, commit string, labels map[string]string) (*Entry, error) {
	e := &Entry{Schema: Schema, Time: s.Started.UTC(), Commit: commit, Labels: maps.Clone(labels), Conditions: s.Conditions()}
	x := s.Index()
	for i := range s.Plan.Cells {
		if x.Again(i) {
			continue
		}
		if figures := figuresOf(x.Valid(i)); len(figures) > 0 {
			e.Cells = append(e.Cells, Cell{x.Name(i), loadOf(s.Plan.Cells[i]), figures})
		}
	}
	if len(e.Cells) == 0 {
		return nil, fmt.Errorf("no trial of it counts, so there is nothing to keep")
	}
	return e, nil
}

func loadOf(c result.Cell) string {
	s := c.Workload + ": " + c.Load.String()
	if c.Loops > 1 {
		s += fmt.Sprintf(", %d loops", c.Loops)
	}
	if c.Workers > 0 {
		s += fmt.Sprintf(", %d workers", c.Workers)
	}
	return s
}

// A metric is a figure of each trial, by the name that package compare gives it.
type metric struct {
	name, unit string
	more       bool
	of         func(*result.Trial) float64
}

var metrics = []metric{
	{"cpu", "ns", false, (*result.Trial).ServerCPUPerMessage},
	{"throughput", "1/s", true, (*result.Trial).PerSecond},
	{"p50", "ns", false, percentile(50)},
	{"p99", "ns", false, percentile(99)},
	{"p99.9", "ns", false, percentile(99.9)},
	{"syscalls", "", false, (*result.Trial).SyscallsPerMessage},
	{"rss", "B", false, func(t *result.Trial) float64 {
		if t.Server == nil || t.Server.PeakRSS == 0 {
			return nan
		}
		return float64(t.Server.PeakRSS)
	}},
}

func percentile(p float64) func(*result.Trial) float64 {
	return func(t *result.Trial) float64 {
		if h := t.Latency(); h.Supports(p) {
			return float64(h.ValueAtPercentile(p))
		}
		return nan
	}
}

func figuresOf(trials []*result.Trial) (figures []Figure) {
	for _, m := range metrics {
		var values []float64
		for _, t := range trials {
			values = append(values, m.of(t))
		}
		if f, ok := figure(m.name, m.unit, m.more, values); ok {
			figures = append(figures, f)
		}
	}
	return figures
}

func figure(name, unit string, more bool, values []float64) (Figure, bool) {
	iv := stat.Median(values)
	return Figure{name, unit, more, iv.Center, iv.Lo, iv.Hi, iv.N, iv.Range}, iv.N > 0
}

// check holds what a file says to what is assumed of an entry.
func (e *Entry) check() error {
	switch {
	case e.Schema == "":
		return fmt.Errorf("it names no schema")
	case e.Schema != Schema:
		return fmt.Errorf("its schema is %.60q and this ringbench reads %q", e.Schema, Schema)
	case e.Time.IsZero():
		return fmt.Errorf("it has no time")
	}
	return nil
}

// Describe puts labels in one line.
func Describe(labels map[string]string) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, k+"="+labels[k])
	}
	return strings.Join(words, " ")
}
