package result

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Figures that follow from a trial. One that was not measured is NaN. CPU,
// switches and messages are each taken over the interval that they were counted
// in, which differ by the time that reading them takes.

// PerSecond is the throughput: messages answered and verified a second. Files
// are counted by their bytes: large ones may not end within the window.
func (t *Trial) PerSecond() float64 {
	if t.FileBytes > 0 {
		return ratio(float64(t.Bytes)/float64(t.FileBytes), t.Seconds)
	}
	return ratio(float64(t.Messages), t.Seconds)
}

// OfferedPerSecond is at which rate messages really were due in an open loop: of
// random arrivals there are as many as are drawn.
func (t *Trial) OfferedPerSecond() float64 {
	if t.Offered == 0 {
		return math.NaN()
	}
	return ratio(float64(t.Offered), t.Seconds)
}

// ServerCPUPerMessage is in nanoseconds, helper threads included.
func (t *Trial) ServerCPUPerMessage() float64 {
	if t.Server == nil {
		return math.NaN()
	}
	return t.perMessage(t.Server.CPUSeconds, t.Server.Seconds) * 1e9
}

// SpunPerMessage is what a server that was slowed spun, in nanoseconds; NaN of another.
func (t *Trial) SpunPerMessage() float64 {
	if t.Slowed == nil {
		return math.NaN()
	}
	return ratio(t.Slowed.CPUSeconds, t.Slowed.Messages) * 1e9
}

// ClientCPUPerMessage is in nanoseconds, without what it spun.
func (t *Trial) ClientCPUPerMessage() float64 {
	if t.Client == nil {
		return math.NaN()
	}
	return t.perMessage(t.Client.CPUSeconds-t.Client.SpinSeconds, t.Client.Seconds) * 1e9
}

// ClientSpinPerMessage is in nanoseconds: what it burnt waiting for messages to be
// due.
func (t *Trial) ClientSpinPerMessage() float64 {
	if t.Client == nil {
		return math.NaN()
	}
	return t.perMessage(t.Client.SpinSeconds, t.Client.Seconds) * 1e9
}

// MachineCPUPerMessage is in nanoseconds: everything that ran on any CPU, in
// a duet the other contestant too, but what the client spun and what it took to
// watch for hiccups.
func (t *Trial) MachineCPUPerMessage() float64 {
	if t.Machine == nil {
		return math.NaN()
	}
	busy := ratio(t.Machine.BusySeconds, t.Machine.Seconds)
	if t.Client != nil && t.Client.SpinSeconds > 0 {
		busy -= t.Client.SpinSeconds / t.Client.Seconds
	}
	if t.Hiccups != nil {
		busy -= t.Hiccups.CPUSeconds / t.Machine.Seconds
	}
	return ratio(busy, t.PerSecond()) * 1e9
}

// SoftirqPerMessage is in nanoseconds, of the whole machine.
func (t *Trial) SoftirqPerMessage() float64 {
	if t.Machine == nil {
		return math.NaN()
	}
	return t.perMessage(t.Machine.SoftirqSeconds, t.Machine.Seconds) * 1e9
}

// HelperCPUPerMessage is in nanoseconds, of one kind of io_uring helper thread
// of the server; zero when it had none of that kind.
func (t *Trial) HelperCPUPerMessage(name string) float64 {
	if t.Server == nil {
		return math.NaN()
	}
	var cpu float64
	for _, h := range t.Server.Helpers {
		if h.Name == name {
			cpu += h.CPUSeconds
		}
	}
	return t.perMessage(cpu, t.Server.ThreadSeconds) * 1e9
}

// SwitchesPerMessage counts the server's context switches of both kinds.
func (t *Trial) SwitchesPerMessage() float64 {
	if t.Server == nil {
		return math.NaN()
	}
	return t.perMessage(float64(t.Server.Voluntary+t.Server.Involuntary), t.Server.ThreadSeconds)
}

