package uring

import (
	"os"
	"path/filepath"
	"strings"
)

// noIOPoll is why no loop of sockets polls for completions: the kernel refuses
// every request on such a ring but those of a file that can be polled
// (io_rw_init_file, io_uring/rw.c), and most devices have no queues for it.
func noIOPoll() string {
	why := "a ring that polls takes no sockets, only files with O_DIRECT on a device with poll queues"
	if !pollQueues("/sys/block") {
		why += ", and there are no poll queues on this machine's devices"
	}
	return why
}

// pollQueues reports whether a block device has them: queue/io_poll is 1
// (Documentation/ABI/stable/sysfs-block).
func pollQueues(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*", "queue", "io_poll"))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.TrimSpace(string(b)) == "1" {
			return true
		}
	}
	return false
}
