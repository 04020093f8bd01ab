package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/child"
)

const sysCPU = "sys/devices/system/cpu/"

// cpusWanted is a CPU each for a server, its client, a polling thread and all
// else.
const cpusWanted = 4

func cpus(m *machine) Outcome {
	online := len(expand(m.read(sysCPU + "online")))
	allowed := len(expand(m.status("Cpus_allowed_list")))
	if online == 0 || allowed == 0 {
		return unknown("the kernel does not tell how many there are", "run where /proc and /sys are mounted")
	}
	cores, packages, told := map[string]bool{}, map[string]bool{}, true
	for _, dir := range m.glob(sysCPU + "cpu[0-9]*/topology") {
		p, c := m.read(dir+"/physical_package_id"), m.read(dir+"/core_id")
		packages[p] = true
		cores[p+":"+m.read(dir+"/die_id")+":"+c] = true
		told = told && p != "" && c != ""
	}
	found := fmt.Sprintf("%d, %d of them for this process", online, allowed)
	if len(cores) > 0 && told {
		found += fmt.Sprintf("; cores: %d, packages: %d", len(cores), len(packages))
	}
	nodes := len(m.glob("sys/devices/system/node/node[0-9]*"))
	if nodes > 1 {
		found += fmt.Sprintf(", memory nodes: %d", nodes)
	}
	if s := m.read(sysCPU + "isolated"); s != "" {
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

// expand lists the CPUs of a list such as "0-3,8".
func expand(list string) (cpus []int) {
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		lo, err1 := strconv.Atoi(from)
		hi, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || hi-lo > 1<<16 {
			continue
		}
		for c := lo; c <= hi; c++ {
			cpus = append(cpus, c)
		}
	}
	return cpus
}

// quota looks for a limit of CPU time on our cgroup and those above it: one that
// is used up stops all threads until the next period.
func quota(m *machine) Outcome {
	dirs := child.CPUGroups(m.Files)
	if len(dirs) == 0 || !m.exists(dirs[0]) {
		return unknown("no cgroup with the CPU controller is to be seen", "look whether the container or the service manager sets one")
	}
	for _, dir := range dirs {
		limit, period, told := m.bandwidth(dir)
		if !told {
			return unknown("/"+dir+" does not tell its limit", "look whether the container or the service manager sets one")
		}
		if limit <= 0 || period <= 0 {
			continue
		}
		found := fmt.Sprintf("%.2f CPUs by /%s", float64(limit)/float64(period), dir)
		if n := m.stat(dir+"/cpu.stat", "nr_throttled"); n != "" {
			found += ", throttled " + n + " times so far"
		}
		return warning(found, "run without a quota (docker run without --cpus, no limits.cpu, no CPUQuota=): being throttled looks like a slow server")
	}
	return ok("none")
}

// bandwidth reads cpu.max of the unified hierarchy, "max" being no limit
// (cgroup-v2.rst), or what v1 has, -1 being none (scheduler/sched-bwc.rst). A
// group that has neither file, as the root, has no limit.
func (m *machine) bandwidth(dir string) (limit, period int, told bool) {
	if m.exists(dir + "/cpu.max") {
		n, _ := fmt.Sscanf(strings.Replace(m.read(dir+"/cpu.max"), "max", "0", 1), "%d %d", &limit, &period)
		return limit, period, n == 2
	}
	if !m.exists(dir + "/cpu.cfs_quota_us") {
		return 0, 0, true
	}
	limit, ok1 := m.number(dir + "/cpu.cfs_quota_us")
	period, ok2 := m.number(dir + "/cpu.cfs_period_us")
	return limit, period, ok1 && ok2
}

// stat is a value in a file of lines "name value".
func (m *machine) stat(file, name string) string {
	for line := range strings.Lines(m.read(file)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			return f[1]
		}
	}
	return ""
}

func smt(m *machine) Outcome {
	active := m.read(sysCPU + "smt/active")
	if active == "" {
		active = m.siblings()
	}
	switch {
	case active == "1":
		return warning("on: two CPUs share a core", "choose CPUs of different cores with --server-cpus and --client-cpus, or switch it off (echo off > /sys/devices/system/cpu/smt/control)")
	case active == "":
		return unknown("the kernel does not tell", "look at lscpu, or ask who runs this machine")
	case m.hypervisor() != "":
		return unknown("off as this virtual machine sees it", "the host may run two vCPUs on one core: ask who runs it")
	case !m.bare():
		return unknown("off, unless this is a virtual machine", "the host of one may run two vCPUs on one core: ask who runs this machine")
	}
	return ok("off")
}

// siblings is what smt/active says, by the topology of every CPU.
func (m *machine) siblings() (active string) {
	told := true
	for _, dir := range m.glob(sysCPU + "cpu[0-9]*/topology") {
		switch len(expand(m.read(dir + "/thread_siblings_list"))) {
		case 0:
			told = false
		case 1:
			active = "0"
		default:
			return "1"
		}
	}
	if !told {
		return ""
	}
	return active
}

func governor(m *machine) Outcome {
	governors := map[string]bool{}
	var list []string
	told := true
	for _, file := range m.glob(sysCPU + "cpufreq/policy*/scaling_governor") {
		g := m.read(file)
		told = told && g != ""
		if g != "" && !governors[g] {
			governors[g] = true
			list = append(list, g)
		}
	}
	switch {
	case !told && (len(list) == 0 || len(list) == 1 && governors["performance"]):
		return unknown("not every CPU tells its governor", "look at cpupower frequency-info")
	case len(list) == 0:
		return unknown("no cpufreq here: firmware or the host decides the frequency", "compare contestants interleaved or in duet only, as ringbench does")
	case len(list) == 1 && governors["performance"]:
		return ok("performance")
	}
	return warning(strings.Join(list, ", "), "cpupower frequency-set -g performance: else light load is measured at a low frequency")
}

