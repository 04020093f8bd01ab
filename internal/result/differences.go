package result

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Weight is how serious it is that two results differ in a condition.
type Weight int

const (
	Slight  Weight = iota // it bears on few figures, or little
	Notable               // it moves figures by as much as what is looked for
	Grave                 // figures are not to be compared as they are
)

func (w Weight) String() string { return [...]string{"slight", "notable", "grave"}[w] }

// A Difference is a condition in which two results differ.
type Difference struct {
	Condition string
	A, B      string // in the one result and in the other; "unknown" where it does not tell
	Weight    Weight
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s, %s (%s)", d.Condition, d.A, d.B, d.Weight)
}

// Differences lists the conditions in which a and b differ, the gravest first,
// else in a fixed order. What neither tells is no difference; what only one tells
// is one. Contestants are compared where both results have one of that name.
func Differences(a, b *Set) []Difference {
	var list []Difference
	for _, c := range conditions {
		list = differ(list, c.name, c.of(a), c.of(b), c.weight)
	}
	if a.Storage != nil || b.Storage != nil {
		for _, c := range storageConditions {
			list = differ(list, c.name, ofStorage(a, c.of), ofStorage(b, c.of), c.weight)
		}
	}
	list = differAll(list, "mitigation", mitigationsOf(a), mitigationsOf(b), func(string) Weight { return Grave })
	list = differAll(list, "fact", a.Env.Facts, b.Env.Facts, weigher(Notable, factWeights))
	list = differAll(list, "kernel option", a.Env.KernelConfig, b.Env.KernelConfig, weigher(Grave, nil))
	list = differAll(list, "sysctl", a.Env.Sysctls, b.Env.Sysctls, weigher(Notable, sysctlWeights))
	inB := contestants(b)
	for _, in := range contestants(a) {
		i := slices.IndexFunc(inB, func(c contestant) bool { return c.name == in.name })
		if i < 0 {
			continue
		}
		for j, aspect := range aspects {
			list = differ(list, in.name+": "+aspect.name, in.values[j], inB[i].values[j], aspect.weight)
		}
	}
	slices.SortStableFunc(list, func(x, y Difference) int { return int(y.Weight - x.Weight) })
	return list
}

func differ(list []Difference, condition, a, b string, w Weight) []Difference {
	if a == "" {
		a = Unknown
	}
	if b == "" {
		b = Unknown
	}
	if a == b {
		return list
	}
	return append(list, Difference{condition, a, b, w})
}

// differAll compares two maps of conditions of one kind. One that a result lacks
// as a whole, as those of older versions do, is one difference.
func differAll(list []Difference, kind string, a, b map[string]string, weight func(string) Weight) []Difference {
	if len(a) == 0 || len(b) == 0 {
		told := func(m map[string]string) string {
			if len(m) == 0 {
				return Unknown
			}
			return fmt.Sprintf("%d told", len(m))
		}
		return differ(list, kind+"s", told(a), told(b), Slight)
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = differ(list, kind+" "+name, a[name], b[name], weight(name))
	}
	return list
}

func weigher(otherwise Weight, known map[string]Weight) func(string) Weight {
	return func(name string) Weight {
		if w, ok := known[name]; ok {
			return w
		}
		return otherwise
	}
}

// factWeights and sysctlWeights are those that are not Notable.
var (
	factWeights = map[string]Weight{
		"virtualisation": Grave, "smt": Grave, "cpu_quota": Grave, "seccomp": Grave, "preemption": Grave,
		"locked_memory_limit": Slight, "open_files_limit": Slight, "kernel_build": Slight,
	}
	sysctlWeights = map[string]Weight{
		"net.core.busy_poll": Grave, "net.core.busy_read": Grave, Congestion: Grave,
		"net.ipv4.ip_local_port_range": Slight, "net.ipv4.tcp_max_tw_buckets": Slight, "vm.max_map_count": Slight,
		"kernel.io_uring_disabled": Slight, // without io_uring there are no such figures
	}
)

// A condition is one value of a result.
type condition[T any] struct {
	name   string
	weight Weight
	of     func(T) string
}

// workload is the one condition that says what was measured, not where.
const workload = "workload"

