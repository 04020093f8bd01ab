package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// A tableWalker derives the rows of the tables of a section that have a column.
type tableWalker struct {
	name, column string
	section      map[string]bool
	rows         func(*walked, shownTable) []wantRow
}

func in(sections ...string) map[string]bool {
	set := map[string]bool{}
	for _, s := range sections {
		set[s] = true
	}
	return set
}

var tableWalkers = []tableWalker{
	{"search", "sustained/s", in("summary"), walkFound},
	{"rates tried", "offered/s", in("summary"), walkTried},
	{"summary", "contestant", in("summary"), walkSummary},
	{"throughput", "± %", in("figures"), walkThroughput},
	{"idle connections", "idle connections", in("figures"), walkIdle},
	{"costs", "peak RSS MiB", in("figures"), walkCosts},
	{"ratios", "first / second", in("effects"), walkRatios},
	{"calibration", "connections × size", in("calibration"), walkRatios},
	{"ablation", "feature", in("ablation"), walkAblation},
	{"fairness", "threads", in("fairness"), walkFairness},
	{"environment", "condition", in("environment"), walkEnvironment},
}

// quantity is a header without its unit.
func quantity(header string) string {
	name, _, _ := strings.Cut(header, "/")
	return strings.TrimSuffix(name, " ns")
}

func walkSummary(w *walked, t shownTable) (rows []wantRow) {
	cells := w.cells[w.loadOf(t.title)]
	for _, cell := range cells {
		row, of := wantRow{name: w.names[cell]}, raw.rate
		for i, head := range t.header[1:] {
			if strings.HasPrefix(head, "/ ") {
				row.cells = append(row.cells, w.against(cell, cells[0], of))
				continue
			}
			figures := map[string]func(raw) float64{
				"p50 µs": w.percentile(50), "p99 µs": w.percentile(99), "p99.9 µs": w.percentile(99.9), "server CPU": raw.cpu,
				"user": func(t raw) float64 { return t.cpu() * t.Server.UserShare }, "kernel": func(t raw) float64 { return t.cpu()*(1-t.Server.UserShare) - t.helpers("") },
				"helper threads": func(t raw) float64 { return t.helpers("") }, "client": raw.client, "machine": raw.machine, "syscalls": raw.syscalls, "peak RSS MiB": raw.mebibytes,
			}
			if of = figures[quantity(head)]; i == 0 {
				of = raw.rate
			}
			if of == nil {
				w.Errorf("%s: nobody knows the column %s", w.page, head)
				return nil
			}
			m := w.middle(cell, of)
			if m.lo == m.hi {
				m.lo, m.hi = math.NaN(), math.NaN()
			}
			row.cells = append(row.cells, nums(m.mid, m.lo, m.hi))
		}
		rows = append(rows, row)
	}
	return rows
}

// against is the ratio of a cell to the base, where they were compared.
func (w *walked) against(cell, base int, of func(raw) float64) want {
	compared := slices.ContainsFunc(w.matches(), func(m result.Match) bool {
		return m.A == cell && m.B == base || m.A == base && m.B == cell
	})
	switch {
	case cell == base:
		return exactly("base")
	case !compared:
		return exactly(none)
	}
	r := w.ratio(cell, base, of)
	return nums(r.mid, r.lo, r.hi)
}

func walkThroughput(w *walked, t shownTable) (rows []wantRow) {
	at := w.loadOf(t.title)
	load := w.loads[at]
	for _, cell := range w.cells[at] {
		n, rate := len(w.counting(cell)), w.middle(cell, raw.rate)
		add := func(name string, times spread, figures map[string]want) {
			row := wantRow{name: name}
			for i, head := range t.header[1:] {
				if text, ok := strings.CutSuffix(head, " µs"); ok {
					p, _ := strconv.ParseFloat(text[1:], 64)
					row.cells = append(row.cells, nums(times.at(p)))
					continue
				}
				if strings.HasPrefix(head, w.set.Plan.Unit().Many+"/s") && i < 2 {
					head = "rate"
				}
				row.cells = append(row.cells, figures[head])
			}
			rows = append(rows, row)
		}
		latency := w.latency(cell)
		add(w.names[cell], latency, map[string]want{
			"rate": nums(rate.mid), "offered/s": nums(w.middle(cell, raw.offered).mid), "± %": nums(rate.half()),
			"requests/s": nums(rate.mid * float64(load.Requests)), "MB/s": nums(rate.mid * unitBytes(load) / 1e6), "trials": nums(float64(n)),
			"steal %": nums(w.middle(cell, w.shareOf(func(m *result.Machine) float64 { return m.StealSeconds })).mid),
			"other %": nums(w.middle(cell, w.shareOf(func(m *result.Machine) float64 { return m.OtherSeconds })).mid), "verdict": w.verdict(cell),
		})
		if s := w.merged(cell, serviceOf); len(s.values) > 0 {
			add("from the send", s, nil)
		}
		if late := w.merged(cell, lateServer); late.at(99) >= latency.at(99)/4 {
			add("server CPUs", late, nil)
		}
		if late := w.merged(cell, lateClient); late.at(99) >= latency.at(99)/4 {
			add("client CPUs", late, nil)
		}
	}
	return rows
}

