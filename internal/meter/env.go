package meter

import (
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"golang.org/x/sys/unix"
)

// Environment describes the machine that this process runs on. What cannot be
// found out is "unknown" or empty.
func Environment() result.Env {
	root := Root()
	release := root.Read("proc/sys/kernel/osrelease")
	config := KernelConfig(root, release)
	e := result.Env{
		Commit:       commit(),
		Facts:        facts(root, runtime.GOARCH, config),
		KernelConfig: bearing(config),
		Sysctls:      readSysctls(root),
		Arch:         runtime.GOARCH,
		GoVersion:    runtime.Version(),
		CPUModel:     cpuModel(root.Read("proc/cpuinfo")),
		CPUs:         len(ExpandCPUs(root.Read(sysCPU + "online"))),
		TickHz:       float64(time.Second) / float64(tickLength()),
		Autogroup:    root.Read("proc/sys/kernel/sched_autogroup_enabled") == "1",
		Mitigations:  mitigations(root),
		Cmdline:      root.Read("proc/cmdline"),
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
	e.Accounting, e.IRQAccounting = Accounting(config, root.Read(sysCPU+"nohz_full"))
	return e
}

// commit is that of the source that this program was built from, "unknown" where
// the build was not told (as go test and go build -buildvcs=false are not).
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	c := orUnknown(settings["vcs.revision"])
	if settings["vcs.modified"] == "true" {
		c += " (modified)"
	}
	return c
}

// cpuModel finds the name in /proc/cpuinfo with the numbers beside it, as one name, in
// virtual machines above all, is of several generations; or the numbers that stand for
// it on arm64.
func cpuModel(cpuinfo string) string {
	field := map[string]string{}
	for line := range strings.Lines(cpuinfo) {
		k, v, _ := strings.Cut(line, ":")
		if k = strings.TrimSpace(k); field[k] == "" {
			field[k] = strings.TrimSpace(v)
		}
	}
	if name, family := field["model name"], field["cpu family"]; name != "" && family != "" {
		return fmt.Sprintf("%s (family %s, model %s, stepping %s)", name, family, field["model"], field["stepping"])
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
func mitigations(f Files) (list []string) {
	for _, name := range f.Glob(sysCPU + "vulnerabilities/*") {
		if text := f.Read(name); text != "" {
			list = append(list, path.Base(name)+": "+text)
		}
	}
	return list
}