var conditions = []condition[*Set]{
	{workload, Grave, func(s *Set) string { return s.Plan.Workload() }},
	{"CPU model", Grave, func(s *Set) string { return s.Env.CPUModel }},
	{"CPUs", Grave, func(s *Set) string { return number(s.Env.CPUs) }},
	{"architecture", Grave, func(s *Set) string { return s.Env.Arch }},
	{"kernel", Grave, func(s *Set) string { return s.Env.Kernel }},
	{"host", Notable, func(s *Set) string { return s.Env.Host }},
	{"memory in MiB", Slight, func(s *Set) string { return number(s.Env.MemoryBytes >> 20) }},
	{"kernel command line", Notable, func(s *Set) string { return s.Env.Cmdline }},
	{"CPU accounting", Notable, func(s *Set) string { return s.Env.Accounting }},
	{"IRQ accounting", Grave, func(s *Set) string { return s.Env.IRQAccounting }},
	{"ticks a second", Slight, func(s *Set) string { return number(s.Env.TickHz) }},
	{"autogroup", Notable, func(s *Set) string { return fmt.Sprint(s.Env.Autogroup) }},
	{"Go version", Notable, func(s *Set) string { return s.Env.GoVersion }},
	{"ringbench version", Notable, func(s *Set) string { return s.Version }},
	{"ringbench commit", Notable, func(s *Set) string { return s.Env.Commit }},
	{"C compiler", Notable, func(s *Set) string { return orNone(s.Plan.Compiler) }},

	{"placement", Grave, func(s *Set) string { return s.Plan.Placement }},
	{"CPUs of the server", Grave, func(s *Set) string { return cpuList(s.Plan.ServerCPUs) }},
	{"CPUs of the client", Grave, func(s *Set) string { return cpuList(s.Plan.ClientCPUs) }},
	{"CPUs of the origin", Grave, func(s *Set) string { return cpuList(s.Plan.OriginCPUs) }},
	{"client", Grave, func(s *Set) string { return orNone(s.Plan.Client) }},
	{"duet", Grave, func(s *Set) string { return fmt.Sprint(s.Plan.Duet) }},
	{"scheduling groups", Notable, func(s *Set) string { return orNone(s.Plan.Grouping) }},
	{"seconds of a trial", Notable, func(s *Set) string { return number(s.Plan.DurationSeconds) }},
	{"seconds of warm-up", Notable, func(s *Set) string { return fmt.Sprintf("%g", s.Plan.WarmupSeconds) }},
	{"trials", Slight, func(s *Set) string { return number(s.Plan.Trials) }},
	{"sessions", Slight, func(s *Set) string { return number(max(s.Plan.Sessions, 1)) }},
	{"audit", Slight, func(s *Set) string { return fmt.Sprint(s.Plan.Audit) }},
	{"limits of interference", Slight, func(s *Set) string { return fmt.Sprintf("%g", s.Plan.Limits) }},
}

// storageConditions are of what a file lies on.
var storageConditions = []condition[*Storage]{
	{"file system", Grave, func(s *Storage) string { return s.FileSystem }},
	{"device", Notable, func(s *Storage) string { return s.Device }},
	{"I/O scheduler", Notable, func(s *Storage) string { return s.queue().Scheduler }},
	{"write cache", Grave, func(s *Storage) string { return s.queue().WriteCache }},
	{"requests in the queue", Notable, func(s *Storage) string { return number(s.queue().Requests) }},
	{"bytes of the file", Notable, func(s *Storage) string { return number(s.Bytes) }},
}

func ofStorage(s *Set, of func(*Storage) string) string {
	if s.Storage == nil {
		return "none"
	}
	return of(s.Storage)
}

func (s *Storage) queue() Queue {
	if s.Queue == nil {
		return Queue{}
	}
	return *s.Queue
}

// number is "" for 0, which stands for what is not known.
func number[T int | int64 | uint64 | float64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func cpuList(cpus []int) string {
	return orNone(strings.Trim(fmt.Sprint(cpus), "[]"))
}

// mitigationsOf is what the kernel says of each weakness of the CPU.
func mitigationsOf(s *Set) map[string]string {
	m := map[string]string{}
	for _, line := range s.Env.Mitigations {
		name, text, _ := strings.Cut(line, ": ")
		m[name] = text
	}
	return m
}

// A contestant is what a result says of all trials of that name.
type contestant struct {
	name   string
	values []string // of aspects
}

var aspects = []condition[trialOf]{
	{"command", Grave, func(t trialOf) string { return orNone(t.Command) }},
	{"tier", Grave, func(t trialOf) string { return orNone(t.Tier) }},
	{"features", Grave, func(t trialOf) string { return orNone(strings.Join(t.Features, " ")) }},
	{"descriptor table", Notable, func(t trialOf) string { return orNone(t.DescriptorTable) }},
	{"buffers", Notable, func(t trialOf) string {
		if t.Buffers == nil {
			return "none"
		}
		return fmt.Sprintf("%d of %d B", t.Buffers.Count, t.Buffers.Bytes)
	}},
	{"loops", Grave, func(t trialOf) string { return orNone(number(t.Loops)) }},
	{"workers", Grave, func(t trialOf) string { return orNone(number(t.Workers)) }},
}

// A trialOf is a trial and its cell.
type trialOf struct {
	*Cell
	*Trial
}

// contestants are those of the trials that count, each once, in the order of the
// plan. What differs from trial to trial is all listed.
func contestants(s *Set) (list []contestant) {
	for i := range s.Plan.Cells {
		name := s.Plan.Cells[i].Contestant
		if slices.ContainsFunc(list, func(c contestant) bool { return c.name == name }) {
			continue
		}
		c := contestant{name: name}
		for _, a := range aspects {
			var seen []string
			for j := range s.Trials {
				t := &s.Trials[j]
				if cell := identity(s.Plan.Cells[t.Cell], s.Plan.Purpose); cell.Contestant == name && t.Void == "" {
					seen = append(seen, a.of(trialOf{&cell, t}))
				}
			}
			slices.Sort(seen)
			c.values = append(c.values, strings.Join(slices.Compact(seen), "; "))
		}
		list = append(list, c)
	}
	return list
}
