package bench

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/child"
)

// A threadLimit is one of the bounds on how many threads there may be.
type threadLimit struct {
	name   string
	free   int
	remedy string
	each   bool // it binds each process by itself, not all together
}

// threadLimits lists those that this system sets, less what is in use. RLIMIT_NPROC
// does not bind root.
func threadLimits() (limits []threadLimit) {
	inUse := threadsInUse()
	for _, name := range []string{"kernel.threads-max", "kernel.pid_max"} {
		if n, ok := readInt("/proc/sys/" + strings.ReplaceAll(name, ".", "/")); ok {
			limits = append(limits, threadLimit{name: name, free: n - inUse, remedy: "raise it with sysctl -w " + name + "=N"})
		}
	}
	// Each thread's stack is a mapping of its own, and the runtime's guard another.
	if n, ok := readInt("/proc/sys/vm/max_map_count"); ok {
		limits = append(limits, threadLimit{name: "vm.max_map_count", free: n / 2, remedy: "raise it with sysctl -w vm.max_map_count=N", each: true})
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) == nil && os.Geteuid() != 0 && r.Cur < math.MaxInt32 {
		limits = append(limits, threadLimit{name: "the limit of this user's processes (ulimit -u)", free: int(r.Cur) - threadsOf(os.Getuid()), remedy: "raise it with ulimit -u or LimitNPROC="})
	}
	if n, ok := cgroupPids(); ok {
		limits = append(limits, threadLimit{name: "the pids cgroup", free: n, remedy: "raise its pids.max (docker run --pids-limit)"})
	}
	return limits
}

func threadsInUse() (n int) {
	b, err := os.ReadFile("/proc/loadavg") // "0.00 0.01 0.05 1/123 4567": running/all threads
	if err != nil {
		return 0
	}
	if f := strings.Fields(string(b)); len(f) > 3 {
		if _, all, ok := strings.Cut(f[3], "/"); ok {
			fmt.Sscan(all, &n)
		}
	}
	return n
}

// threadsOf counts the threads of a user, which is what RLIMIT_NPROC binds.
func threadsOf(uid int) (n int) {
	for _, pid := range child.Processes() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // it has ended
		}
		if status := string(b); statusField(status, "Uid") == uid {
			n += statusField(status, "Threads")
		}
	}
	return n
}

// statusField is the first number of a line of /proc/PID/status, -1 without it.
func statusField(status, name string) int {
	_, rest, ok := strings.Cut(status, "\n"+name+":")
	n := -1
	if ok {
		fmt.Sscan(rest, &n)
	}
	return n
}

// cgroupPids is how many threads this process's pids cgroup and those above it
// leave, v1 or v2.
func cgroupPids() (free int, ok bool) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.SplitN(line, ":", 3)
		if len(f) != 3 || f[1] != "" && f[1] != "pids" {
			continue
		}
		for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/pids"} {
			for dir := filepath.Join(root, f[2]); len(dir) >= len(root); dir = filepath.Dir(dir) {
				limit, ok1 := readInt(dir + "/pids.max")
				used, ok2 := readInt(dir + "/pids.current")
				if ok1 && ok2 && (!ok || limit-used < free) {
					free, ok = limit-used, true
				}
			}
		}
	}
	return free, ok
}

func readInt(path string) (n int, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	_, err = fmt.Sscan(string(b), &n) // "max" is no limit
	return n, err == nil
}
