package backends

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// OwnDescriptors locks the calling goroutine to its thread, for good, and gives
// that thread a copy of the descriptor table that it shares with no other
// (unshare(2), CLONE_FILES). A Go process has threads besides the loop's, and
// with a shared table every system call on a descriptor takes and drops a
// reference to the file by atomic operations; with one thread to the table,
// as in a C program of one thread, the kernel does without (fdget,
// fs/file.c). On epoll echo that is 1.5 % of the CPU (doc/go-runtime.md).
//
// Call it before the loop is opened. What other threads open or close from then
// on this thread does not see, nor they its descriptors; all of its own are
// closed when it ends. So a loop that gives work to other threads, as epoll does
// with files, cannot do so then. After an error the goroutine is locked all the
// same and the table is shared.
func OwnDescriptors() error {
	runtime.LockOSThread()
	// The runtime opens its poller at the first timer or pipe of the process.
	// Were that on this thread, later, all others would find the descriptor
	// bad, and the runtime gives up then; so let it happen now.
	time.Sleep(time.Nanosecond)
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return fmt.Errorf("unshare(CLONE_FILES): %w", err)
	}
	owners.Range(func(tid, _ any) bool {
		if unix.Tgkill(unix.Getpid(), tid.(int), 0) == unix.ESRCH { // it has ended
			owners.Delete(tid)
		}
		return true
	})
	owners.Store(unix.Gettid(), threadBegan())
	return nil
}

// owners are the threads that have a table of their own, by number: when each
// began, for another may have its number when it has ended.
var owners sync.Map

// threadBegan is when the calling thread began, in the kernel's words, "" where
// they are not to be had.
func threadBegan() string {
	fd, err := unix.Open("/proc/thread-self/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	line := make([]byte, 1024)
	n, _ := unix.Read(fd, line)
	line = line[:max(n, 0)]
	// starttime is field 22 (proc_pid_stat(5)), 20 behind the name, which may hold spaces.
	if f := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:]); len(f) >= 20 {
		return string(f[19])
	}
	return ""
}

// OwnsDescriptors reports whether the calling thread has a table of its own. A
// loop that leaves work to other threads cannot have them use its descriptors
// then.
func OwnsDescriptors() bool {
	began, own := owners.Load(unix.Gettid())
	return own && began == threadBegan()
}
