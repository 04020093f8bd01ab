package backendtest

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
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

// readOp is a ReadAt of n bytes, into its own buffer or one of the loop's.
func (r *rig) readOp(fd int32, m mode, off int64, n int) *backends.Op {
	r.Helper()
	op := &backends.Op{Code: backends.ReadAt, FD: fd, Off: off}
	if m == ownBuffer {
		op.Buf = r.buf(n)
	} else {
		op.Flags = backends.SelectBuf
	}
	return op
}

// read checks the completion of a ReadAt, gives the buffer back and returns how
// many bytes came.
func (r *rig) read(c backends.Completion, stream int) int {
	r.Helper()
	data := c.Buf
	if c.Op.Flags&backends.SelectBuf == 0 {
		data = c.Op.Buf[:max(c.Res, 0)]
	}
	if c.Res <= 0 || c.More || len(data) != int(c.Res) || c.Op.Flags&backends.SelectBuf == 0 && c.Buf != nil {
		r.Fatalf("read-at %d: result %d (%v), more %v, a buffer of %d bytes", c.Op.Off, c.Res, c.Res.Err(), c.More, len(c.Buf))
	}
	r.same(data, stream, int(c.Op.Off))
	if c.Buf != nil {
		if at := reflect.ValueOf(c.Buf).Pointer(); at%backends.PageSize != 0 {
			r.Errorf("a chosen buffer starts at %#x, inside a page", at)
		}
		r.loop.Recycle(c.Buf)
	}
	return int(c.Res)
}

// eachFileMode runs f with the owner's buffers and with the loop's.
func eachFileMode(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range []mode{ownBuffer, selectBuf} {
		t.Run(m.String(), func(t *testing.T) { f(t, m) })
	}
}

// readAt reads a file in pieces of several sizes, backwards too.
func readAt(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		const size = 10000
		r := open(t, b, backends.Config{Bufs: 2, BufSize: 777})
		fd, _ := r.file(1, size, unix.O_RDONLY)
		for off := 0; off < size; {
			off += r.read(r.must(r.readOp(fd, m, int64(off), 777)), 1)
		}
		for off := size - 100; off > 0; off -= 1234 {
			r.read(r.must(r.readOp(fd, m, int64(off), 100)), 1)
		}
		// The position of the descriptor is nobody's business.
		if pos, err := unix.Seek(int(fd), 0, unix.SEEK_CUR); pos != 0 || err != nil {
			t.Errorf("the descriptor stands at %d, %v", pos, err)
		}
		r.silence()
	})
}

// readAtEnd reads across the end of a file and beyond it, more often than there
// are buffers: what brings nothing keeps none.
func readAtEnd(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		r := open(t, b, backends.Config{Bufs: 2})
		fd, _ := r.file(2, 1000, unix.O_RDONLY)
		for range 5 {
			for off, want := range map[int64]int{990: 10, 999: 1} {
				if n := r.read(r.must(r.readOp(fd, m, off, 64)), 2); n != want {
					t.Errorf("%d bytes at %d, where %d are", n, off, want)
				}
			}
			for _, off := range []int64{1000, 5000, 1 << 40} {
				c := r.must(r.readOp(fd, m, off, 64))
				r.want(c, 0)
				if c.Buf != nil {
					t.Errorf("%d bytes of buffer with nothing in it", len(c.Buf))
				}
			}
			r.want(r.must(&backends.Op{Code: backends.ReadAt, FD: fd, Buf: r.buf(1)[:0]}), 0)
		}
	})
}

// readDeep has more reads in flight than the loop has entries and threads.
func readDeep(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		const reads, each = 100, 500
		r := open(t, b, backends.Config{Entries: 8, Bufs: 128, BufSize: each, Threads: 3})
		fd, _ := r.file(3, reads*each, unix.O_RDONLY)
		ops := make([]*backends.Op, reads)
		for i := range ops {
			ops[i] = r.readOp(fd, m, int64(i*each), each)
		}
		for range 3 {
			r.submit(ops...)
			for op, c := range r.final(ops...) {
				if n := r.read(c, 3); n != each {
					t.Errorf("%d bytes at %d", n, op.Off)
				}
			}
		}
		r.silence()
	})
}