// RunQueueWaitShare is how many of the server's threads waited for a CPU, on
// average: CPU-seconds a second.
func (t *Trial) RunQueueWaitShare() float64 { return t.Server.RunQueueWaitShare() }

// RunQueueWaitShare is that of any process, NaN of nil or where it is not known.
func (p *Process) RunQueueWaitShare() float64 {
	if p == nil || p.RunQueueWait == nil {
		return math.NaN()
	}
	return ratio(*p.RunQueueWait, p.ThreadSeconds)
}

// SyscallsPerMessage is all system calls of the server process: its own count
// over the window, where it keeps one, and what the audit found beside it; else
// the tracepoint's.
func (t *Trial) SyscallsPerMessage() float64 {
	switch {
	case t.CountedSyscalls != nil && t.OtherSyscalls != nil:
		return *t.CountedSyscalls + *t.OtherSyscalls
	case t.CountedSyscalls != nil:
		return *t.CountedSyscalls
	case t.TracedSyscalls != nil:
		return *t.TracedSyscalls
	}
	return math.NaN()
}

// StealShare is the fraction of all CPUs' time that the hypervisor took.
func (t *Trial) StealShare(cpus int) float64 {
	if t.Machine == nil {
		return math.NaN()
	}
	return ratio(t.Machine.StealSeconds, t.Machine.Seconds*float64(cpus))
}

// OtherShare is the fraction of all CPUs' time that went to processes which
// are no part of the test.
func (t *Trial) OtherShare(cpus int) float64 {
	if t.Machine == nil {
		return math.NaN()
	}
	return ratio(t.Machine.OtherSeconds, t.Machine.Seconds*float64(cpus))
}

// Latency is what a user of the server would see: the response time where
// there was a schedule to be late for, else the service time.
func (t *Trial) Latency() Histogram {
	if t.Response != nil {
		return *t.Response
	}
	return t.Service
}

func (t *Trial) perMessage(amount, seconds float64) float64 {
	return ratio(ratio(amount, seconds), t.PerSecond())
}

func ratio(a, b float64) float64 {
	if b > 0 {
		return a / b
	}
	return math.NaN()
}

// PerSecond is the rate of the null backend.
func (f *Floor) PerSecond() float64 { return ratio(float64(f.Messages), f.Seconds) }

// CPUPerMessage is in nanoseconds.
func (f *Floor) CPUPerMessage() float64 { return ratio(f.CPUSeconds, float64(f.Messages)) * 1e9 }

// BytesPerSecond is what PerSecond moved.
func (t *Trial) BytesPerSecond() float64 { return ratio(float64(t.Bytes), t.Seconds) }

// ServerCPUPerKiB is in nanoseconds.
func (t *Trial) ServerCPUPerKiB() float64 {
	if t.Server == nil {
		return math.NaN()
	}
	return ratio(ratio(t.Server.CPUSeconds, t.Server.Seconds)*1e9, t.BytesPerSecond()/1024)
}

func (l Load) String() string {
	s := l.Unpaced()
	switch {
	case l.Rate > 0:
	case l.Op != "" || l.Direction != "":
		return s
	default:
		return s + ", closed loop"
	}
	s += fmt.Sprintf(", open loop at %.10g %s/s", l.Rate, l.Unit().Many)
	if l.Arrivals != "" {
		s += ", " + l.Arrivals + " arrivals"
	}
	return s
}

