package uring

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// refused turns the errno of a system call of io_uring into an error that names
// cause and remedy. sysctl is that of sysctlDisabled.
func refused(variant string, errno unix.Errno, sysctl string) *backends.Unavailable {
	return explain(variant, errno, sysctl, seccompMode())
}

// explain goes by what the kernel tells of its policies.
func explain(variant string, errno unix.Errno, sysctl, seccomp string) *backends.Unavailable {
	u := &backends.Unavailable{Backend: variant, Err: errno}
	switch errno {
	case unix.ENOSYS:
		u.Why, u.Remedy = absent(sysctl, seccomp)
	case unix.EPERM:
		u.Why, u.Remedy = denied(sysctl, seccomp)
	case unix.EACCES:
		u.Why = "a security policy forbids io_uring to this process"
		u.Remedy = "look for denials of io_uring in the audit log (SELinux, AppArmor) and allow it for this program"
	case unix.EINVAL:
		u.Why = "the kernel rejects the ring's flags or sizes, although it accepted them one by one"
		u.Remedy = "leave features out with -feature, for example " + base(variant) + "-defer"
	case unix.ENOMEM:
		u.Why = "the kernel has no memory for the ring, or the limit of locked memory, to which many kernels charge all rings of a user together, is too low"
		u.Remedy = "raise it with ulimit -l or LimitMEMLOCK=, or use fewer loops"
	case unix.EOPNOTSUPP:
		u.Why = "the platform answers that it does not support io_uring, as some managed Kubernetes services do"
		u.Remedy = "run on a machine or container runtime that permits io_uring"
	case unix.EAGAIN:
		u.Why = "the kernel cannot start the thread that it needs, because a limit of processes or threads is reached"
		u.Remedy = "raise it with ulimit -u, LimitNPROC= or TasksMax="
	case unix.EMFILE:
		u.Why = "this process has no file descriptor left for the ring"
		u.Remedy = "raise its limit with ulimit -n or LimitNOFILE="
	case unix.EBUSY:
		u.Why = "this thread has registered as many rings as the kernel allows"
		u.Remedy = "open fewer loops in one goroutine, or leave the registration out with " + base(variant) + "-ringfd"
	case unix.ENFILE:
		u.Why = "the system has no file descriptor left for the ring"
		u.Remedy = "raise the sysctl fs.file-max"
	default:
		u.Why = "the kernel refuses to make a ring"
		u.Remedy = "see io_uring_setup(2) for this error"
	}
	return u
}

// noFilter is what /proc/self/status says where no seccomp filter is in force.
const noFilter = "0"

// absent explains ENOSYS: with the sysctl, which is there where io_uring is
// (Linux 6.6), a filter must have answered.
func absent(sysctl, seccomp string) (why, remedy string) {
	const unconfined = "a profile that permits it, for example docker run --security-opt seccomp=unconfined"
	switch {
	case seccomp != noFilter && sysctl != "":
		return "this kernel has io_uring, and a seccomp filter hides it", "run without the filter or with " + unconfined
	case seccomp != noFilter:
		return "this kernel has no io_uring, or one older than Linux 5.11, or a seccomp filter hides it",
			"run on Linux 5.15 or newer with CONFIG_IO_URING, with " + unconfined
	}
	return "this kernel has no io_uring, or one older than Linux 5.11",
		"run on Linux 5.15 or newer with CONFIG_IO_URING, outside gVisor and the like"
}

func denied(sysctl, seccomp string) (why, remedy string) {
	switch sysctl {
	case "1":
		return "the sysctl kernel.io_uring_disabled is 1: only root and members of kernel.io_uring_group may use io_uring",
			"run as root, join that group, or set it to 0 with sysctl -w kernel.io_uring_disabled=0"
	case "2":
		return "the sysctl kernel.io_uring_disabled is 2: nobody may use io_uring",
			"set it to 0 with sysctl -w kernel.io_uring_disabled=0 (as root)"
	}
	if seccomp == noFilter {
		return "the kernel does not permit io_uring to this process, and neither a seccomp filter nor kernel.io_uring_disabled is the cause",
			"look for a security module's denial of io_uring in the audit log, or run as root"
	}
	return "a seccomp filter forbids io_uring, as container runtimes do by default (Docker since 25, containerd since 2)",
		"run outside the container or with a profile that permits it, for example docker run --security-opt seccomp=unconfined"
}

func base(variant string) string {
	if i := strings.IndexAny(variant, "+-"); i >= 0 {
		return variant[:i]
	}
	return variant
}

// seccompMode is "0" without a filter and "2" with one, "" where the kernel
// does not tell (proc_pid_status(5)).
func seccompMode() string { return statusField(read("/proc/thread-self/status"), "Seccomp") }

// sysctlDisabled is what the switch that exists since Linux 6.6 means to this
// process: 1 is 0 to those whom it lets through.
func sysctlDisabled() string {
	v := read("/proc/sys/kernel/io_uring_disabled")
	if v == "1" && letThrough(read("/proc/thread-self/status"), read("/proc/self/uid_map"), read("/proc/sys/kernel/io_uring_group")) {
		return "0"
	}
	return v
}

// capSysAdmin is the bit of CAP_SYS_ADMIN (include/uapi/linux/capability.h).
const capSysAdmin = 21

// letThrough repeats io_uring_allowed (io_uring/io_uring.c): with the switch at
// 1 it wants CAP_SYS_ADMIN in the initial user namespace, the one that maps all
// users to themselves, or the group.
func letThrough(status, users, group string) bool {
	caps, _ := strconv.ParseUint(statusField(status, "CapEff"), 16, 64)
	if caps&(1<<capSysAdmin) != 0 && slices.Equal(strings.Fields(users), []string{"0", "0", "4294967295"}) {
		return true
	}
	groups := strings.Fields(statusField(status, "Groups"))
	if gids := strings.Fields(statusField(status, "Gid")); len(gids) == 4 {
		groups = append(groups, gids[3]) // that of access to files
	}
	return slices.Contains(groups, group)
}

// statusField is a field of /proc/PID/status, "" where there is none.
func statusField(status, name string) string {
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func read(file string) string {
	b, _ := os.ReadFile(file)
	return strings.TrimSpace(string(b))
}
