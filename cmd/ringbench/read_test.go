package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/storage"
	"github.com/ringbench/ringbench/internal/testenv"
)

// shortRead makes a run on a file as short as it can be.
func shortRead(args ...string) []string {
	list := []string{"read", "--duration=100ms", "--warmup=50ms", "--trials=1", "--audit=false", "-o", "r.json"}
	for flag, value := range map[string]string{"--file-size=": "1m", "--depth=": "4"} {
		if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, flag) }) {
			list = append(list, flag+value)
		}
	}
	return append(list, args...)
}

// Every operation, those that differ the most on all backends that there are here.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"read":   {"--pattern=random,sequential", "--cache=hot"},
		"write":  {"--op=write", "--loops=2"},
		"fsync":  {"--op=fsync", "--bs=512", "--backend=uring,threadpool"},
		"append": {"--op=append", "--file-size=1g", "--backend=epoll,net"},
		"duet":   {"--duet", "--backend=uring,epoll"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *run
			set := measured(func() *run {
				r = newRun(t, shortRead(args...)...).start().wait(exitOK, "r.json")
				return r
			}).result("r.json")
			unit := set.Plan.Unit().Many
			r.prints(unit+"/s", "MB/s", "CPU ns/"+set.Plan.Unit().Short, "of ringbench's own in "+r.tmp, "each contestant on CPU")
			s := set.Storage
			if s == nil || !s.Own || s.Path != r.tmp || s.FileSystem == "" || s.Bytes != set.Plan.Cells[0].FileBytes {
				t.Errorf("%+v", s)
			}
			if set.Floor == nil || set.Floor.Messages == 0 {
				t.Errorf("floor %+v", set.Floor)
			}
			for i := range set.Trials {
				tr := &set.Trials[i]
				c := set.Plan.Cells[tr.Cell]
				if tr.Void != "" || tr.Bytes != tr.Messages*uint64(c.Size) || uint64(tr.Service.TotalCount()) != tr.Messages || tr.Client != nil || tr.Server == nil {
					t.Errorf("%s: void %q, %d operations, %d bytes, %d values", c.Contestant, tr.Void, tr.Messages, tr.Bytes, tr.Service.TotalCount())
				}
			}
		})
	}
}

// A file that was there is read and stays as it is; what is behind its last whole
// block is not.
func TestReadForeign(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	r := newRun(t, "read", "--duration=100ms", "--warmup=50ms", "--trials=1", "--depth=4", "--file=data", "--html=r.html", "-o", "r.json")
	path := filepath.Join(r.dir, "data")
	data := make([]byte, 50*4096+77)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	if err := os.WriteFile(path, data, 0o400); err != nil {
		t.Fatal(err)
	}
	set := r.start().wait(exitOK, "r.json", "r.html", "data").result("r.json")
	if set.Storage.Own || set.Storage.Path != path || set.Plan.Cells[0].FileBytes != int64(len(data)) {
		t.Errorf("%+v", set.Storage)
	}
	if after, err := os.ReadFile(path); err != nil || sha256.Sum256(after) != sha256.Sum256(data) {
		t.Errorf("the file is not what it was: %v", err)
	}
}

// A file that shrinks, or is gone, ends its trials and leaves nothing.
func TestReadForeignFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"shrinks":  {func(path string) error { return os.Truncate(path, 4096*3) }, "the file has shrunk"},
		"vanishes": {os.Remove, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, "read", "--backend=epoll", "--duration=1s", "--warmup=50ms", "--trials=3", "--audit=false", "--depth=4", "--file=data", "-o", "r.json")
			path := filepath.Join(r.dir, "data")
			if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			r.start()
			// The first is that of the harness floor.
			seen := map[int]bool{}
			r.eventually("a trial", func() bool {
				for _, pid := range r.processes("rb-read") {
					seen[pid] = true
				}
				return len(seen) >= 2
			})
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			files := []string{"r.json", "data"}
			if name == "vanishes" {
				files = files[:1]
			}
			r.wait(exitFailed, files...).says("void")
			void := r.result("r.json").Void()
			if len(void) == 0 || !slices.ContainsFunc(void, func(t *result.Trial) bool { return strings.Contains(t.Void, c.says) }) {
				t.Errorf("void: %+v", void)
			}
		})
	}
}

// An interrupt or a kill in the middle of a trial leaves no file, and what took
// its place is given back.
func TestReadInterrupted(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		for name, size := range map[string]string{"filling": "512m", "reading": "1m"} {
			t.Run(sig.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				r := newRun(t, shortRead("--duration=1m", "--op=write", "--file-size="+size, "--backend=epoll")...)
				if name == "filling" && free(t, r.tmp) < 1<<30 {
					testenv.Need(t, "disk", fmt.Errorf("less than 1 GiB free in %s", r.tmp))
				}
				r.start()
				if name == "reading" {
					r.awaitProcess("rb-read")
				}
				r.eventually("a file without a name", func() bool { return deleted(r.cmd.Process.Pid, r.tmp) })
				if err := r.cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				if sig == syscall.SIGINT {
					r.wait(exitInterrupted, "r.json").says("ringbench: interrupted")
					return
				}
				_ = r.cmd.Wait()
				r.eventually("the end of its children", func() bool { return len(r.processes("")) == 0 })
				r.leavesNothing()
			})
		}
	}
}

// deleted reports whether a process holds a file of dir that has no name.
func deleted(pid int, dir string) bool {
	fds, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	return slices.ContainsFunc(fds, func(fd string) bool {
		to, err := os.Readlink(fd)
		return err == nil && strings.HasPrefix(to, dir) && strings.HasSuffix(to, " (deleted)")
	})
}

func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return fs.Bavail * uint64(fs.Bsize)
}

// A file that this process may not make is refused before it is begun; one of
// just that size is made, with as many descriptors as the depth takes.
func TestReadWithinLimits(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	limits := []string{"-fsize=1048576", "-nofile-soft=30", "-nofile-hard=266"} // 2 each, 2 for the loop, 64
	confined(t, limits, shortRead("--file-size=1025k", "--backend=net")...).start().wait(exitUsage).
		says("--file-size=1049600: no file of this process may have more than 1048576 bytes")
	confined(t, limits, shortRead("--depth=101", "--backend=net")...).start().wait(exitUsage).says("--depth=101: 268 open files are needed")
	r := confined(t, limits, shortRead("--depth=100", "--backend=net,epoll")...).start().wait(exitOK, "r.json")
	if void := r.result("r.json").Void(); len(void) > 0 {
		t.Error(void[0].Void)
	}
}

// A file in memory is measured with a warning, and not around the page cache that
// it is in.
func TestReadInMemory(t *testing.T) {
	t.Parallel()
	const dir = "/dev/shm"
	if s := storage.Examine(dir); !storage.InMemory(s) || storage.Room(dir, 1<<20) != nil {
		testenv.Need(t, "tmpfs", fmt.Errorf("%s is on %s, or has no room", dir, s.FileSystem))
	}
	newRun(t, shortRead("--dir="+dir, "--backend=epoll")...).start().wait(exitOK, "r.json").
		prints("warning: the file is in memory (/dev/shm is on tmpfs): no device is behind it; name a --dir on one")
	newRun(t, shortRead("--dir="+dir, "--direct")...).start().wait(exitUsage).says("--direct: /dev/shm is on tmpfs, which is the page cache itself")
	newRun(t, shortRead("--dir="+dir, "--cache=cold")...).start().wait(exitUsage).says("--cache=cold: /dev/shm is on tmpfs, which is always in memory")
}
