package child

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A relative is a process of the group or the session that a child leads.
type relative struct {
	pid  int
	name string // its command, 15 bytes at most
}

func (r relative) String() string { return fmt.Sprintf("%s (pid %d)", r.name, r.pid) }

// relatives lists those of the child's group and session that have not ended, the
// child itself not among them. They stay in both when their parent dies, which is
// all that ties the server of a wrapper that did not exec it to us. The child
// must not be reaped: until then no other process leads either.
func relatives(child int) (list []relative) {
	for _, pid := range Processes() {
		if r, ok := related(pid, child); ok {
			list = append(list, r)
		}
	}
	return list
}

func related(pid, child int) (r relative, ok bool) {
	group, _ := unix.Getpgid(pid) // fails when it has ended, as does what follows
	session, _ := unix.Getsid(pid)
	if pid == child || group != child && session != child { // for most, without a file read
		return r, false
	}
	stat := readTrimmed(fmt.Sprintf("/proc/%d/stat", pid))
	from, to := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return r, false
	}
	state := strings.TrimSpace(stat[to+1:]) // proc_pid_stat(5)
	ended := state == "" || state[0] == 'Z' || state[0] == 'X'
	return relative{pid, stat[from+1 : to]}, !ended
}

// signalFamily signals the child and its relatives. The group gets it at once, so
// that none escapes by a fork; who of the session has left the group, one by one.
func signalFamily(child int, sig syscall.Signal) {
	_ = unix.Kill(-child, sig) // fails only if all are gone
	for _, r := range relatives(child) {
		if group, err := unix.Getpgid(r.pid); err != nil || group == child {
			continue
		}
		p, err := os.FindProcess(r.pid) // holds on to that very process
		if err != nil {
			continue
		}
		if _, still := related(r.pid, child); still {
			_ = p.Signal(sig)
		}
		_ = p.Release()
	}
}

// outlive waits until a child that has ended has no relatives any more, and
// returns those that are left at end.
func outlive(child int, end time.Time) []relative {
	for {
		left := relatives(child)
		if len(left) == 0 || !time.Now().Before(end) {
			return left
		}
		time.Sleep(5 * time.Millisecond)
	}
}
