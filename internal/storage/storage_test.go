package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

func places(b []byte, off int64) {
	for i := range b {
		b[i] = byte((off + int64(i)) % 251)
	}
}

// onDevice is a directory on a file system that has a device.
func onDevice(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if s := Examine(dir); InMemory(s) || s.FileSystem == "overlay" {
		testenv.Need(t, "disk", fmt.Errorf("%s is on %s", dir, s.FileSystem))
	}
	return dir
}

func create(t *testing.T, dir string, size int64) *os.File {
	t.Helper()
	f, err := Create(t.Context(), dir, size, places)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// What is made holds what fill wrote, has no name, and can be opened.
func TestCreate(t *testing.T) {
	const size = 2*chunk + 4096
	dir := t.TempDir()
	f := create(t, dir, size)
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%v, %v in the directory", names, err)
	}
	all, err := os.ReadFile(Path(f))
	want := make([]byte, size)
	places(want, 0)
	if err != nil || string(all) != string(want) {
		t.Errorf("%d bytes, %v", len(all), err)
	}
	named, err := CreateNamed(t.Context(), dir, "a", size, places)
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	all, err = os.ReadFile(named.Name())
	info, _ := os.Stat(named.Name())
	if err != nil || string(all) != string(want) || filepath.Base(named.Name()) != "a" || info.Mode() != 0o644 {
		t.Errorf("%s: %d bytes, %v, %v", named.Name(), len(all), info.Mode(), err)
	}
	os.RemoveAll(filepath.Dir(named.Name()))
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Create(ctx, dir, size, func([]byte, int64) { cancel() })
	if names, _ := os.ReadDir(dir); !errors.Is(err, context.Canceled) || len(names) > 0 {
		t.Errorf("interrupted: %v, %v", err, names)
	}
}

// cached is how many pages of f are in the page cache by the kernel's other way
// to tell, cachestat(2) of Linux 6.5, which walks the cache and not a mapping.
func cached(t *testing.T, f *os.File) int64 {
	t.Helper()
	var all [2]uint64 // offset and length; 0: to the end
	var stat struct{ Cache, Dirty, Writeback, Evicted, RecentlyEvicted uint64 }
	_, _, e := unix.Syscall6(unix.SYS_CACHESTAT, f.Fd(), uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&stat)), 0, 0, 0)
	if e != 0 {
		testenv.Need(t, "disk", fmt.Errorf("cachestat: %w", e))
	}
	return int64(stat.Cache)
}

func TestHotAndCold(t *testing.T) {
	const size = 1 << 20
	f := create(t, onDevice(t), size)
	pages := int64(size / os.Getpagesize())
	for range 2 {
		if err := Heat(f, size); err != nil {
			t.Fatal(err)
		}
		if in, of, err := Resident(f, size); in != pages || of != pages || err != nil || cached(t, f) != pages {
			t.Errorf("hot: %d of %d, %v", in, of, err)
		}
		if err := Cool(f, size); err != nil {
			t.Fatal(err)
		}
		if in, of, err := Resident(f, size); in != 0 || of != pages || err != nil {
			t.Errorf("cold: %d of %d, %v", in, of, err)
		}
		if n := cached(t, f); n != 0 {
			t.Errorf("cold: cachestat finds %d pages", n)
		}
	}
	if err := f.Truncate(100); err != nil {
		t.Fatal(err)
	}
	if err := Heat(f, size); err == nil || !strings.Contains(err.Error(), "it ends at byte 100") {
		t.Errorf("shrunk: %v", err)
	}
}

// What is taken from the page cache while the file is read is read again, unless it is
// taken each time or is much.
func TestHeatAgain(t *testing.T) {
	const size = 16 << 20
	f := create(t, onDevice(t), size)
	for _, c := range []struct {
		times int
		bytes int64
		asked int
		hot   bool
	}{{3, 256 << 10, 4, true}, {100, 256 << 10, 5, false}, {1, 8 << 20, 1, false}} {
		if err := Cool(f, size); err != nil { // what is then read ahead is in folios small enough to be taken
			t.Fatal(err)
		}
		asked := 0
		err := heat(f, size, func(f *os.File, size int64) (in, pages int64, err error) {
			asked++
			for range 10 { // pages that a CPU has just touched stay at the first try
				if asked <= c.times {
					_ = unix.Fadvise(int(f.Fd()), 0, c.bytes, unix.FADV_DONTNEED)
				}
				if in, pages, err = Resident(f, size); asked > c.times || in < pages || err != nil {
					break
				}
			}
			return in, pages, err
		})
		missing := int64(size/os.Getpagesize()) - cached(t, f)
		if hot := err == nil; asked != c.asked || hot != c.hot || hot != (missing == 0) || !hot && !strings.Contains(err.Error(), "the file is not hot") {
			t.Errorf("%d bytes taken %d times: %v after %d times, %d pages are missing", c.bytes, c.times, err, asked, missing)
		}
	}
}

