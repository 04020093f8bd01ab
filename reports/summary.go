package reports

import (
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports/page"
)

const summaryHow = "Each figure is the median of the trials with its 95 % interval, or with the least and the greatest of fewer than six. " +
	"Ratios are those of pairs, to the contestant that is called the base, with 95 % intervals by Student's t: faint ones are no difference, or none that could be told from noise. " +
	"User and kernel divide the server's CPU, of which helper threads are the kernel's threads that work for io_uring; machine is everything on any CPU."

// A column of the summary is a figure of each trial, and where pairs are compared by
// it what they say.
type column struct {
	name  string
	of    func(*result.Trial) float64
	ratio func(effect) finding
}

func summaryColumns(s *result.Set, v view) []column {
	unit := s.Plan.Unit()
	each := "/" + unit.Short
	list := []column{
		{unit.Many + "/s", (*result.Trial).PerSecond, rateOf},
		{"p50 µs", percentileOf(50), nil}, {"p99 µs", percentileOf(99), p99Of}, {"p99.9 µs", percentileOf(99.9), nil},
		{"server CPU ns" + each, (*result.Trial).ServerCPUPerMessage, cpuOf},
		{"user", partOf(func(p *result.Process) float64 { return p.UserShare }), nil},
		{"kernel", kernelPart, nil},
		{"helper threads", helperPart, nil},
		{"client ns" + each, (*result.Trial).ClientCPUPerMessage, nil},
		{"machine ns" + each, (*result.Trial).MachineCPUPerMessage, nil},
		{"syscalls" + each, (*result.Trial).SyscallsPerMessage, nil},
		{"peak RSS MiB", ofServer(func(p *result.Process) float64 { return float64(p.PeakRSS) / (1 << 20) }), nil},
	}
	if s.Plan.Duet { // there the machine worked for both
		list = append(list[:9], list[10:]...)
	}
	if v.load.Op != "" { // no client
		list = append(list[:8], list[9:]...)
	}
	return list
}

func percentileOf(p float64) func(*result.Trial) float64 {
	return func(t *result.Trial) float64 {
		if h := t.Latency(); h.Supports(p) {
			return float64(h.ValueAtPercentile(p)) / 1e3
		}
		return math.NaN()
	}
}

func partOf(share func(*result.Process) float64) func(*result.Trial) float64 {
	return func(t *result.Trial) float64 {
		if t.Server == nil {
			return math.NaN()
		}
		return t.ServerCPUPerMessage() * share(t.Server)
	}
}

// kernelPart is without the helper threads.
func kernelPart(t *result.Trial) float64 {
	return partOf(func(p *result.Process) float64 { return 1 - p.UserShare })(t) - helperPart(t)
}

func helperPart(t *result.Trial) float64 {
	if t.Server == nil {
		return math.NaN()
	}
	sum := 0.0
	for _, h := range t.Server.Helpers {
		sum += t.HelperCPUPerMessage(h.Name)
	}
	return sum
}

// summaryTables have a row for each contestant, a table for each load.
func summaryTables(s *result.Set, all []view, effects []effect) []page.Table {
	byLoad := map[result.Load][]effect{}
	for _, e := range effects {
		byLoad[e.load] = append(byLoad[e.load], e)
	}
	return firstTables(len(all), "loads", func(i int) []page.Table {
		return []page.Table{summaryTable(s, all[i], byLoad[all[i].load])}
	})
}

func summaryTable(s *result.Set, v view, effects []effect) page.Table {
	t := page.Table{Title: v.load.String(), Header: []string{"contestant"}}
	base := ""
	if len(v.rows) > 1 {
		base = v.rows[0].name
	}
	compared := map[[2]string]effect{}           // by both names, in order
	for _, e := range slices.Backward(effects) { // the first counts
		compared[[2]string{min(e.a, e.b), max(e.a, e.b)}] = e
	}
	columns := summaryColumns(s, v)
	for _, c := range columns {
		t.Header = append(t.Header, c.name)
		if c.ratio != nil && base != "" {
			t.Header = append(t.Header, "/ "+base)
		}
	}
	for _, r := range v.rows {
		row := page.Row{Name: r.name}
		for _, c := range columns {
			row.Cells = append(row.Cells, intervalCell(r.median(c.of)))
			if c.ratio != nil && base != "" {
				row.Cells = append(row.Cells, ratioCell(compared, r.name, base, c.ratio))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// intervalCell is a median with its interval.
func intervalCell(iv stat.Interval) page.Cell {
	c := page.Cell{Text: figure(iv.Center), Sort: iv.Center}
	if iv.N > 1 && iv.Lo != iv.Hi {
		c.Text += " (" + figure(iv.Lo) + " to " + figure(iv.Hi) + ")"
	}
	return c
}

// ratioCell is what the pairs of two contestants say.
func ratioCell(compared map[[2]string]effect, name, base string, of func(effect) finding) page.Cell {
	if name == base {
		return page.Cell{Text: "base", Faint: true, Sort: 1}
	}
	e, ok := compared[[2]string{min(name, base), max(name, base)}]
	if !ok {
		return page.Cell{Text: none, Sort: math.NaN()}
	}
	f := of(e)
	if e.a == base {
		f = f.inverse()
	}
	c := page.Cell{Text: center(f), Sort: f.Center, Faint: !f.differs()}
	if f.Known() {
		c.Text += " (" + interval(f) + ")"
	}
	return c
}
