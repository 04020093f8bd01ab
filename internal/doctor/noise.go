package doctor

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/child"
)

// interferenceMax is the share of all CPUs' time, lost to steal or to others,
// beyond which results carry the same warning: about the size of the
// differences that are looked for.
const interferenceMax = 0.05

// An observation is where the clocks of the machine stand. All times are in
// ticks of USER_HZ.
type observation struct {
	cpu       []uint64 // first line of /proc/stat (proc_stat(5))
	own       uint64   // ours
	processes map[string]process
}

type process struct {
	name  string
	ticks uint64
}

// The columns of observation.cpu.
const (
	idleColumn, iowaitColumn, stealColumn = 3, 4, 7
	columns                               = 8 // guest time, which follows, is also in user and nice
)

func (m *machine) observe() (o observation) {
	line, _, _ := strings.Cut(m.Read("proc/stat"), "\n")
	f := strings.Fields(line)
	if len(f) > columns && f[0] == "cpu" {
		for _, s := range f[1 : columns+1] {
			n, _ := strconv.ParseUint(s, 10, 64)
			o.cpu = append(o.cpu, n)
		}
	}
	o.own = m.process("proc/self/stat").ticks
	o.processes = map[string]process{}
	for _, file := range m.Glob("proc/[0-9]*/stat") {
		o.processes[path.Base(path.Dir(file))] = m.process(file)
	}
	return o
}

// process reads a process's name and CPU time (proc_pid_stat(5)). The name, in
// brackets, may hold anything.
func (m *machine) process(file string) (p process) {
	text := m.Read(file)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return p // it has ended
	}
	p.name = text[open+1 : end]
	if f := strings.Fields(text[end+1:]); len(f) > 12 {
		user, _ := strconv.ParseUint(f[11], 10, 64)
		system, _ := strconv.ParseUint(f[12], 10, 64)
		p.ticks = user + system
	}
	return p
}

// times are shares of what all CPUs had to give between two observations.
type times struct {
	total, busy, steal uint64
}

func between(a, b []uint64) (t times, ok bool) {
	if len(a) != columns || len(b) != columns {
		return t, false
	}
	for i := range b {
		d := b[i] - min(a[i], b[i]) // iowait may fall
		t.total += d
		switch i {
		case idleColumn, iowaitColumn:
		case stealColumn:
			t.steal += d
		default:
			t.busy += d
		}
	}
	return t, t.total > 0
}

// steal is told over the observed time and since boot: a machine that does
// nothing has nothing stolen.
func steal(m *machine) Outcome {
	now, ok1 := between(m.before.cpu, m.after.cpu)
	boot, ok2 := between(make([]uint64, columns), m.after.cpu)
	if !ok1 || !ok2 {
		return unknown("/proc/stat does not tell", "run where /proc is mounted")
	}
	wanted := boot.busy + boot.steal
	share := float64(boot.steal) / float64(max(wanted, 1))
	found := fmt.Sprintf("%s of all CPUs' time in %v; since boot %s of what was wanted", percent(float64(now.steal)/float64(now.total)), m.Span, percent(share))
	switch {
	case float64(now.steal) > interferenceMax*float64(now.total) || share > interferenceMax:
		return warning(found, "others on the host take CPU time: use --duet, or a dedicated host")
	case boot.steal == 0 && !m.Bare(m.Arch):
		return unknown(found, "none since boot: a hypervisor may not report it")
	}
	return ok(found)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func others(m *machine) Outcome {
	t, told := between(m.before.cpu, m.after.cpu)
	if !told {
		return unknown("/proc/stat does not tell", "run where /proc is mounted")
	}
	own := m.after.own - min(m.before.own, m.after.own)
	share := float64(t.busy-min(own, t.busy)) / float64(t.total)
	found := fmt.Sprintf("%s of all CPUs' time in %v", percent(share), m.Span)
	if p := m.Read("proc/pressure/cpu"); p != "" { // accounting/psi.rst
		if f := strings.Fields(p); len(f) > 1 && f[0] == "some" {
			found += "; tasks waiting for a CPU in the last 10 s: " + strings.TrimPrefix(f[1], "avg10=") + " %"
		}
	}
	if share <= interferenceMax {
		return ok(found)
	}
	advice := "stop what else runs, or use --duet"
	if pid, name := m.busiest(); pid != "" {
		advice = "stop what else runs, first of all " + name + " (process " + pid + "), or use --duet"
	}
	return warning(found, advice)
}

// busiest is the process that used most CPU time, ourselves aside.
func (m *machine) busiest() (pid, name string) {
	var most uint64
	self := m.status("Pid")
	for id, p := range m.after.processes {
		ticks := p.ticks
		if b, ok := m.before.processes[id]; ok {
			ticks -= min(b.ticks, ticks)
		}
		if id != self && ticks > most {
			most, pid, name = ticks, id, p.name
		}
	}
	return pid, name
}

func groups(m *machine) Outcome {
	switch m.Grouping {
	case child.Autogroup:
		return ok("autogroup gives each contestant of a duet one")
	case child.Cgroup:
		return ok("each contestant of a duet gets a CPU cgroup")
	}
	return warning("none: autogroup is off or does not act here, and no CPU cgroup is writable",
		"sysctl -w kernel.sched_autogroup_enabled=1 in the root cgroup, or run as root: else in a duet the contestant with more threads gets more CPU")
}