// A page that somebody has locked in memory is not dropped, and that is found.
func TestNotCold(t *testing.T) {
	f := create(t, onDevice(t), 1<<16)
	mem, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	if err := unix.Mlock(mem); err != nil {
		testenv.Need(t, "memlock", err)
	}
	if err := Cool(f, 1<<16); err == nil || !strings.Contains(err.Error(), "the file is not cold") {
		t.Errorf("%v", err)
	}
}

// A file system that is full in mid-file, though there was room.
func TestDiskFull(t *testing.T) {
	testenv.Need(t, "root", testenv.Root())
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=4m"); err != nil {
		testenv.Need(t, "root", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	_, err := Create(t.Context(), dir, 16<<20, places)
	if err == nil || !strings.Contains(err.Error(), "the file of 16 MiB cannot be written: no space left on device; use a smaller --file-size") {
		t.Errorf("%v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	if err := Room(dir, 16<<20); err == nil || !strings.Contains(err.Error(), "4 MiB free") {
		t.Errorf("room: %v", err)
	}
	s := Examine(dir)
	if s.FileSystem != "tmpfs" || s.MountPoint != dir || s.Device != "" || !InMemory(s) {
		t.Errorf("%+v", s)
	}
	if err := Direct(dir, s, 4096); err == nil || !strings.Contains(err.Error(), "on tmpfs, which is the page cache itself") {
		t.Errorf("direct: %v", err)
	}
}

func TestDirect(t *testing.T) {
	dir := onDevice(t)
	s := Examine(dir)
	if err := Direct(dir, s, 4096); err != nil {
		testenv.Need(t, "disk", err)
	}
	if err := Direct(dir, s, 300); err == nil || !strings.Contains(err.Error(), "--bs=300: with --direct it must be a multiple of") {
		t.Errorf("%v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestRoom(t *testing.T) {
	dir := t.TempDir()
	if err := Room(dir, 1<<60); err == nil || !strings.Contains(err.Error(), "MiB free") {
		t.Errorf("%v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{file: "is not a directory", dir + "/none": "no such file or directory"} {
		if err := Room(path, 1); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestMountOf(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw,size=4k
24 23 0:44 /@ /tmp/a\040b rw - btrfs /dev/sdb2 rw,subvol=/@
25 22 0:50 / /home rw - nfs4 host:/x rw
26 22 254:9 / /home rw - xfs /dev/vdb rw
`
	for path, want := range map[string]mount{
		"/":             {"/", "ext4", "/dev/vda"},
		"/tmpx/file":    {"/", "ext4", "/dev/vda"},
		"/tmp":          {"/tmp", "tmpfs", "tmpfs"},
		"/tmp/a b/file": {"/tmp/a b", "btrfs", "/dev/sdb2"},
		"/home/x":       {"/home", "xfs", "/dev/vdb"}, // over the other
	} {
		if got := mountOf(mounts, path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// A tree as sysfs has it: a partition has no queue of its own.
func TestDevice(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"vda/queue/scheduler": "mq-deadline [none]\n", "vda/queue/io_poll": "1", "vda/queue/nr_requests": "128",
		"vda/queue/rotational": "0", "vda/queue/write_cache": "write back", "vda/queue/logical_block_size": "4096", "vda/vda1/size": "9",
	} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want := result.Queue{Scheduler: "none", Polls: true, Requests: 128, WriteCache: "write back", BlockBytes: 4096}
	for _, name := range []string{"vda", "vda1"} {
		path := filepath.Join(dir, "vda")
		if name == "vda1" {
			path = filepath.Join(path, name)
		}
		if got, q := device(path); got != name || q == nil || *q != want {
			t.Errorf("%s: %s, %+v", name, got, q)
		}
	}
	if name, q := device(dir + "/none"); name != "" || q != nil {
		t.Errorf("of none: %s, %v", name, q)
	}
}
