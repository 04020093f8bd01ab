package child

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The spawner is a goroutine that never leaves its thread and never ends. A
// child gets the affinity of the thread that forks it, so that thread takes the
// child's affinity for the time of the fork; and a child's parent-death signal
// is sent when the thread that forked it ends (prctl(2), PR_SET_PDEATHSIG), so
// it must last as long as the process. The Go runtime starts no thread from a
// locked one, so the affinity leaks to none of ours.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		raiseFiles()
		for f := range work {
			f()
		}
	}()
	return work
})

// onSpawner runs f on the spawner's thread.
func onSpawner(f func() error) error {
	done := make(chan error)
	spawner() <- func() { done <- f() }
	return <-done
}

// spawn starts cmd on the given CPUs (nil: where we may run) and in the group
// (nil: ours).
func spawn(cmd *exec.Cmd, cpus []int, g *group) error {
	return onSpawner(func() (err error) {
		if len(cpus) > 0 {
			restore, err := pin(cpus)
			if err != nil {
				return err
			}
			defer restore()
		}
		leave, err := g.enter(cmd.SysProcAttr)
		if err != nil {
			return err
		}
		err = cmd.Start()
		if lerr := leave(); err == nil && lerr != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
			return lerr
		}
		return err
	})
}

// pin moves the calling thread to cpus and returns what moves it back.
func pin(cpus []int) (restore func(), err error) {
	var old, want, got unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return nil, fmt.Errorf("read CPU affinity: %w", err)
	}
	for _, c := range cpus {
		if c < 0 || c >= len(want)*64 {
			return nil, unavailable([]int{c})
		}
		want.Set(c)
	}
	restore = func() {
		if unix.SchedSetaffinity(0, &old) != nil {
			// The set we came from is gone (a cpuset changed). This thread
			// only forks, so anywhere is as good.
			_ = unix.SchedSetaffinity(0, everyCPU())
		}
	}
	// The kernel drops what the machine or the cpuset does not have without
	// saying so, and refuses only when nothing is left.
	if err := unix.SchedSetaffinity(0, &want); err != nil && err != unix.EINVAL {
		return nil, fmt.Errorf("pin to CPUs %s: %w", List(cpus), err)
	} else if err == nil {
		if err := unix.SchedGetaffinity(0, &got); err != nil {
			restore()
			return nil, fmt.Errorf("read CPU affinity: %w", err)
		}
	}
	if got != want {
		var missing []int
		for _, c := range cpus {
			if !got.IsSet(c) {
				missing = append(missing, c)
			}
		}
		err := unavailable(missing) // before restore: it changes the affinity, too
		restore()
		return nil, err
	}
	return restore, nil
}

func everyCPU() *unix.CPUSet {
	var all unix.CPUSet
	for i := range all {
		all[i] = ^all[i]
	}
	return &all
}

// unavailable names the CPUs that a child cannot have and those that it can. It
// runs on the spawner's thread and leaves it on all of the latter.
func unavailable(missing []int) error {
	var have unix.CPUSet
	_ = unix.SchedSetaffinity(0, everyCPU())
	if err := unix.SchedGetaffinity(0, &have); err != nil {
		return fmt.Errorf("CPU %s is not available here", List(missing))
	}
	return fmt.Errorf("CPU %s does not exist or is not allowed here; available are %s", List(missing), List(members(&have)))
}

func members(s *unix.CPUSet) (cpus []int) {
	for c := range len(s) * 64 {
		if s.IsSet(c) {
			cpus = append(cpus, c)
		}
	}
	return cpus
}

// Allowed lists the CPUs that this process may use, as taskset and cpusets leave
// them.
func Allowed() []int {
	var have unix.CPUSet
	if unix.SchedGetaffinity(os.Getpid(), &have) != nil {
		return []int{0}
	}
	return members(&have)
}

// List writes CPUs the way the kernel does: "0-3,8".
func List(cpus []int) string {
	cpus = slices.Compact(slices.Sorted(slices.Values(cpus)))
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		p := strconv.Itoa(cpus[i])
		if j > i {
			p += "-" + strconv.Itoa(cpus[j])
		}
		parts = append(parts, p)
		i = j + 1
	}
	return strings.Join(parts, ",")
}