// readDry: a read waits for a buffer until Recycle brings one.
func readDry(t *testing.T, b backends.Backend) {
	const reads, bufs, each = 10, 2, 512
	r := open(t, b, backends.Config{Bufs: bufs, BufSize: each, Poison: true})
	fd, _ := r.file(4, reads*each, unix.O_RDONLY)
	var ops []*backends.Op
	for i := range reads {
		ops = append(ops, r.readOp(fd, selectBuf, int64(i*each), 0))
	}
	r.submit(ops...)
	var held []backends.Completion
	for done := 0; done < reads; done++ {
		if len(held) == bufs {
			if done == bufs {
				r.silence()
			}
			r.read(held[0], 4)
			held = held[1:]
		}
		held = append(held, r.next())
	}
	for _, c := range held {
		r.read(c, 4)
	}
	r.wait(0, 0)
	if r.loop.Counters()[backends.NoBufs] == 0 {
		t.Error("buffers ran out and the counter no_bufs says that they did not")
	}
	// One that waits can be cancelled.
	r.submit(ops[:3]...)
	first, second := r.next(), r.next()
	waits := ops[2]
	if first.Op == waits || second.Op == waits {
		t.Fatal("the last of three was served first")
	}
	r.cancelled(waits)
	r.read(first, 4)
	r.read(second, 4)
	r.silence()
}

func readPoison(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		r := open(t, b, backends.Config{Bufs: 1, BufSize: 256, Poison: true})
		fd, _ := r.file(5, 100, unix.O_RDONLY)
		for range 3 {
			op := r.readOp(fd, m, 0, 256)
			c := r.must(op)
			whole := op.Buf
			if m == selectBuf {
				whole = c.Buf[:cap(c.Buf)]
			}
			r.poisoned("beyond what was read", whole[100:])
			r.read(c, 5)
			if m == selectBuf {
				r.poisoned("after Recycle", whole)
			}
		}
	})
}

// writeAt writes pieces out of order; the file holds what a plain read finds.
func writeAt(t *testing.T, b backends.Backend) {
	const pieces, each = 40, 321
	r := open(t, b, backends.Config{Entries: 8, Poison: true})
	fd, path := r.file(0, 0, unix.O_RDWR)
	var ops []*backends.Op
	for i := range pieces {
		i = (i * 7) % pieces
		op := &backends.Op{Code: backends.WriteAt, FD: fd, Off: int64(i * each), Buf: r.buf(each)}
		pattern(op.Buf, 6, i*each)
		ops = append(ops, op)
	}
	r.submit(ops...)
	for _, c := range r.final(ops...) {
		r.want(c, each)
		r.same(c.Op.Buf, 6, int(c.Op.Off)) // a write leaves its bytes alone
	}
	r.holds(path, 6, pieces*each)
	// A chosen buffer may be written from before it is given back.
	c := r.must(r.readOp(fd, selectBuf, each, 0))
	n := int(c.Res)
	r.want(r.must(&backends.Op{Code: backends.WriteAt, FD: fd, Buf: c.Buf, Off: pieces * each}), c.Res)
	r.read(c, 6)
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.same(all[pieces*each:], 6, each)
	if len(all) != pieces*each+n {
		t.Errorf("the file has %d bytes", len(all))
	}
}

// holds demands that a file is the first n bytes of a stream.
func (r *rig) holds(path string, stream, n int) {
	r.Helper()
	all, err := os.ReadFile(path)
	if err != nil || len(all) != n {
		r.Fatalf("the file has %d bytes of %d: %v", len(all), n, err)
	}
	r.same(all, stream, 0)
}