// Unpaced is the load without what paces it.
func (l Load) Unpaced() string {
	if l.Op != "" {
		return strings.Join(l.FileParts(), ", ")
	}
	conns := "connections"
	if l.Conns == 1 {
		conns = "connection"
	}
	s := fmt.Sprintf("%s, %d %s × %s", l.Network, l.Conns, conns, l.SizeText())
	switch {
	case l.Sent():
		each := "a file of " + Binary(l.FileBytes) + " each"
		if l.Requests > 0 {
			each = requests(l.Requests) + " each for a file of " + Binary(l.FileBytes)
		}
		s = fmt.Sprintf("%s, %d %s at a time, %s, buffers of %s", l.Network, l.Conns, conns, each, Binary(int64(l.Buffer)))
	case l.Requests > 0:
		s = fmt.Sprintf("%s, %d %s at a time, %s × %s each", l.Network, l.Conns, conns, requests(l.Requests), l.SizeText())
	}
	if l.Idle > 0 {
		s += fmt.Sprintf(" and %d idle", l.Idle)
	}
	switch {
	case l.Direction != "":
		s = l.Mode + " " + l.Direction + ", " + s
	case l.Mode != "":
		s = l.Mode + ", " + s
	case l.Protocol != "":
		s = l.Protocol + ", " + s
	}
	if l.Direction != "" {
		return s + fmt.Sprintf(", %d messages asked for at a time", max(1, l.Pipeline/2))
	}
	if l.Pipeline > 1 {
		s += fmt.Sprintf(", pipeline %d", l.Pipeline)
	}
	return s
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

// FileParts are what a load on a file is made of, in words.
func (l Load) FileParts() []string {
	what := strings.TrimSpace(l.Pattern+" "+l.Unit().Many) + " × " + Binary(int64(l.Size))
	if l.Op == "fsync" || l.Op == "append" {
		what += " each with fdatasync"
	}
	cache := "buffered"
	if l.Direct {
		cache = "O_DIRECT"
	}
	if l.Cache != "" {
		cache += ", " + l.Cache
	}
	return []string{"file of " + Binary(l.FileBytes), what, fmt.Sprintf("depth %d", l.Depth), cache}
}

// Binary prints a number of bytes in the largest unit that leaves it whole.
func Binary(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for n >= 1024 && n%1024 == 0 && len(units) > 1 {
		n, units = n/1024, units[1:]
	}
	return fmt.Sprintf("%d %s", n, units[0])
}

// Loads lists the loads of the plan, each once, in the order of the plan.
func (p *Plan) Loads() (loads []Load) {
	loads, _ = p.loads()
	return loads
}

// loads are also, for each cell, which of them it is under: a number is a better key
// than all that a load is made of.
func (p *Plan) loads() (loads []Load, at []int) {
	seen, at := map[Load]int{}, make([]int, len(p.Cells))
	for i, c := range p.Cells {
		if i > 0 && c.Load == p.Cells[i-1].Load { // as most are
			at[i] = at[i-1]
			continue
		}
		n, ok := seen[c.Load]
		if !ok {
			n = len(loads)
			seen[c.Load], loads = n, append(loads, c.Load)
		}
		at[i] = n
	}
	return loads, at
}

// CellsByLoad lists the cells of each of Loads, as indices into Cells.
func (p *Plan) CellsByLoad() [][]int {
	loads, at := p.loads()
	cells := make([][]int, len(loads))
	for i, load := range at {
		cells[load] = append(cells[load], i)
	}
	return cells
}

// Workload names that of the plan's cells, or several.
func (p *Plan) Workload() string {
	var names []string
	for _, c := range p.Cells {
		if !slices.Contains(names, c.Workload) {
			names = append(names, c.Workload)
		}
	}
	return strings.Join(names, ", ")
}

// Comparisons are the plan's matches. A file without any compares the first cell
// of each load with every other.
func (p *Plan) Comparisons() []Match {
	if len(p.Matches) > 0 {
		return p.Matches
	}
	var matches []Match
	for _, of := range p.CellsByLoad() {
		for _, other := range of[1:] {
			matches = append(matches, Match{A: of[0], B: other})
		}
	}
	return matches
}

// OutOfTime reports whether after so many blocks one more, as long as those that are
// whole, would end after the plan's time; not of a plan without.
func (s *Set) OutOfTime(blocks int, now time.Time) bool {
	within, spent := s.Plan.WithinSeconds, now.Sub(s.Started).Seconds()
	return within > 0 && spent+spent/float64(max(blocks, 1)) > within
}

// Again reports whether a cell is there only to be compared with one like it.
func (p *Plan) Again(cell int) bool {
	return slices.ContainsFunc(p.Matches, func(m Match) bool { return m.Same && max(m.A, m.B) == cell })
}

// CellsOf lists the cells of a load, as indices into Cells.
func (p *Plan) CellsOf(l Load) (cells []int) {
	for i, c := range p.Cells {
		if c.Load == l {
			cells = append(cells, i)
		}
	}
	return cells
}

// Valid is Index.Valid.
func (s *Set) Valid(cell int) []*Trial { return s.Index().Valid(cell) }

func (t *Trial) disturbed() bool { return t.Disturbed != "" }

// calm leaves out what was disturbed, unless that is more than half: then a
// figure with its noise is better than one of the few moments that were quiet by
// chance, or none, and the report says so.
func calm[T any](all []T, disturbed func(T) bool) []T {
	quiet := slices.DeleteFunc(slices.Clone(all), disturbed)
	if 2*len(quiet) < len(all) {
		return all
	}
	return quiet
}

// Void lists the trials that do not count.
func (s *Set) Void() (trials []*Trial) {
	for i := range s.Trials {
		if t := &s.Trials[i]; t.Void != "" {
			trials = append(trials, t)
		}
	}
	return trials
}

// A Pair is the two trials of a duet that ran at the same moment, or, where
// that would lie, one right after the other.
type Pair struct {
	A, B *Trial // A is of the cell that comes first in the plan
}

// Disturbed reports whether either trial was.
func (p Pair) Disturbed() bool { return p.A.disturbed() || p.B.disturbed() }

// Pairs lists the pairs of a duet of which both trials count, by the rule of
// Valid for the pairs of two cells.
func (s *Set) Pairs() (pairs []Pair) {
	for _, of := range s.Index().pairs {
		pairs = append(pairs, of...)
	}
	slices.SortFunc(pairs, func(x, y Pair) int { return cmp.Compare(x.A.Pair, y.A.Pair) })
	return pairs
}

// allPairs are those of trials that are not void.
func (s *Set) allPairs() (pairs []Pair) {
	first := map[int]*Trial{}
	for i := range s.Trials {
		t := &s.Trials[i]
		if t.Pair == 0 || t.Void != "" {
			continue
		}
		a, ok := first[t.Pair]
		if !ok {
			first[t.Pair] = t
			continue
		}
		p := Pair{A: a, B: t}
		if b := t; b.Cell < a.Cell {
			p = Pair{A: b, B: a}
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// Keep removes the cells that are not to be kept, and the matches that are of any
// of them.
func (p *Plan) Keep(kept []bool) {
	now := make([]int, len(p.Cells)) // where the cells will be
	var cells []Cell
	for i, c := range p.Cells {
		now[i] = len(cells)
		if kept[i] {
			cells = append(cells, c)
		}
	}
	var matches []Match
	for _, m := range p.Matches {
		if kept[m.A] && kept[m.B] {
			m.A, m.B = now[m.A], now[m.B]
			matches = append(matches, m)
		}
	}
	p.Cells, p.Matches = cells, matches
}

// PairsOf is Index.PairsOf.
func (s *Set) PairsOf(m Match) [][]Pair { return s.Index().PairsOf(m) }

// Name is the row's name of a cell: its contestant, numbered where the load
// holds several of that name, as in an A/A test.
func (p *Plan) Name(cell int) string { return p.names()[cell] }

// Family is the backend of a cell without its features: what decides a colour.
// It is empty for a foreign server.
func (c Cell) Family() string {
	name := c.Backend
	if i := strings.IndexAny(name, "+-"); i >= 0 {
		name = name[:i]
	}
	return name
}