// unitBytes is what a server receives for a unit, or sends of it.
func unitBytes(l result.Load) float64 {
	if l.Workload == "stream" {
		return float64(l.FileBytes)
	}
	return float64(l.Size * max(1, l.Requests))
}

// shareOf is of all CPUs' time, in percent.
func (w *walked) shareOf(seconds func(*result.Machine) float64) func(raw) float64 {
	return func(t raw) float64 { return seconds(t.Machine) / t.Machine.Seconds / float64(w.set.Env.CPUs) * 100 }
}

// verdict is that of all trials, or the commonest with how many of how many have it.
func (w *walked) verdict(cell int) want {
	count, n := map[string]int{}, 0
	for _, t := range w.counting(cell) {
		count[or(t.Verdict, none)]++
		n++
	}
	best := slices.MinFunc(slices.Collect(maps.Keys(count)), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	if count[best] == n {
		return exactly(best)
	}
	return exactly(fmt.Sprintf("%s %d/%d", best, count[best], n))
}

func walkCosts(w *walked, t shownTable) (rows []wantRow) {
	for _, cell := range w.cells[w.loadOf(t.title)] {
		cpu := func(of func(raw) float64, share, off float64) want { return nums(w.middle(cell, of).mid, share, off) }
		server, serverOff := w.user(cell, func(t raw) *result.Process { return t.Server })
		machine, machineOff := w.machineUser(cell)
		figures := map[string]want{
			"server CPU": cpu(raw.cpu, server, serverOff), "CPU": cpu(raw.cpu, server, serverOff), "client": nums(w.middle(cell, raw.client).mid), "machine": cpu(raw.machine, machine, machineOff),
			"ns": nums(w.middle(cell, func(t raw) float64 {
				return t.Server.CPUSeconds / t.Server.Seconds * 1e9 / (float64(t.Bytes) / t.Seconds / 1024)
			}).mid),
			"syscalls": nums(w.middle(cell, raw.syscalls).mid), "switches": nums(w.middle(cell, raw.switches).mid), "peak RSS MiB": nums(w.middle(cell, raw.mebibytes).mid),
		}
		if w.set.Plan.Duet { // there the machine worked for both
			figures["machine"] = exactly(none)
		}
		row := wantRow{name: w.names[cell]}
		for _, head := range t.header[1:] {
			row.cells = append(row.cells, figures[quantity(head)])
		}
		rows = append(rows, row)
		for _, h := range w.helpersOf(cell) {
			part := wantRow{fmt.Sprintf("of it %s (%d)", h.Name, h.Threads), make([]want, len(row.cells))}
			part.cells[0] = nums(w.middle(cell, func(t raw) float64 { return t.helpers(h.Name) }).mid)
			rows = append(rows, part)
		}
	}
	return rows
}

// helpersOf are the kinds of helpers of a cell, with the most threads that one had.
func (w *walked) helpersOf(cell int) (kinds []result.Helper) {
	for _, t := range w.counting(cell) {
		for _, h := range t.Server.Helpers {
			i := slices.IndexFunc(kinds, func(k result.Helper) bool { return k.Name == h.Name })
			if i < 0 {
				i, kinds = len(kinds), append(kinds, h)
			}
			kinds[i].Threads = max(kinds[i].Threads, h.Threads)
		}
	}
	slices.SortFunc(kinds, func(a, b result.Helper) int { return cmp.Compare(a.Name, b.Name) })
	return kinds
}

func walkIdle(w *walked, t shownTable) (rows []wantRow) {
	at := w.loadOf(t.title)
	for _, cell := range w.cells[at] {
		each := func(of func(*result.IdleMemory) *int64) want {
			return nums(w.middle(cell, func(t raw) float64 {
				if t.Idle == nil || of(t.Idle) == nil {
					return math.NaN()
				}
				return float64(*of(t.Idle)) / 1024 / float64(t.Idle.Connections)
			}).mid)
		}
		rows = append(rows, wantRow{w.names[cell], []want{nums(float64(w.loads[at].Idle)), each(func(m *result.IdleMemory) *int64 { return m.User }),
			each(func(m *result.IdleMemory) *int64 { return m.Kernel }), nums(float64(len(w.counting(cell))))}})
	}
	return rows
}

func walkFairness(w *walked, t shownTable) (rows []wantRow) {
	at := w.loadOf(t.title)
	for _, cell := range w.cells[at] {
		counter := func(name string) want {
			return nums(w.middle(cell, func(t raw) float64 {
				moved := t.Counters["bytes_in"]
				if w.loads[at].Workload == "stream" {
					moved = t.Counters["bytes_out"]
				}
				if n, ok := t.Counters[name]; ok && moved > 0 {
					return float64(n) / float64(moved) * unitBytes(w.loads[at])
				}
				return math.NaN()
			}).mid)
		}
		var kinds, features []string
		for _, t := range w.counting(cell) {
			for name := range t.Counters {
				if !slices.Contains([]string{"bytes_in", "bytes_out", "sys_wait", "completions"}, name) && !slices.Contains(kinds, name) {
					kinds = append(kinds, name)
				}
			}
			list := append([]string{}, t.Features...)
			if t.Tier != "" {
				list = append([]string{"tier " + t.Tier}, list...)
			}
			features = []string{strings.Join(list, ", ")} // in these sets those of all trials
		}
		slices.Sort(kinds)
		var counters want
		for _, name := range kinds {
			counters.numbers = append(counters.numbers, counter(name).numbers...)
		}
		if len(kinds) == 0 {
			counters = exactly(none)
		}
		reaped := w.middle(cell, func(t raw) float64 {
			return 1 / over(float64(t.Counters["sys_wait"]), float64(t.Counters["completions"]))
		})
		buffers := exactly(none)
		if b := w.counting(cell)[0].Buffers; b != nil {
			buffers = want{numbers: []float64{float64(b.Count), float64(b.Bytes)}, key: float64(b.Count * b.Bytes)}
		}
		rows = append(rows, wantRow{w.names[cell], []want{
			nums(w.middle(cell, func(t raw) float64 { return float64(t.Server.Threads) }).mid), buffers, nums(w.middle(cell, raw.syscalls).mid), counter("sys_wait"), nums(reaped.mid),
			nums(w.middle(cell, raw.switches).mid), nums(w.middle(cell, raw.waiting).mid), exactly(or(strings.Join(features, " | "), none)), counters,
		}})
	}
	return rows
}

func walkEnvironment(w *walked, _ shownTable) (rows []wantRow) {
	add := func(name string, value want) {
		if value.numbers != nil || value.words != "" {
			rows = append(rows, wantRow{name, []want{value}})
		}
	}
	e, p := w.set.Env, w.set.Plan
	add("host", exactly(e.Host))
	add("kernel", exactly(strings.TrimSpace("Linux "+e.Kernel+" "+e.Arch)))
	add("CPUs", exactly(strconv.Itoa(e.CPUs)+" "+e.CPUModel))
	add("memory", nums(float64(e.MemoryBytes)/1024/1024/1024))
	add("CPU accounting", exactly(e.Accounting))
	add("autogroup", exactly(strconv.FormatBool(e.Autogroup)))
	add("mitigations", exactly(strings.Join(e.Mitigations, "; ")))
	add("kernel command line", exactly(e.Cmdline))
	for _, group := range []map[string]string{e.Facts, e.Sysctls, e.KernelConfig} {
		var names []string
		for name := range group {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			add(strings.ReplaceAll(name, "_", " "), exactly(group[name]))
		}
	}
	add("ringbench", exactly(strings.TrimSpace(w.set.Version+" "+e.Commit)+", "+e.GoVersion))
	add("plan", nums(float64(p.Trials), float64(p.Seed), p.WarmupSeconds, p.DurationSeconds))
	add("started", exactly(w.set.Started.UTC().Format("2006-01-02T15:04:05Z")))
	add("ended", exactly(w.set.Ended.UTC().Format("2006-01-02T15:04:05Z")))
	return rows
}
