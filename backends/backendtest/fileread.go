package backendtest

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

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

// readDeep has more reads in flight than the loop has entries and threads, in the end
// by ops that are prompt.
func readDeep(t *testing.T, b backends.Backend) {
	eachFileMode(t, func(t *testing.T, m mode) {
		const reads, each = 100, 500
		r := open(t, b, backends.Config{Entries: 8, Bufs: 128, BufSize: each, Threads: 3})
		fd, _ := r.file(3, reads*each, unix.O_RDONLY)
		ops := make([]*backends.Op, reads)
		for i := range ops {
			ops[i] = r.readOp(fd, m, int64(i*each), each)
		}
		for round := range 3 {
			for _, op := range ops {
				if round == 2 {
					op.Flags |= backends.Prompt
				}
			}
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
