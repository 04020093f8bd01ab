package child

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A family is a child and those that came of it: of the group or the session that it
// leads, in which they stay when their parent dies, and, of a foreign one, that have
// its mark. All that ties the server to us of a wrapper that did not exec it is the
// group; of one that went into a session of its own, as a daemon does, the mark.
type family struct {
	child int    // not reaped: until then no other process leads either
	mark  string // in the environment that it was given, and gives on; "": none
}

var marksMade atomic.Int64

// newMark is a variable of the environment that no other child has, nor one of a
// process that had our number before.
func newMark() string {
	return fmt.Sprintf("RINGBENCH_FAMILY=%d-%d-%d", os.Getpid(), time.Now().UnixNano(), marksMade.Add(1))
}

// A relative is a process of a family, not the child itself.
type relative struct {
	pid   int
	name  string // its command, 15 bytes at most
	since string // when it started, which tells it from another of its number
}

func (r relative) String() string { return fmt.Sprintf("%s (pid %d)", r.name, r.pid) }

// relatives lists those that have not ended.
func (f family) relatives() (list []relative) {
	for _, pid := range Processes() {
		if r, ok := f.related(pid); ok {
			list = append(list, r)
		}
	}
	return list
}

func (f family) related(pid int) (r relative, ok bool) {
	group, _ := unix.Getpgid(pid) // fails when it has ended, as does what follows
	session, _ := unix.Getsid(pid)
	if pid == f.child || group != f.child && session != f.child && !f.marked(pid) {
		return r, false
	}
	return glimpse(pid)
}

// glimpse is a process as proc_pid_stat(5) has it; false if it has ended.
func glimpse(pid int) (r relative, ok bool) {
	stat := readTrimmed(fmt.Sprintf("/proc/%d/stat", pid))
	from, to := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return r, false
	}
	fields := strings.Fields(stat[to+1:]) // from the third on, which is its state
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return r, false
	}
	return relative{pid, stat[from+1 : to], fields[19]}, true
}

// marked reports whether a process was given the mark. One that has ended, or is
// another user's, cannot be asked.
func (f family) marked(pid int) bool {
	if f.mark == "" {
		return false
	}
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return slices.Contains(strings.Split(string(env), "\x00"), f.mark)
}

// signal signals the child and its relatives. The group gets it at once, so
// that none escapes by a fork; who has left the group, one by one. It returns the
// relatives that it found.
func (f family) signal(sig syscall.Signal) []relative {
	_ = unix.Kill(-f.child, sig) // fails only if all are gone
	found := f.relatives()
	for _, r := range found {
		if group, err := unix.Getpgid(r.pid); err != nil || group == f.child {
			continue
		}
		p, err := os.FindProcess(r.pid) // holds on to that very process
		if err != nil {
			continue
		}
		if _, still := f.related(r.pid); still {
			_ = p.Signal(sig)
		}
		_ = p.Release()
	}
	return found
}

// outlive waits until a child that has ended has no relatives any more, and
// returns those that are left at end. Known are those that it had: one that is about
// to end has no environment any more, so that its mark is gone before it is.
func (f family) outlive(known []relative, end time.Time) []relative {
	for {
		left := f.relatives()
		for _, r := range known {
			if now, ok := glimpse(r.pid); ok && now.since == r.since && !slices.ContainsFunc(left, func(l relative) bool { return l.pid == r.pid }) {
				left = append(left, r)
			}
		}
		if len(left) == 0 || !time.Now().Before(end) {
			return left
		}
		time.Sleep(5 * time.Millisecond)
	}
}
