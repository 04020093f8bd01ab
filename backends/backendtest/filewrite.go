package backendtest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

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
