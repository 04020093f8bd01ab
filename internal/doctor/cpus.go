package doctor

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/meter"
)

const sysCPU = "sys/devices/system/cpu/"

// cpusWanted is a CPU each for a server, its client, a polling thread and all
// else.
const cpusWanted = 4

func cpus(m *machine) Outcome {
	online := len(meter.ExpandCPUs(m.Read(sysCPU + "online")))
	allowed := len(meter.ExpandCPUs(m.status("Cpus_allowed_list")))
	if online == 0 || allowed == 0 {
		return unknown("the kernel does not tell how many there are", "run where /proc and /sys are mounted")
	}
	cores, packages, told := map[string]bool{}, map[string]bool{}, true
	for _, dir := range m.Glob(sysCPU + "cpu[0-9]*/topology") {
		p, c := m.Read(dir+"/physical_package_id"), m.Read(dir+"/core_id")
		packages[p] = true
		cores[p+":"+m.Read(dir+"/die_id")+":"+c] = true
		told = told && p != "" && c != ""
	}
	found := fmt.Sprintf("%d, %d of them for this process", online, allowed)
	if len(cores) > 0 && told {
		found += fmt.Sprintf("; cores: %d, packages: %d", len(cores), len(packages))
	}
	nodes := len(m.Glob("sys/devices/system/node/node[0-9]*"))
	if nodes > 1 {
		found += fmt.Sprintf(", memory nodes: %d", nodes)
	}
	if s := m.Read(sysCPU + "isolated"); s != "" {
		found += "; isolated: " + s
	}
	switch {
	case allowed < 2:
		return warning(found, "server and client must share a CPU (--placement=shared); give this process more")
	case allowed < cpusWanted:
		return warning(found, "nothing is left for interrupts, other processes and polling threads: take a machine with four or more, or --duet and --placement=shared")
	case nodes > 1:
		return ok(found).with("keep --server-cpus and --client-cpus in one memory node")
	}
	return ok(found)
}

// quota looks for a limit of CPU time on our cgroup and those above it: one that
// is used up stops all threads until the next period.
func quota(m *machine) Outcome {
	dirs := child.Groups(m.Files, "cpu")
	if len(dirs) == 0 || !m.Exists(dirs[0]) {
		return unknown("no cgroup with the CPU controller is to be seen", "look whether the container or the service manager sets one")
	}
	for _, dir := range dirs {
		limit, period, told := m.Bandwidth(dir)
		if !told {
			return unknown("/"+dir+" does not tell its limit", "look whether the container or the service manager sets one")
		}
		if limit <= 0 || period <= 0 {
			continue
		}
		found := fmt.Sprintf("%.2f CPUs by /%s", float64(limit)/float64(period), dir)
		if n := m.Value(dir+"/cpu.stat", "nr_throttled"); n != "" {
			found += ", throttled " + n + " times so far"
		}
		return warning(found, "run without a quota (docker run without --cpus, no limits.cpu, no CPUQuota=): being throttled looks like a slow server")
	}
	return ok("none")
}

func smt(m *machine) Outcome {
	active := m.SMT()
	switch {
	case active == "1":
		return warning("on: two CPUs share a core", "choose CPUs of different cores with --server-cpus and --client-cpus, or switch it off (echo off > /sys/devices/system/cpu/smt/control)")
	case active == "":
		return unknown("the kernel does not tell", "look at lscpu, or ask who runs this machine")
	case m.Hypervisor() != "":
		return unknown("off as this virtual machine sees it", "the host may run two vCPUs on one core: ask who runs it")
	case !m.Bare(m.Arch):
		return unknown("off, unless this is a virtual machine", "the host of one may run two vCPUs on one core: ask who runs this machine")
	}
	return ok("off")
}

func governor(m *machine) Outcome {
	list, told := m.Governors()
	performance := len(list) == 1 && list[0] == "performance"
	switch {
	case !told && (len(list) == 0 || performance):
		return unknown("not every CPU tells its governor", "look at cpupower frequency-info")
	case len(list) == 0:
		return unknown("no cpufreq here: firmware or the host decides the frequency", "compare contestants interleaved or in duet only, as ringbench does")
	case performance:
		return ok("performance")
	}
	return warning(strings.Join(list, ", "), "cpupower frequency-set -g performance: else light load is measured at a low frequency")
}

func turbo(m *machine) Outcome {
	switch state, by := m.Turbo(); state {
	case "off":
		return ok("off")
	case "on":
		return warning("on", by+": the frequency depends on heat and on what other cores do")
	}
	return unknown("no switch here: firmware or the host decides", "see firmware setup; compare contestants interleaved or in duet only")
}

// wakeMax is the time to leave an idle state, µs, beyond which it shows in the
// latency of a message: one echo over loopback takes some 20.
const wakeMax = 20

func idleStates(m *machine) Outcome {
	driver, chooser := m.IdleDriver()
	found := "driver " + driver + ", governor " + chooser
	if driver == "" || driver == "none" {
		found = "no driver"
	}
	deepest, wake, told := "", -1, true
	for _, dir := range m.Glob(sysCPU + "cpu0/cpuidle/state[0-9]*") {
		disabled := m.Read(dir + "/disable")
		if disabled == "1" {
			continue
		}
		n, ok := m.Number(dir + "/latency")
		switch {
		case !ok || n > wakeMax && disabled == "":
			told = false
		case n > wake:
			deepest, wake = m.Read(dir+"/name"), n
		}
	}
	switch {
	case strings.Contains(" "+m.Read("proc/cmdline")+" ", " idle=poll "):
		return ok("none, the kernel polls (idle=poll)")
	case m.Hypervisor() != "":
		if n, ok := m.Number("sys/module/haltpoll/parameters/guest_halt_poll_ns"); ok && n > 0 && chooser == "haltpoll" {
			found += fmt.Sprintf(", polling up to %d µs before it halts", n/1000)
		}
		return unknown(found+"; the host decides what waking a halted vCPU costs", "expect wake-ups in latencies at low load; --placement=shared avoids those between vCPUs")
	case driver == "" || driver == "none" || wake < 0:
		return unknown(found+" that tells", "look at the C-states in firmware setup: waking up shows in latencies at low load")
	case wake > wakeMax:
		return warning(fmt.Sprintf("%s; %s takes %d µs to leave", found, deepest, wake), fmt.Sprintf("cpupower idle-set -D %d while you measure: else latencies at low load are those of waking up", wakeMax))
	case !told:
		return unknown(found+", and not every state tells what it costs", "look at cpupower idle-info: waking up shows in latencies at low load")
	case !m.Bare(m.Arch):
		return unknown(found+"; the host, where this is a virtual machine, decides what waking up costs", "ask who runs this machine")
	}
	return ok(fmt.Sprintf("%s; the deepest, %s, takes %d µs to leave", found, deepest, wake))
}

func virtualisation(m *machine) Outcome {
	if h := m.Hypervisor(); h != "" {
		return warning("a virtual machine on "+h, "use --duet, and several sessions apart in time: vCPUs are not always there, and CPU time varies with neighbours")
	}
	if !m.Bare(m.Arch) {
		return unknown("no sign of a hypervisor, on a CPU that need not show one", "ask who runs this machine")
	}
	return ok("no sign of a hypervisor")
}
