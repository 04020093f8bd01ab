package meter

import (
	"strconv"
	"strings"
)

const sysCPU = "sys/devices/system/cpu/"

// ExpandCPUs lists the CPUs of a list such as "0-3,8".
func ExpandCPUs(list string) (cpus []int) {
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

// SMT is "1" where two CPUs share a core, "0" where none do, by smt/active or, on
// kernels without it, by the topology of every CPU; "" where that is not told.
func (f Files) SMT() (active string) {
	if active = f.Read(sysCPU + "smt/active"); active != "" {
		return active
	}
	told := true
	for _, dir := range f.Glob(sysCPU + "cpu[0-9]*/topology") {
		switch len(ExpandCPUs(f.Read(dir + "/thread_siblings_list"))) {
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

// Governors lists those of the CPUs' frequencies, each once; told is false where
// some CPU does not tell its own.
func (f Files) Governors() (list []string, told bool) {
	seen := map[string]bool{}
	told = true
	for _, file := range f.Glob(sysCPU + "cpufreq/policy*/scaling_governor") {
		g := f.Read(file)
		told = told && g != ""
		if g != "" && !seen[g] {
			seen[g] = true
			list = append(list, g)
		}
	}
	return list, told
}

// Turbo is "on" or "off", and the switch that says so, by those of intel_pstate
// and of all other drivers (admin-guide/pm/intel_pstate.rst, cpufreq.rst); "" where
// there is none.
func (f Files) Turbo() (state, by string) {
	for _, s := range []struct{ file, on, off string }{
		{sysCPU + "intel_pstate/no_turbo", "0", "1"},
		{sysCPU + "cpufreq/boost", "1", "0"},
	} {
		switch f.Read(s.file) {
		case s.on:
			return "on", "echo " + s.off + " > /" + s.file
		case s.off:
			return "off", ""
		}
	}
	return "", ""
}

// IdleDriver is what puts CPUs to sleep, and what chooses how deep; "" where the
// kernel does not tell.
func (f Files) IdleDriver() (driver, governor string) {
	governor = f.Read(sysCPU + "cpuidle/current_governor_ro")
	if g := f.Read(sysCPU + "cpuidle/current_governor"); g != "" {
		governor = g
	}
	return f.Read(sysCPU + "cpuidle/current_driver"), governor
}

// ClockSource is what the kernel reads the time from.
func (f Files) ClockSource() string {
	return f.Read("sys/devices/system/clocksource/clocksource0/current_clocksource")
}

// Hypervisor names the one that this machine runs on, "" where none shows.
func (f Files) Hypervisor() string {
	vendor := strings.TrimSpace(f.Read("sys/class/dmi/id/sys_vendor") + " " + f.Read("sys/class/dmi/id/product_name"))
	// The flag is CPUID's, which x86 has.
	flag := strings.Contains(" "+f.Field("proc/cpuinfo", "flags")+" ", " hypervisor ")
	switch {
	case f.Read("sys/hypervisor/type") != "":
		return f.Read("sys/hypervisor/type")
	case flag && vendor != "":
		return vendor
	case flag:
		return "an unnamed hypervisor"
	case f.Exists("proc/device-tree/hypervisor"):
		return "a hypervisor (device tree)"
	}
	for _, name := range []string{"QEMU", "KVM", "VMware", "VirtualBox", "Xen", "Amazon EC2", "Google Compute Engine", "Virtual Machine", "Parallels"} {
		if strings.Contains(vendor, name) && !strings.Contains(vendor, ".metal") {
			return vendor
		}
	}
	return ""
}

// Bare tells whether the machine is known not to be a virtual one: x86 says so
// itself, of others the firmware may. Arch is as GOARCH.
func (f Files) Bare(arch string) bool {
	if f.Hypervisor() != "" {
		return false
	}
	return f.Field("proc/cpuinfo", "flags") != "" || arch != "amd64" && len(f.Glob("sys/class/dmi/id/*")) > 0
}
