package doctor

import (
	"fmt"
	"path"
	"strings"

	"github.com/ringbench/ringbench/internal/meter"
)

// The kernels that matter: the oldest that ringbench runs on, and the first
// that has all that its io_uring loops use by default (IORING_SETUP_DEFER_TASKRUN).
const (
	oldestMajor, oldestMinor = 5, 15
	wantedMajor, wantedMinor = 6, 1
)

func kernel(m *machine) Outcome {
	release := m.Read("proc/sys/kernel/osrelease")
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return unknown("no release in /proc/sys/kernel/osrelease", "run where /proc is mounted")
	}
	before := func(a, b int) bool { return major < a || major == a && minor < b }
	found := "Linux " + release + " " + m.Arch + ", preemption: " + m.Preemption(m.config())
	switch {
	case before(oldestMajor, oldestMinor):
		return warning(found, "ringbench is made for Linux 5.15 and newer")
	case before(wantedMajor, wantedMinor):
		return warning(found, "io_uring runs at a lower tier before Linux 6.1; the result says which")
	case m.Arch != "amd64" && m.Arch != "arm64":
		return unknown(found, "ringbench is tested on amd64 and arm64")
	}
	return ok(found)
}

func (m *machine) config() map[string]string {
	return meter.KernelConfig(m.Files, m.Read("proc/sys/kernel/osrelease"))
}

// debugging looks for options that make every path of the kernel several times
// slower (lib/Kconfig.debug), and io_uring's paths by another factor than
// epoll's.
func debugging(m *machine) Outcome {
	config := m.config()
	if config == nil {
		return unknown("this kernel's configuration is nowhere to be found", "look whether it is built with KASAN, lockdep and the like")
	}
	var on []string
	for _, o := range meter.DebugOptions {
		if config["CONFIG_"+o] == "y" {
			on = append(on, o)
		}
	}
	if len(on) > 0 {
		return warning("built with "+strings.Join(on, ", "), "measure on a kernel without: they multiply what system calls cost")
	}
	return ok("none of the options that cost much")
}

func mitigations(m *machine) Outcome {
	names := m.Glob("sys/devices/system/cpu/vulnerabilities/*")
	if len(names) == 0 {
		return unknown("the kernel lists no vulnerabilities", "compare with results of this machine only")
	}
	var active, open, untold []string
	for _, name := range names {
		text := strings.TrimPrefix(m.Read(name), "KVM: ") // of what its guests could do
		of := path.Base(name)
		switch word, _, _ := strings.Cut(text, ":"); {
		case text == "Not affected":
		case word == "Mitigation":
			active = append(active, of)
		case strings.HasPrefix(text, "Vulnerable"), text == "Processor vulnerable":
			open = append(open, of)
		default: // also "Unknown: …", as in guests
			untold = append(untold, of)
		}
	}
	found := "in force: " + listOr(active, "none")
	if len(open) > 0 {
		return warning(found+"; vulnerable: "+strings.Join(open, ", "),
			"system calls may cost less than where these are mitigated, which favours epoll: compare with results of this machine only")
	}
	if len(untold) > 0 {
		return unknown(found+"; the kernel cannot tell of "+strings.Join(untold, ", "), "compare with results of this machine only")
	}
	return ok(found)
}

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}

// clockSource tells whether reading the time is a system call: these have code
// in the vDSO (arch/*/include/asm/vdso/clocksource.h).
func clockSource(m *machine) Outcome {
	source := m.ClockSource()
	switch source {
	case "":
		return unknown("the kernel does not tell", "run where /sys is mounted")
	case "tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource", "timebase":
		return ok(source + ", read without a system call")
	}
	return warning(source+", read by a system call", "choose another of "+
		listOr(strings.Fields(m.Read("sys/devices/system/clocksource/clocksource0/available_clocksource")), "none")+
		" with clocksource= on the kernel's command line: latencies carry its cost twice")
}

// accounting tells what CPU time is. What the hypervisor takes from a CPU is in the
// time of the thread that ran there, unless the kernel is built to take it out
// (update_rq_clock_task in kernel/sched/core.c).
func accounting(m *machine) Outcome {
	config := m.config()
	split, irq := meter.Accounting(config, m.Read("sys/devices/system/cpu/nohz_full"))
	softirqs := map[string]string{"task": "softirqs charged to whom they interrupt", "apart": "softirqs charged to nobody"}[irq]
	sampled := "the split sampled at " + config["CONFIG_HZ"] + " Hz; " + softirqs
	kept := config["CONFIG_PARAVIRT_TIME_ACCOUNTING"] != "y"
	const remedy = "use --duet, or a kernel with CONFIG_PARAVIRT_TIME_ACCOUNTING: what the host does else looks like CPU of the server"
	switch {
	case config != nil && kept && m.Hypervisor() != "":
		return warning("sums have in them what the hypervisor takes, "+sampled, remedy)
	case config != nil && kept && !m.Bare(m.Arch):
		return unknown("sums exact, unless this is a virtual machine, "+sampled, remedy)
	case split == "virt-gen":
		return ok("exact on the CPUs of nohz_full; " + softirqs)
	case split == "tick":
		return ok("sums exact, " + sampled).
			with("a trial of a second has some " + config["CONFIG_HZ"] + " samples, and the split's error is printed")
	}
	return unknown("this kernel's configuration is nowhere to be found", "take the split as a sample, and the sums as exact")
}
