package doctor

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/backends"
)

// ring goes by the trial; the sysctls of Linux 6.6 and newer
// (admin-guide/sysctl/kernel.rst) are only told.
func ring(m *machine) Outcome {
	sysctl := "no sysctl to disable it"
	if v := m.Read("proc/sys/kernel/io_uring_disabled"); v != "" {
		sysctl = "kernel.io_uring_disabled is " + v
		if g := m.Read("proc/sys/kernel/io_uring_group"); v == "1" && g != "" {
			sysctl += ", io_uring_group " + g
		}
	}
	if m.Ring == nil {
		return ok("a ring was made: tier " + m.Tier + "; " + sysctl)
	}
	var refused *backends.Unavailable
	if !errors.As(m.Ring, &refused) {
		return warning(m.Ring.Error()+"; "+sysctl, "see io_uring_setup(2) for this error")
	}
	return warning(refused.Why+"; "+sysctl, refused.Remedy)
}

// seccomp looks for a filter on this process: it runs at every system call, so
// it costs most whoever makes most.
func seccomp(m *machine) Outcome {
	switch m.status("Seccomp") {
	case "0":
		return ok("no filter")
	case "":
		return unknown("/proc/self/status does not tell", "run where /proc is mounted")
	}
	found := "a filter runs at every system call"
	if n := m.status("Seccomp_filters"); n != "" {
		found = n + " filters run at every system call"
		if n == "1" {
			found = "1 filter runs at every system call"
		}
	}
	return warning(found, "run without, for example with docker run --security-opt seccomp=unconfined: it favours whoever makes few calls")
}

// container says what signs there are of one. That it is one is no harm by
// itself: what may be is checked apart.
func container(m *machine) Outcome {
	var signs []string
	for _, sign := range []struct{ file, of string }{{".dockerenv", "Docker"}, {"run/.containerenv", "Podman"}} {
		if m.Exists(sign.file) {
			signs = append(signs, sign.of+" (/"+sign.file+")")
		}
	}
	if s := m.Read("run/systemd/container"); s != "" { // systemd's container interface
		signs = append(signs, s+" (/run/systemd/container)")
	}
	groups := m.Read("proc/self/cgroup")
	for _, word := range []string{"kubepods", "docker", "containerd", "libpod", "lxc"} {
		if strings.Contains(groups, word) {
			signs = append(signs, word+" (cgroup)")
		}
	}
	if m.Exists("proc/gvisor") || strings.Contains(m.Read("proc/version"), "gVisor") {
		return warning("gVisor, which has a network stack of its own", "measure outside it")
	}
	switch {
	case len(signs) > 0:
		return ok("signs of " + strings.Join(signs, ", "))
	case groups == "" || m.Read("proc/version") == "":
		return unknown("/proc cannot be read", "run where it is mounted")
	}
	return ok("no sign of one")
}

// capIPCLock is the bit of CAP_IPC_LOCK (include/uapi/linux/capability.h).
const capIPCLock = 14

// lockedWanted is room for the registered buffers of a thousand connections of
// 64 KiB.
const lockedWanted = 64 << 20

// initialUsers is the uid_map of the user namespace that the machine started
// with (user_namespaces(7)).
const initialUsers = "0 0 4294967295"

// lockedMemory: io_uring charges registered buffers to RLIMIT_MEMLOCK, and some
// kernels rings too (those before 5.12, and 6.18 again), all of a user's
// together, unless the process has CAP_IPC_LOCK in the initial user namespace.
func lockedMemory(m *machine) Outcome {
	soft, hard := m.Limit("Max locked memory")
	if soft == "" {
		return unknown("/proc/self/limits does not tell", "look at ulimit -a")
	}
	found := "limit " + inBytes(soft)
	if soft != hard {
		found += ", hard limit " + inBytes(hard)
	}
	if n, err := strconv.ParseUint(soft, 10, 64); err != nil || n >= lockedWanted {
		return ok(found)
	}
	const advice = "raise it with ulimit -l or LimitMEMLOCK=: io_uring's registered buffers are charged to it, and by some kernels its rings"
	caps, err := strconv.ParseUint(m.status("CapEff"), 16, 64)
	if err == nil && caps&(1<<capIPCLock) == 0 {
		return warning(found, advice)
	}
	switch users := strings.Join(strings.Fields(m.Read("proc/self/uid_map")), " "); {
	case err != nil || users == "":
		return unknown(found+"; /proc does not tell whether CAP_IPC_LOCK lifts it", advice)
	case users != initialUsers:
		return warning(found+"; CAP_IPC_LOCK in a user namespace does not lift it", advice)
	}
	return ok(found + "; CAP_IPC_LOCK lifts it")
}

// filesBesides is what a process opens that is no connection.
const filesBesides = 66

func openFiles(m *machine) Outcome {
	_, hard := m.Limit("Max open files") // Go has raised the soft one already
	n, err := strconv.Atoi(hard)
	if err != nil {
		return unknown("/proc/self/limits does not tell", "look at ulimit -a")
	}
	found := "hard limit " + hard
	if n < 10_000+filesBesides {
		return warning(found, "enough for "+strconv.Itoa(max(0, n-filesBesides))+" connections; for 10000 raise it with ulimit -Hn or LimitNOFILE=")
	}
	return ok(found + ", to which the soft one is raised")
}

func inBytes(s string) string {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil:
		return s // unlimited
	case n >= 1<<20:
		return strconv.FormatUint(n>>20, 10) + " MiB"
	}
	return strconv.FormatUint(n>>10, 10) + " KiB"
}

func tracepoints(m *machine) Outcome {
	found := ""
	if p := m.Read("proc/sys/kernel/perf_event_paranoid"); p != "" {
		found = "; kernel.perf_event_paranoid is " + p
	}
	var state string
	_, err := fs.ReadDir(m.Files, "sys/kernel/tracing/events")
	switch {
	case m.Trace == nil:
		return ok("system calls can be counted by tracepoint" + found)
	case errors.Is(err, fs.ErrPermission):
		state = "tracefs is for root only"
	case err != nil:
		state = "tracefs is not mounted"
	default:
		state = "system calls cannot be counted by tracepoint"
	}
	advice := m.Trace.Error()
	if _, remedy, ok := strings.Cut(advice, ": "); ok {
		advice = remedy
	}
	return warning(state+found, advice+"; without it the backends' own counters are what there is")
}
