package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/page"
)

const fairnessHow = "What each contestant really did for one and the same work. Where these differ by more than the kernel's interface asks for, such as in threads or buffers, the comparison is of that as well. " +
	"Buffers are those that each loop has, or each thread that serves one connection. " +
	"Batching is completions that were reaped, or system calls that were saved, by one wait; counters are given where they are not zero."

// fairnessTables have a row for each contestant, a table for each load.
func fairnessTables(all []view) []page.Table {
	all = slices.DeleteFunc(slices.Clone(all), func(v view) bool { return !v.measured() })
	return firstTables(len(all), "loads that were measured", func(i int) []page.Table {
		v := all[i]
		each := "/" + v.load.Unit().Short
		t := page.Table{Title: v.load.String(), Header: []string{
			"contestant", "threads", "buffers each", "syscalls" + each, "waits" + each, "completions a wait", "switches" + each, "run-queue wait s/s", "effective features", "counters" + each,
		}}
		for _, r := range v.rows {
			if len(r.trials) > 0 {
				t.Rows = append(t.Rows, r.fairness())
			}
		}
		return []page.Table{t}
	})
}

func (r row) fairness() page.Row {
	row := page.Row{Name: r.name}
	for _, of := range []func(*result.Trial) float64{
		ofServer(func(p *result.Process) float64 { return float64(p.Threads) }),
		(*result.Trial).SyscallsPerMessage, r.counted("sys_wait"), completionsAWait,
		(*result.Trial).SwitchesPerMessage, (*result.Trial).RunQueueWaitShare,
	} {
		iv := r.median(of)
		row.Cells = append(row.Cells, page.Cell{Text: figure(iv.Center), Sort: iv.Center})
	}
	row.Cells[0].Text = whole(row.Cells[0].Sort)
	row.Cells = slices.Insert(row.Cells, 1, r.buffers())
	row.Cells = append(row.Cells, words(r.featureText()), words(r.counterText()))
	return row
}

// buffers are sorted by how much memory they are.
func (r row) buffers() page.Cell {
	if b := r.trials[0].Buffers; b != nil {
		return page.Cell{Text: fmt.Sprintf("%s × %s B", whole(float64(b.Count)), whole(float64(b.Bytes))), Sort: float64(b.Count) * float64(b.Bytes)}
	}
	return words("")
}

func words(text string) page.Cell { return page.Cell{Text: or(text, none), Sort: math.NaN()} }

// counted is a counter of the server's for each message that its counters saw.
func (r row) counted(name string) func(*result.Trial) float64 {
	moved := "bytes_in"
	if r.cell.Sent() {
		moved = "bytes_out"
	}
	return func(t *result.Trial) float64 {
		n, ok := t.Counters[name]
		bytes := float64(t.Counters[moved])
		if !ok || bytes == 0 {
			return math.NaN()
		}
		return float64(n) / (bytes / r.cell.CountedBytes())
	}
}

func completionsAWait(t *result.Trial) float64 {
	waits, completions := t.Counters["sys_wait"], t.Counters["completions"]
	if waits == 0 || completions == 0 {
		return math.NaN()
	}
	return float64(completions) / float64(waits)
}

// featureText is what the trials had in force; where they differ, all.
func (r row) featureText() string {
	var list []string
	for _, t := range r.trials {
		parts := slices.Clone(t.Features)
		if t.Tier != "" {
			parts = append([]string{"tier " + t.Tier}, parts...)
		}
		if t.DescriptorTable != "" {
			parts = append(parts, "descriptor table "+t.DescriptorTable)
		}
		if line := strings.Join(parts, ", "); line != "" && !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return strings.Join(list, " | ")
}

// shownElsewhere are the counters that other columns show, or that the load decides.
var shownElsewhere = []string{"bytes_in", "bytes_out", "sys_wait", "completions"}

func (r row) counterText() string {
	names := map[string]bool{}
	for _, t := range r.trials {
		for name, n := range t.Counters {
			if n > 0 && !slices.Contains(shownElsewhere, name) {
				names[name] = true
			}
		}
	}
	var parts []string
	for name := range names {
		if iv := r.median(r.counted(name)); iv.Center > 0 {
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+" "+figure(iv.Center))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