// turbo knows the switches of intel_pstate and of all other drivers
// (admin-guide/pm/intel_pstate.rst, cpufreq.rst).
func turbo(m *machine) Outcome {
	switch m.read(sysCPU + "intel_pstate/no_turbo") {
	case "1":
		return ok("off")
	case "0":
		return warning("on", "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo: the frequency depends on heat and on what other cores do")
	}
	switch m.read(sysCPU + "cpufreq/boost") {
	case "0":
		return ok("off")
	case "1":
		return warning("on", "echo 0 > /sys/devices/system/cpu/cpufreq/boost: the frequency depends on heat and on what other cores do")
	}
	return unknown("no switch here: firmware or the host decides", "see firmware setup; compare contestants interleaved or in duet only")
}

// wakeMax is the time to leave an idle state, µs, beyond which it shows in the
// latency of a message: one echo over loopback takes some 20.
const wakeMax = 20

func idleStates(m *machine) Outcome {
	driver := m.read(sysCPU + "cpuidle/current_driver")
	chooser := m.read(sysCPU + "cpuidle/current_governor_ro")
	if g := m.read(sysCPU + "cpuidle/current_governor"); g != "" {
		chooser = g
	}
	found := "driver " + driver + ", governor " + chooser
	if driver == "" || driver == "none" {
		found = "no driver"
	}
	deepest, wake, told := "", -1, true
	for _, dir := range m.glob(sysCPU + "cpu0/cpuidle/state[0-9]*") {
		disabled := m.read(dir + "/disable")
		if disabled == "1" {
			continue
		}
		n, ok := m.number(dir + "/latency")
		switch {
		case !ok || n > wakeMax && disabled == "":
			told = false
		case n > wake:
			deepest, wake = m.read(dir+"/name"), n
		}
	}
	switch {
	case strings.Contains(" "+m.read("proc/cmdline")+" ", " idle=poll "):
		return ok("none, the kernel polls (idle=poll)")
	case m.hypervisor() != "":
		if n, ok := m.number("sys/module/haltpoll/parameters/guest_halt_poll_ns"); ok && n > 0 && chooser == "haltpoll" {
			found += fmt.Sprintf(", polling up to %d µs before it halts", n/1000)
		}
		return unknown(found+"; the host decides what waking a halted vCPU costs", "expect wake-ups in latencies at low load; --placement=shared avoids those between vCPUs")
	case driver == "" || driver == "none" || wake < 0:
		return unknown(found+" that tells", "look at the C-states in firmware setup: waking up shows in latencies at low load")
	case wake > wakeMax:
		return warning(fmt.Sprintf("%s; %s takes %d µs to leave", found, deepest, wake), fmt.Sprintf("cpupower idle-set -D %d while you measure: else latencies at low load are those of waking up", wakeMax))
	case !told:
		return unknown(found+", and not every state tells what it costs", "look at cpupower idle-info: waking up shows in latencies at low load")
	case !m.bare():
		return unknown(found+"; the host, where this is a virtual machine, decides what waking up costs", "ask who runs this machine")
	}
	return ok(fmt.Sprintf("%s; the deepest, %s, takes %d µs to leave", found, deepest, wake))
}

// hypervisor names the one that this machine runs on, "" where none shows.
func (m *machine) hypervisor() string {
	vendor := strings.TrimSpace(m.read("sys/class/dmi/id/sys_vendor") + " " + m.read("sys/class/dmi/id/product_name"))
	switch {
	case m.read("sys/hypervisor/type") != "":
		return m.read("sys/hypervisor/type")
	case m.hypervisorFlag() && vendor != "":
		return vendor
	case m.hypervisorFlag():
		return "an unnamed hypervisor"
	case m.exists("proc/device-tree/hypervisor"):
		return "a hypervisor (device tree)"
	}
	for _, name := range []string{"QEMU", "KVM", "VMware", "VirtualBox", "Xen", "Amazon EC2", "Google Compute Engine", "Virtual Machine", "Parallels"} {
		if strings.Contains(vendor, name) && !strings.Contains(vendor, ".metal") {
			return vendor
		}
	}
	return ""
}

// bare tells whether the machine is known not to be a virtual one: x86 says so
// itself, of others the firmware may.
func (m *machine) bare() bool {
	if m.hypervisor() != "" {
		return false
	}
	return m.field("proc/cpuinfo", "flags") != "" || m.Arch != "amd64" && len(m.glob("sys/class/dmi/id/*")) > 0
}

// hypervisorFlag is CPUID's, which x86 has.
func (m *machine) hypervisorFlag() bool {
	return strings.Contains(" "+m.field("proc/cpuinfo", "flags")+" ", " hypervisor ")
}

func virtualisation(m *machine) Outcome {
	if h := m.hypervisor(); h != "" {
		return warning("a virtual machine on "+h, "use --duet, and several sessions apart in time: vCPUs are not always there, and CPU time varies with neighbours")
	}
	if !m.bare() {
		return unknown("no sign of a hypervisor, on a CPU that need not show one", "ask who runs this machine")
	}
	return ok("no sign of a hypervisor")
}
