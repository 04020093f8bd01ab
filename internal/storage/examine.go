package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
)

// Examine says what path, a file or a directory, lies on. What cannot be found
// out is empty.
func Examine(path string) result.Storage {
	s := result.Storage{Path: path}
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return s
	}
	dev := st.Dev
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	at := mountOf(string(mounts), real(path))
	s.FileSystem, s.MountPoint = at.kind, at.point
	// The files of btrfs and its like have a device number that is no device's.
	if unix.Stat(at.source, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFBLK {
		dev = st.Rdev
	}
	s.Device, s.Queue = device(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(dev), unix.Minor(dev)))
	return s
}

// A mount is a line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
type mount struct{ point, kind, source string }

// mountOf finds the mount that path, which has no links, lies in: the last of
// those with the longest mount point, which hides the others.
func mountOf(mountinfo, path string) (found mount) {
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(g) < 2 {
			continue
		}
		point := unescape(f[4])
		within := path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")
		if within && len(point) >= len(found.point) {
			found = mount{point, g[0], unescape(g[1])}
		}
	}
	return found
}

// unescape undoes what the kernel does to spaces, tabs, newlines and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if p, err := filepath.EvalSymlinks(path); err == nil {
		path = p
	}
	return path
}

// device reads what sysfs says of a block device; a partition has the queue of
// its disk.
func device(sys string) (name string, q *result.Queue) {
	dir, err := filepath.EvalSymlinks(sys)
	if err != nil {
		return "", nil
	}
	name = filepath.Base(dir)
	queue := filepath.Join(dir, "queue")
	if _, err := os.Stat(queue); err != nil {
		queue = filepath.Join(filepath.Dir(dir), "queue")
	}
	number := func(attribute string) int {
		n, _ := strconv.Atoi(attributeOf(queue, attribute))
		return n
	}
	if _, err := os.Stat(queue); err != nil {
		return name, nil
	}
	return name, &result.Queue{
		Scheduler: chosen(attributeOf(queue, "scheduler")), Polls: number("io_poll") == 1, Requests: number("nr_requests"),
		Rotational: number("rotational") == 1, WriteCache: attributeOf(queue, "write_cache"), BlockBytes: number("logical_block_size"),
	}
}

func attributeOf(dir, name string) string {
	b, _ := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(b))
}

// chosen is the word in brackets of "[none] mq-deadline", or all of it.
func chosen(s string) string {
	if _, after, ok := strings.Cut(s, "["); ok {
		s, _, _ = strings.Cut(after, "]")
	}
	return s
}

// inMemory are file systems without a device.
var inMemory = []string{"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"}

// InMemory reports whether s is on a file system that has no device.
func InMemory(s result.Storage) bool {
	for _, kind := range inMemory {
		if s.FileSystem == kind {
			return true
		}
	}
	return false
}
