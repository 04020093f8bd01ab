package reports

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// csvColumns are those that come before the load's and the metrics.
var csvColumns = []struct {
	name string
	of   func(s *result.Set, t *result.Trial) string
}{
	{"started", func(_ *result.Set, t *result.Trial) string { return t.Started.UTC().Format(time.RFC3339Nano) }},
	{"session", func(_ *result.Set, t *result.Trial) string { return strconv.Itoa(t.Session) }},
	{"block", func(_ *result.Set, t *result.Trial) string { return strconv.Itoa(t.Block) }},
	{"order", func(_ *result.Set, t *result.Trial) string { return strconv.Itoa(t.Order) }},
	{"pair", func(_ *result.Set, t *result.Trial) string { return counted(t.Pair) }},
	{"backend", func(s *result.Set, t *result.Trial) string { return s.Plan.Cells[t.Cell].Backend }},
	{"workload", func(s *result.Set, t *result.Trial) string { return s.Plan.Cells[t.Cell].Workload }},
	{"unit", func(s *result.Set, t *result.Trial) string { return s.Plan.Cells[t.Cell].Unit().One }},
	{"void", func(_ *result.Set, t *result.Trial) string { return t.Void }},
	{"disturbed", func(_ *result.Set, t *result.Trial) string { return t.Disturbed }},
	{"verdict", func(_ *result.Set, t *result.Trial) string { return t.Verdict }},
	{"window_seconds", measured(func(_ *result.Set, t *result.Trial) float64 { return t.Seconds })},
	{"ops", measured(func(_ *result.Set, t *result.Trial) float64 { return float64(t.Messages) })},
	{"verified_bytes", measured(func(_ *result.Set, t *result.Trial) float64 { return float64(t.Bytes) })},
	{"lost_ops", measured(func(_ *result.Set, t *result.Trial) float64 { return float64(t.Lost) })},
	{"server_user_share", measured(func(_ *result.Set, t *result.Trial) float64 {
		return ofServer(func(p *result.Process) float64 { return p.UserShare })(t)
	})},
	{"server_threads", measured(func(_ *result.Set, t *result.Trial) float64 {
		return ofServer(func(p *result.Process) float64 { return float64(p.Threads) })(t)
	})},
	{"steal_share", measured(func(s *result.Set, t *result.Trial) float64 { return t.StealShare(s.Env.CPUs) })},
	{"other_share", measured(func(s *result.Set, t *result.Trial) float64 { return t.OtherShare(s.Env.CPUs) })},
}

// measured is a figure that a void trial has not.
func measured(of func(*result.Set, *result.Trial) float64) func(*result.Set, *result.Trial) string {
	return func(s *result.Set, t *result.Trial) string {
		if t.Void != "" {
			return ""
		}
		return exact(of(s, t))
	}
}

// CSV prints one line a trial, void ones too, with the same columns whatever was
// run. Names end in the base unit; ops are counted in what the column unit says. What
// was not measured is empty. The last column, counts, says whether the statistics
// take the trial.
func CSV(w io.Writer, s *result.Set) error {
	c := csv.NewWriter(w)
	header := []string{"contestant"}
	for _, col := range csvColumns {
		header = append(header, col.name)
	}
	for _, f := range loadFields {
		header = append(header, f.name)
	}
	for _, m := range metrics {
		header = append(header, m.name)
	}
	lines := [][]string{append(header, "counts")}
	x := s.Index()
	for i := range s.Trials {
		t := &s.Trials[i]
		line := []string{x.Name(t.Cell)}
		for _, col := range csvColumns {
			line = append(line, col.of(s, t))
		}
		for _, f := range loadFields {
			line = append(line, f.of(s.Plan.Cells[t.Cell].Load))
		}
		for _, m := range metrics {
			line = append(line, exact(m.value(s, t)))
		}
		lines = append(lines, append(line, strconv.FormatBool(slices.Contains(x.Valid(t.Cell), t))))
	}
	if err := c.WriteAll(lines); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
