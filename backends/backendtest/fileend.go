package backendtest

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

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
