package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/page"
)

// environmentTable is where and how it was measured.
func environmentTable(s *result.Set) page.Table {
	t := page.Table{Header: []string{"condition", "value"}}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, page.Row{Name: name, Cells: []page.Cell{{Text: value, Sort: math.NaN()}}})
		}
	}
	e, p := s.Env, s.Plan
	add("host", e.Host)
	add("kernel", strings.TrimSpace("Linux "+e.Kernel+" "+e.Arch))
	add("CPUs", strings.TrimSpace(fmt.Sprintf("%d %s", e.CPUs, e.CPUModel)))
	add("memory", fmt.Sprintf("%.1f GiB", float64(e.MemoryBytes)/(1<<30)))
	add("CPU accounting", e.Accounting)
	add("autogroup", fmt.Sprint(e.Autogroup))
	add("mitigations", strings.Join(e.Mitigations, "; "))
	add("kernel command line", e.Cmdline)
	for _, name := range slices.Sorted(maps.Keys(e.Facts)) {
		add(strings.ReplaceAll(name, "_", " "), e.Facts[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.Sysctls)) {
		add(name, e.Sysctls[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.KernelConfig)) {
		add("CONFIG_"+strings.TrimPrefix(name, "CONFIG_"), e.KernelConfig[name])
	}
	add("ringbench", strings.TrimSpace(s.Version+" "+e.Commit)+", "+e.GoVersion)
	add("plan", fmt.Sprintf("%s trials of each cell in random order, seed %d; %.10g s of warm-up, %.10g s measured", stat.Count(p.Trials), p.Seed, p.WarmupSeconds, p.DurationSeconds))
	add("started", s.Started.UTC().Format(time.RFC3339))
	add("ended", s.Ended.UTC().Format(time.RFC3339))
	return t
}

// shellCommand quotes where a shell needs it, so that the line can be pasted.
func shellCommand(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		plain := a != "" && strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%") == ""
		if !plain {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
