package meter

import (
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

const unknown = result.Unknown

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}

// facts are what bears on results and is no sysctl and no option of the kernel's
// configuration.
func facts(f Files, arch string, config map[string]string) map[string]string {
	virtual := f.Hypervisor()
	if virtual == "" && f.Bare(arch) {
		virtual = "none"
	}
	turbo, _ := f.Turbo()
	governors, told := f.Governors()
	if !told {
		governors = append(governors, unknown)
	}
	driver, chooser := f.IdleDriver()
	return map[string]string{
		"virtualisation":         orUnknown(virtual),
		"clock_source":           orUnknown(f.ClockSource()),
		"smt":                    orUnknown(map[string]string{"0": "off", "1": "on"}[f.SMT()]),
		"governor":               orUnknown(strings.Join(governors, ", ")),
		"turbo":                  orUnknown(turbo),
		"idle_driver":            orUnknown(driver),
		"idle_governor":          orUnknown(chooser),
		"isolated_cpus":          f.list(sysCPU + "isolated"),
		"nohz_full_cpus":         f.list(sysCPU + "nohz_full"),
		"allowed_cpus":           orUnknown(f.Field("proc/self/status", "Cpus_allowed_list")),
		"preemption":             f.Preemption(config),
		"kernel_build":           orUnknown(f.Read("proc/sys/kernel/version")),
		"seccomp":                orUnknown(map[string]string{"0": "off", "1": "strict", "2": "filter"}[f.Field("proc/self/status", "Seccomp")]),
		"cpu_quota":              f.quota(),
		"memory_limit":           f.MemoryLimit(),
		"locked_memory_limit":    f.limit("Max locked memory"),
		"open_files_limit":       f.limit("Max open files"),
		"transparent_huge_pages": orUnknown(Bracketed(f.Read("sys/kernel/mm/transparent_hugepage/enabled"))),
	}
}

// list is a list of CPUs, "none" where it is empty or this kernel has none such.
func (f Files) list(name string) string {
	switch s := f.Read(name); {
	case s != "" && s != "(null)":
		return s
	case f.Exists(sysCPU + "online"):
		return "none"
	}
	return unknown
}

// limit is the soft and the hard limit of a line of /proc/self/limits.
func (f Files) limit(name string) string {
	soft, hard := f.Limit(name)
	if soft == "" {
		return unknown
	}
	return soft + ", hard " + hard
}

// Limit reads a line of /proc/self/limits: the name, then both limits and their
// unit, in columns (proc_pid_limits(5)).
func (f Files) Limit(name string) (soft, hard string) {
	for line := range strings.Lines(f.Read("proc/self/limits")) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if w := strings.Fields(rest); len(w) >= 2 {
				return w[0], w[1]
			}
		}
	}
	return "", ""
}

// Bracketed is the choice in a list such as "always [madvise] never".
func Bracketed(list string) string {
	_, rest, _ := strings.Cut(list, "[")
	choice, _, _ := strings.Cut(rest, "]")
	return choice
}

// sysctls that bear on results.
var sysctls = []string{
	"kernel.io_uring_disabled", "kernel.numa_balancing", "kernel.sched_autogroup_enabled", "kernel.timer_migration",
	"net.core.busy_poll", "net.core.busy_read", "net.core.netdev_max_backlog", "net.core.rmem_default", "net.core.rmem_max",
	"net.core.somaxconn", "net.core.wmem_default", "net.core.wmem_max",
	"net.ipv4.ip_local_port_range", "net.ipv4.tcp_autocorking", result.Congestion, "net.ipv4.tcp_max_tw_buckets",
	"net.ipv4.tcp_mem", "net.ipv4.tcp_rmem", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_wmem",
	"vm.dirty_background_bytes", "vm.dirty_background_ratio", "vm.dirty_bytes", "vm.dirty_ratio", "vm.max_map_count",
	"vm.nr_hugepages", "vm.overcommit_memory", "vm.swappiness", "vm.zone_reclaim_mode",
}

// readSysctls are their values; "absent" where the kernel has none of that name.
func readSysctls(f Files) map[string]string {
	m := map[string]string{}
	for _, name := range sysctls {
		file := "proc/sys/" + strings.ReplaceAll(name, ".", "/")
		dir := file[:strings.LastIndexByte(file, '/')]
		switch v := strings.Join(strings.Fields(f.Read(file)), " "); {
		case v != "":
			m[name] = v
		case f.Exists(dir) && !f.Exists(file):
			m[name] = "absent"
		default:
			m[name] = unknown
		}
	}
	return m
}

// Congestion is how TCP finds its rate, and whether that paces.
func (f Files) Congestion() (name string, paces bool) {
	name = f.Read("proc/sys/" + strings.ReplaceAll(result.Congestion, ".", "/"))
	return name, result.Paces(name)
}
