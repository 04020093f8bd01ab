package meter

import (
	"bufio"
	"compress/gzip"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// KernelConfig reads the options that the running kernel was built with, nil
// when they are nowhere to be found in files, a tree that begins at the root.
func KernelConfig(files fs.FS, release string) map[string]string {
	if f, err := files.Open("proc/config.gz"); err == nil {
		defer f.Close()
		if z, err := gzip.NewReader(f); err == nil {
			return parseConfig(z)
		}
	}
	for _, name := range []string{"boot/config-" + release, "lib/modules/" + release + "/config", "usr/lib/modules/" + release + "/config"} {
		if f, err := files.Open(name); err == nil {
			defer f.Close()
			return parseConfig(f)
		}
	}
	return nil
}

func parseConfig(r io.Reader) map[string]string {
	options := map[string]string{}
	for sc := bufio.NewScanner(r); sc.Scan(); {
		if k, v, ok := strings.Cut(sc.Text(), "="); ok && strings.HasPrefix(k, "CONFIG_") {
			options[k] = v
		}
	}
	return options
}

// Accounting says how a kernel of that configuration splits CPU time: "tick",
// "virt-gen" or "unknown", and whether softirqs are charged to the "task" that
// they interrupt or "apart". A kernel built with
// VIRT_CPU_ACCOUNTING_GEN still samples by the tick, but on CPUs that nohz_full
// names, or when context tracking is forced (kernel/context_tracking.c).
func Accounting(config map[string]string, nohzFull string) (cpu, irq string) {
	cpu, irq = unknown, unknown
	if config == nil {
		return cpu, irq
	}
	tracked := (nohzFull != "" && nohzFull != "(null)") || config["CONFIG_CONTEXT_TRACKING_USER_FORCE"] == "y" ||
		config["CONFIG_CONTEXT_TRACKING_FORCE"] == "y"
	switch {
	case config["CONFIG_VIRT_CPU_ACCOUNTING_GEN"] == "y" && tracked:
		cpu = "virt-gen"
	case config["CONFIG_VIRT_CPU_ACCOUNTING_GEN"] == "y", config["CONFIG_TICK_CPU_ACCOUNTING"] == "y":
		cpu = "tick"
	}
	irq = "task"
	if config["CONFIG_IRQ_TIME_ACCOUNTING"] == "y" {
		irq = "apart"
	}
	return cpu, irq
}

// DebugOptions make every path of the kernel several times slower
// (lib/Kconfig.debug), and io_uring's paths by another factor than epoll's.
var DebugOptions = []string{"KASAN", "KCSAN", "KMSAN", "UBSAN", "PROVE_LOCKING", "LOCK_STAT", "DEBUG_LOCK_ALLOC", "DEBUG_KMEMLEAK", "DEBUG_PAGEALLOC_ENABLE_DEFAULT", "SLUB_DEBUG_ON", "DEBUG_PREEMPT"}

// options of the kernel that bear on results beside DebugOptions: the tick and
// what CPU time is by it, preemption, mitigations, scheduling of groups.
var options = []string{
	"HZ", "HZ_PERIODIC", "NO_HZ_IDLE", "NO_HZ_FULL",
	"TICK_CPU_ACCOUNTING", "VIRT_CPU_ACCOUNTING_GEN", "IRQ_TIME_ACCOUNTING", "PARAVIRT_TIME_ACCOUNTING",
	"PREEMPT_NONE", "PREEMPT_VOLUNTARY", "PREEMPT", "PREEMPT_LAZY", "PREEMPT_RT", "PREEMPT_DYNAMIC",
	"CPU_MITIGATIONS", "SPECULATION_MITIGATIONS", "SCHED_AUTOGROUP", "CFS_BANDWIDTH", "HIGH_RES_TIMERS", "NET_RX_BUSY_POLL",
}

// bearing is what the configuration says of options: their values, "n" where they
// are not set, "unknown" where there is no configuration.
func bearing(config map[string]string) map[string]string {
	m := map[string]string{}
	for _, o := range slices.Concat(options, DebugOptions) {
		switch v := config["CONFIG_"+o]; {
		case config == nil:
			m[o] = unknown
		case v == "":
			m[o] = "n"
		default:
			m[o] = v
		}
	}
	return m
}

// Preemption is how the kernel preempts: "none", "voluntary", "lazy", "full" or
// "rt". One that can choose (PREEMPT_DYNAMIC) does so by its command line and in
// debugfs, and begins with what it was built with (kernel/sched/core.c).
func (f Files) Preemption(config map[string]string) string {
	choice, _, _ := strings.Cut(f.Read("sys/kernel/debug/sched/preempt"), ")")
	if _, chosen, ok := strings.Cut(choice, "("); ok {
		return chosen
	}
	words := strings.Fields(f.Read("proc/version"))
	if slices.Contains(words, "PREEMPT_RT") {
		return "rt"
	}
	for word := range strings.FieldsSeq(f.Read("proc/cmdline")) {
		if v, ok := strings.CutPrefix(word, "preempt="); ok && slices.Contains(words, "PREEMPT_DYNAMIC") {
			return v
		}
	}
	for _, o := range [][2]string{{"NONE", "none"}, {"VOLUNTARY", "voluntary"}, {"LAZY", "lazy"}} {
		if config["CONFIG_PREEMPT_"+o[0]] == "y" {
			return o[1]
		}
	}
	if config["CONFIG_PREEMPT"] == "y" || slices.Contains(words, "PREEMPT") {
		return "full"
	}
	return unknown
}
