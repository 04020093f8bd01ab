package meter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A SyscallTrace counts the system calls of a process, or of it and its
// descendants, by the kernel's raw_syscalls:sys_enter tracepoint, which sees
// every call of every thread, those that fail too. Nothing depends on what the
// process says of itself.
//
// From TraceSyscalls to Close, enabled or not, the tracepoint sends every system
// call of the whole machine through a slower path. Count in a window of its own
// after the measured one, never within it.
type SyscallTrace struct {
	pid  int
	tids func() ([]int, error) // the threads to be traced
	fds  []int                 // an event for each; threads and processes that it starts later count into it
}

// TraceSyscalls prepares to count the system calls of a process. An error names
// what is missing and the remedy.
func TraceSyscalls(pid int) (*SyscallTrace, error) {
	return traceThreads(pid, func() ([]int, error) { return threadIDs(pid) })
}

// TraceTree is TraceSyscalls for a process and its descendants.
func TraceTree(pid int) (*SyscallTrace, error) {
	return traceThreads(pid, func() (tids []int, err error) {
		pids, err := Descendants(pid)
		if err != nil {
			return nil, err
		}
		for _, pid := range append(pids, pid) {
			of, err := threadIDs(pid)
			if err != nil && !errors.Is(err, errEnded) {
				return nil, err
			}
			tids = append(tids, of...)
		}
		return tids, nil
	})
}

func traceThreads(pid int, tids func() ([]int, error)) (*SyscallTrace, error) {
	id, err := tracepointID()
	if err != nil {
		return nil, err
	}
	// A thread that starts while we open events is counted twice if its
	// creator had its event already, and not at all if not. So begin again
	// until none has started.
	for range 20 {
		t := &SyscallTrace{pid: pid, tids: tids}
		known, err := t.open(id)
		if err != nil {
			t.Close()
			return nil, err
		}
		now, err := tids()
		if err != nil {
			t.Close()
			if errors.Is(err, unix.EMFILE) {
				err = openError(pid, len(known), unix.EMFILE)
			}
			return nil, err
		}
		if !anyNew(now, known) {
			return t, nil
		}
		t.Close()
	}
	return nil, fmt.Errorf("trace system calls of process %d: it starts threads faster than they can be traced; trace it when the load is steady", pid)
}

// CanTrace is nil when system calls can be traced here; else the error of
// TraceSyscalls.
func CanTrace() error {
	t, err := TraceSyscalls(os.Getpid())
	if err == nil {
		t.Close()
	}
	return err
}

func anyNew(now []int, known map[int]bool) bool {
	for _, tid := range now {
		if !known[tid] {
			return true
		}
	}
	return false
}

// open opens an event for every thread that there is now.
func (t *SyscallTrace) open(id uint64) (known map[int]bool, err error) {
	tids, err := t.tids()
	if err != nil {
		return nil, err
	}
	attr := unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_TRACEPOINT,
		Size:   unix.PERF_ATTR_SIZE_VER0,
		Config: id,
		Bits:   unix.PerfBitDisabled | unix.PerfBitInherit,
	}
	known = make(map[int]bool, len(tids))
	for _, tid := range tids {
		known[tid] = true
		fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err == unix.ESRCH {
			continue // it ended
		}
		if err != nil {
			return nil, openError(t.pid, len(tids), err)
		}
		t.fds = append(t.fds, fd)
	}
	if len(t.fds) == 0 {
		return nil, fmt.Errorf("process %d %w", t.pid, errEnded)
	}
	return known, nil
}

func openError(pid, threads int, err error) error {
	switch err {
	case unix.EACCES, unix.EPERM:
		paranoid, _ := os.ReadFile("/proc/sys/kernel/perf_event_paranoid")
		return fmt.Errorf("counting system calls by tracepoint is not permitted (%w; kernel.perf_event_paranoid is %s): "+
			"run as root or with CAP_PERFMON", err, strings.TrimSpace(string(paranoid)))
	case unix.EMFILE:
		return fmt.Errorf("trace system calls of process %d: %w: an event for each of its %d threads is needed; raise the limit with ulimit -n", pid, err, threads)
	case unix.ENOSYS, unix.ENOENT:
		return fmt.Errorf("counting system calls by tracepoint is not possible: this kernel is built without CONFIG_PERF_EVENTS or CONFIG_FTRACE_SYSCALLS (%w)", err)
	}
	return fmt.Errorf("trace system calls of process %d: perf_event_open: %w", pid, err)
}

// tracepointID finds the number of raw_syscalls:sys_enter in tracefs, which is
// mounted in one of two places.
func tracepointID() (uint64, error) {
	var errs []error
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		b, err := os.ReadFile(dir + "/events/raw_syscalls/sys_enter/id")
		if id := parseUint(strings.TrimSpace(string(b))); err == nil && id > 0 {
			return id, nil
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	if errors.Is(err, fs.ErrPermission) {
		return 0, errors.New("counting system calls by tracepoint is not permitted: tracefs is for root only; run as root")
	}
	if _, err := os.Stat("/sys/kernel/tracing/events"); err == nil {
		return 0, errors.New("counting system calls by tracepoint is not possible: this kernel is built without CONFIG_FTRACE_SYSCALLS")
	}
	return 0, errors.New("counting system calls by tracepoint needs tracefs, which is not mounted: as root, mount -t tracefs nodev /sys/kernel/tracing")
}

// Enable starts counting.
func (t *SyscallTrace) Enable() error {
	for _, fd := range t.fds {
		if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
			return fmt.Errorf("enable tracing of process %d: %w", t.pid, err)
		}
	}
	return nil
}

// Count is the number of system calls entered since Enable. The threads are read
// one after the other.
func (t *SyscallTrace) Count() (uint64, error) {
	var sum uint64
	var b [8]byte
	for _, fd := range t.fds {
		n, err := unix.Read(fd, b[:])
		if err == nil && n != len(b) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, fmt.Errorf("read count of system calls of process %d: %w", t.pid, err)
		}
		sum += binary.NativeEndian.Uint64(b[:])
	}
	return sum, nil
}

// Close ends the tracing.
func (t *SyscallTrace) Close() {
	for _, fd := range t.fds {
		unix.Close(fd)
	}
	t.fds = nil
}
