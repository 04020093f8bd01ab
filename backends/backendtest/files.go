package backendtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

var fileChecks = []check{
	{"read-at", false, readAt},
	{"read-at-end", false, readAtEnd},
	{"read-at-deep", false, readDeep},
	{"read-at-buffers-run-out", false, readDry},
	{"read-at-poison", false, readPoison},
	{"write-at", false, writeAt},
	{"sync", false, syncFile},
	{"file-direct", false, direct},
	{"file-huge-buffer", false, hugeBuffer},
	{"file-errors", false, fileErrors},
	{"file-cancel", false, fileCancel},
	{"file-close", false, fileClose},
	{"file-beside-socket", false, fileBesideSocket},
	{"file-loop-close", false, fileLoopClose},
	{"file-counters", false, fileCounters},
	{"file-allocations", false, fileAllocations},
}

// file makes a file that holds the first n bytes of a stream, and opens it.
func (r *rig) file(stream, n, flags int) (fd int32, path string) {
	r.Helper()
	all := make([]byte, n)
	pattern(all, stream, 0)
	path = filepath.Join(r.TempDir(), "file")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		r.Fatal(err)
	}
	return r.openFile(path, flags), path
}

func (r *rig) openFile(path string, flags int) int32 {
	r.Helper()
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		r.Fatalf("open %s: %v", path, err)
	}
	r.own(int32(fd), nil)
	return int32(fd)
}

// eachFileMode runs f with the owner's buffers and with the loop's.
func eachFileMode(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range []mode{ownBuffer, selectBuf} {
		t.Run(m.String(), func(t *testing.T) { f(t, m) })
	}
}

// direct goes around the page cache, which takes whole aligned pages: those of
// the loop are.
func direct(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		const page, pages = backends.PageSize, 16
		r := open(t, b, backends.Config{Bufs: pages, BufSize: page})
		_, path := r.file(8, page*pages, unix.O_RDWR)
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
		if err == unix.EINVAL {
			testenv.Need(t, "disk", fmt.Errorf("%s has no O_DIRECT", path))
		} else if err != nil {
			t.Fatal(err)
		}
		r.own(int32(fd), nil)
		var ops []*backends.Op
		for i := range pages {
			ops = append(ops, r.readOp(int32(fd), m, int64(i*page), page))
		}
		r.submit(ops...)
		for _, c := range r.final(ops...) {
			r.want(c, page)
			r.read(c, 8)
		}
		c := r.must(ops[3])
		data := c.Buf
		if m == ownBuffer {
			data = ops[3].Buf
		}
		pattern(data, 9, 0)
		write := &backends.Op{Code: backends.WriteAt, FD: int32(fd), Buf: data}
		r.want(r.must(write), page)
		all, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r.same(all[:page], 9, 0)
		r.same(all[page:], 8, page)
	})
}

// hugeBuffer reads a little into a buffer of MaxInt32 bytes. Of such memory only
// what is touched exists; it is not poisoned, nor told to the race detector,
// which would touch it.
func hugeBuffer(t *testing.T, b backends.Backend) {
	if raceEnabled {
		t.Skip("the race detector keeps shadow memory of eight times the size")
	}
	mem, err := unix.Mmap(-1, 0, 1<<31-1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		testenv.Need(t, "memory", err)
	}
	defer unix.Munmap(mem)
	r := open(t, b, backends.Config{})
	fd, _ := r.file(10, 5000, unix.O_RDONLY)
	op := &backends.Op{Code: backends.ReadAt, FD: fd, Buf: mem}
	r.want(r.must(op), 5000)
	r.same(mem[:5000], 10, 0)
	r.shut() // before the memory goes
}

// fileBesideSocket: a receive that waits and a time limit do not hinder files,
// nor files them.
func fileBesideSocket(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	fd, _ := r.file(13, 1000, unix.O_RDONLY)
	sock, p := r.pair("unix")
	recv := r.recvOp(sock, ownBuffer, 10)
	timeout := &backends.Op{Code: backends.Timeout, Off: int64(patience)}
	r.submit(recv, timeout)
	read := r.readOp(fd, ownBuffer, 0, 1000)
	for range 5 {
		r.read(r.must(read), 13)
	}
	r.put(p, 14, 0, 10)
	soon := &backends.Op{Code: backends.Timeout, Off: 1e6}
	r.submit(soon)
	r.submit(read)
	for received, late, done := false, false, false; !received || !late || !done; {
		switch c := r.next(); c.Op {
		case read:
			r.read(c, 13)
			if done = received && late; !done {
				r.submit(read)
			}
		case recv:
			r.want(c, 10)
			received = true
		case soon:
			r.fails(c, unix.ETIME)
			late = true
		}
	}
	r.cancelled(timeout)
}

// fileCounters: bytes of files are counted, and reads and writes are calls or
// queue entries.
func fileCounters(t *testing.T, b backends.Backend) {
	const n, size = 20, 1000
	r := open(t, b, backends.Config{})
	fd, _ := r.file(16, size, unix.O_RDWR)
	before := r.loop.Counters()
	for _, m := range []mode{ownBuffer, selectBuf} {
		for range n {
			r.read(r.must(r.readOp(fd, m, 0, size)), 16)
		}
	}
	write := &backends.Op{Code: backends.WriteAt, FD: fd, Buf: r.buf(size)}
	for range n {
		r.want(r.must(write), size)
		r.want(r.must(&backends.Op{Code: backends.Fdatasync, FD: fd}), 0)
	}
	r.wait(0, 0)
	c := r.loop.Counters().Sub(before)
	if c[backends.BytesIn] != 2*n*size || c[backends.BytesOut] != n*size {
		t.Errorf("%d bytes in, %d out, expected %d and %d", c[backends.BytesIn], c[backends.BytesOut], 2*n*size, n*size)
	}
	if c[backends.Submissions] == 0 && (c[backends.SysRecv] < 2*n || c[backends.SysSend] < n || c[backends.SysOther] < n) {
		t.Errorf("%v", c.Map())
	}
	if c[backends.Submissions] > 0 && c[backends.Submissions] < 4*n {
		t.Errorf("%d operations took %d entries", 4*n, c[backends.Submissions])
	}
}

// fileAllocations: in steady state a file op allocates nothing.
func fileAllocations(t *testing.T, b backends.Backend) {
	if b.Traits().Spawn {
		t.Skip("package os allocates as it likes")
	}
	r := open(t, b, backends.Config{})
	fd, _ := r.file(17, 4096, unix.O_RDWR)
	own, chosen := r.readOp(fd, ownBuffer, 0, 4096), r.readOp(fd, selectBuf, 0, 0)
	write := &backends.Op{Code: backends.WriteAt, FD: fd, Buf: own.Buf}
	do := func(n int) {
		for range n {
			r.direct(own)
			r.loop.Recycle(r.direct(chosen).Buf)
			r.direct(write)
		}
	}
	do(100)
	// Not by testing.AllocsPerRun, which leaves the process a single P: a loop
	// that blocks with it would keep its threads from running.
	const rounds = 500
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do(rounds)
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n >= rounds/10 {
		t.Errorf("%d allocations in %d rounds", n, rounds)
	}
}