// syncFile syncs between writes; a descriptor that cannot be is told so.
func syncFile(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	fd, path := r.file(0, 0, unix.O_RDWR)
	write := &backends.Op{Code: backends.WriteAt, FD: fd, Buf: r.buf(3000)}
	pattern(write.Buf, 7, 0)
	r.want(r.must(write), 3000)
	far, _ := r.rawPair()
	for _, code := range []backends.Code{backends.Fsync, backends.Fdatasync} {
		r.want(r.must(&backends.Op{Code: code, FD: fd}), 0)
		r.fails(r.do(&backends.Op{Code: code, FD: far}), unix.EINVAL)
		r.fails(r.do(&backends.Op{Code: code, FD: 1 << 19}), unix.EBADF)
	}
	r.holds(path, 7, 3000)
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

func fileErrors(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{Bufs: 1})
	reads, path := r.file(11, 100, unix.O_RDONLY)
	writes := r.openFile(path, unix.O_WRONLY)
	dir := r.openFile(filepath.Dir(path), unix.O_RDONLY)
	buf := r.buf(10)
	for range 3 { // more often than there are buffers
		for _, want := range []struct {
			op    backends.Op
			errno unix.Errno
		}{
			{backends.Op{Code: backends.ReadAt, FD: -1, Buf: buf}, unix.EBADF},
			{backends.Op{Code: backends.WriteAt, FD: -1, Buf: buf}, unix.EBADF},
			{backends.Op{Code: backends.Fsync, FD: -1}, unix.EBADF},
			{backends.Op{Code: backends.ReadAt, FD: 1 << 19, Buf: buf}, unix.EBADF},
			{backends.Op{Code: backends.ReadAt, FD: writes, Buf: buf}, unix.EBADF},
			{backends.Op{Code: backends.ReadAt, FD: writes, Flags: backends.SelectBuf}, unix.EBADF},
			{backends.Op{Code: backends.WriteAt, FD: reads, Buf: buf}, unix.EBADF},
			{backends.Op{Code: backends.ReadAt, FD: dir, Buf: buf}, unix.EISDIR},
			{backends.Op{Code: backends.ReadAt, FD: reads, Buf: buf, Off: -1}, unix.EINVAL},
			{backends.Op{Code: backends.ReadAt, FD: reads, Flags: backends.SelectBuf, Off: -2}, unix.EINVAL},
			{backends.Op{Code: backends.WriteAt, FD: writes, Buf: buf, Off: -1}, unix.EINVAL},
		} {
			r.fails(r.do(&want.op), want.errno)
		}
	}
	r.read(r.must(r.readOp(reads, selectBuf, 0, 0)), 11)
}

// fileCancel cancels reads as they are submitted: each ends once, with all its
// bytes or cancelled, and the answer fits.
func fileCancel(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		r := open(t, b, backends.Config{Bufs: 4})
		fd, _ := r.file(12, 4096, unix.O_RDONLY)
		for round := range 40 {
			op := r.readOp(fd, m, 0, 4096)
			cancel := &backends.Op{Code: backends.Cancel, Target: op}
			r.submit(op)
			if round%2 > 0 {
				r.wait(0, 0)
			}
			r.submit(cancel)
			last := r.final(op, cancel)
			if c := last[op]; c.Res.Canceled() {
				r.want(last[cancel], 0)
			} else {
				r.mayBeLate(last[cancel])
				r.read(c, 12)
			}
		}
		r.silence()
	})
}

// fileClose closes a file with ops in flight: they end first, and the number is
// good for another file at once.
func fileClose(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		r := open(t, b, backends.Config{Bufs: 16, Entries: 8})
		for round := range 10 {
			fd, path := r.file(round, 4096, unix.O_RDWR)
			r.renumber(fd, 401)
			var ops []*backends.Op
			for range 12 {
				ops = append(ops, r.readOp(401, m, 0, 4096))
			}
			ops = append(ops, &backends.Op{Code: backends.Fsync, FD: 401})
			r.submit(ops...)
			if round%2 > 0 {
				r.wait(0, 0)
			}
			cl := &backends.Op{Code: backends.Close, FD: 401}
			r.submit(cl)
			for ended := 0; ended <= len(ops); ended++ {
				switch c := r.next(); {
				case c.Op == cl:
					r.want(c, 0)
					if ended != len(ops) {
						t.Fatalf("the Close completed before %d ops on its descriptor", len(ops)-ended)
					}
				case c.Op.Code == backends.ReadAt && !c.Res.Canceled():
					r.read(c, round)
				case c.Res != 0 && !c.Res.Canceled():
					t.Fatalf("%v: %v", c.Op.Code, c.Res.Err())
				}
			}
			delete(r.fds, 401)
			if isOpen(401) {
				t.Fatal("the descriptor is open after its Close")
			}
			r.holds(path, round, 4096)
		}
		r.silence()
	})
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

// fileLoopClose closes a loop with file ops in flight.
func fileLoopClose(t *testing.T, b backends.Backend) {
	for _, started := range []bool{false, true} {
		r := open(t, b, backends.Config{Bufs: 4, Entries: 4})
		fd, path := r.file(15, 8192, unix.O_RDWR)
		for i := range 12 {
			r.submit(r.readOp(fd, modes[i%2], 0, 4096), &backends.Op{Code: backends.Fdatasync, FD: fd})
		}
		if started {
			r.wait(0, 0)
			for _, c := range r.ready {
				if c.Buf != nil {
					r.read(c, 15)
				}
			}
		}
		r.shut()
		r.holds(path, 15, 8192)
	}
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
