package meter

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"golang.org/x/sys/unix"
)

// Environment describes the machine that this process runs on. What cannot be
// found out is "unknown" or empty.
func Environment() result.Env {
	e := result.Env{
		Arch:        runtime.GOARCH,
		GoVersion:   runtime.Version(),
		CPUModel:    cpuModel(read("/proc/cpuinfo")),
		CPUs:        countCPUs(map[string]bool{read("/sys/devices/system/cpu/online"): true}),
		TickHz:      float64(time.Second) / float64(tickLength()),
		Autogroup:   read("/proc/sys/kernel/sched_autogroup_enabled") == "1",
		Mitigations: mitigations("/sys/devices/system/cpu/vulnerabilities"),
		Cmdline:     read("/proc/cmdline"),
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		e.Host = unix.ByteSliceToString(u.Nodename[:])
		e.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		e.MemoryBytes = uint64(info.Totalram) * uint64(info.Unit)
	}
	if e.CPUs == 0 {
		e.CPUs = runtime.NumCPU()
	}
	e.Accounting, e.IRQAccounting = Accounting(KernelConfig(os.DirFS("/"), e.Kernel), read("/sys/devices/system/cpu/nohz_full"))
	return e
}

func read(name string) string {
	b, _ := os.ReadFile(name)
	return string(bytes.TrimSpace(b))
}

// cpuModel finds the name in /proc/cpuinfo, or the numbers that stand for it on
// arm64.
func cpuModel(cpuinfo string) string {
	field := map[string]string{}
	for line := range strings.Lines(cpuinfo) {
		k, v, _ := strings.Cut(line, ":")
		if k = strings.TrimSpace(k); field[k] == "" {
			field[k] = strings.TrimSpace(v)
		}
	}
	for _, k := range []string{"model name", "Processor", "cpu model", "uarch", "isa"} {
		if field[k] != "" {
			return field[k]
		}
	}
	if part := field["CPU part"]; part != "" {
		return "implementer " + field["CPU implementer"] + " part " + part
	}
	return "unknown"
}

// mitigations lists what the kernel says of the weaknesses of the CPU, for they
// make system calls dearer: "name: text", sorted.
func mitigations(dir string) (list []string) {
	names, _ := filepath.Glob(dir + "/*")
	for _, name := range names {
		if text := read(name); text != "" {
			list = append(list, filepath.Base(name)+": "+text)
		}
	}
	return list
}

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
	cpu, irq = "unknown", "unknown"
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
