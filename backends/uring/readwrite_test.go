package uring

import (
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Each file op is one request of the kernel's, as it tells itself, and with
// fixedbufs those of the loop's own buffers are the fixed ones.
func TestFileOpsAsSubmitted(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"uring":           {"READ": 2, "WRITE": 2, "FSYNC": 2},
		"uring+fixedbufs": {"READ": 1, "WRITE": 1, "FSYNC": 2, "READ_FIXED": 1, "WRITE_FIXED": 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := openVariant(t, name, backends.Config{})
			fd := int32(tempFile(t, "hello").Fd())
			tr := traceRing(t, "io_uring_submit_req")
			do := func(op backends.Op, want string) []byte {
				t.Helper()
				op.FD = fd
				l.Submit(&op)
				c := await(t, l, 1)[0]
				if int(c.Res) != len(want) || c.Buf != nil && string(c.Buf) != want {
					t.Fatalf("%v: %+v, expected %q", op.Code, c, want)
				}
				return c.Buf
			}
			own := make([]byte, 5)
			do(backends.Op{Code: backends.ReadAt, Buf: own}, "hello")
			if string(own) != "hello" {
				t.Errorf("%q was read", own)
			}
			chosen := do(backends.Op{Code: backends.ReadAt, Off: 1, Flags: backends.SelectBuf}, "ello")
			do(backends.Op{Code: backends.WriteAt, Buf: own, Off: 5}, "hello")
			do(backends.Op{Code: backends.WriteAt, Buf: chosen, Off: 10}, "ello")
			l.Recycle(chosen)
			do(backends.Op{Code: backends.Fsync}, "")
			do(backends.Op{Code: backends.Fdatasync}, "")
			all := make([]byte, 14)
			do(backends.Op{Code: backends.ReadAt, Buf: all}, "hellohelloello")
			if string(all) != "hellohelloello" {
				t.Errorf("the file holds %q", all)
			}
			got := map[string]int{}
			for _, e := range of(tr.events(), "io_uring_submit_req", "") {
				got[e.fields["opcode"]]++
			}
			got["READ"]-- // the check above
			for op, n := range want {
				if got[op] != n {
					t.Errorf("%d requests of %s, expected %d: %v", got[op], op, n, got)
				}
			}
			if n := l.tally.Counters[backends.FixedFileOps]; n != uint64(want["READ_FIXED"]+want["WRITE_FIXED"]) {
				t.Errorf("%v is %d", backends.FixedFileOps, n)
			}
		})
	}
}

// Fsync and Fdatasync are one operation with and without a flag.
func TestSyncFlags(t *testing.T) {
	l, p := openTapped(t, "uring", backends.Config{})
	fd := int32(tempFile(t, "").Fd())
	for _, code := range []backends.Code{backends.Fsync, backends.Fdatasync} {
		op := &backends.Op{Code: code, FD: fd}
		l.Submit(op)
		expect(t, l, map[*backends.Op]backends.Result{op: 0})
	}
	if e := p.of(uapi.OpFsync); len(e) != 2 || e[0].OpFlags != 0 || e[1].OpFlags != uapi.FsyncDatasync {
		t.Errorf("%+v", e)
	}
}

// The kernel starts a sync when the write before it has succeeded, and nothing
// after a read that falls short.
func TestLinkedFileOps(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		fd := int32(tempFile(t, "hello").Fd())
		write := &backends.Op{Code: backends.WriteAt, FD: fd, Buf: []byte("HE"), Flags: backends.Link}
		fsync := &backends.Op{Code: backends.Fdatasync, FD: fd, Flags: backends.Link}
		read := &backends.Op{Code: backends.ReadAt, FD: fd, Buf: make([]byte, 9), Flags: backends.Link}
		never := &backends.Op{Code: backends.WriteAt, FD: fd, Buf: []byte("x")}
		submitEach(l, write, fsync, read, never)
		expect(t, l, map[*backends.Op]backends.Result{write: 2, fsync: 0, read: 5, never: canceled})
		if string(read.Buf[:5]) != "HEllo" {
			t.Errorf("%q was read", read.Buf[:5])
		}
		if n := l.tally.Counters[backends.Links]; n != 3 {
			t.Errorf("%d ops were the kernel's to start", n)
		}
		// A buffer of the loop's that is not filled falls short too.
		chosen := &backends.Op{Code: backends.ReadAt, FD: fd, Flags: backends.Link | backends.SelectBuf}
		submitEach(l, chosen, never)
		expect(t, l, map[*backends.Op]backends.Result{chosen: 5, never: canceled})
	})
}

// A read that is taken back, because the kernel took only what precedes it in its
// chain, is counted once for all that.
func TestFixedFileOpsTakenBack(t *testing.T) {
	l := openCutting(t, "uring+link+fixedbufs")
	fd := int32(tempFile(t, "hello").Fd())
	first := &backends.Op{Code: backends.ReadAt, FD: fd, Buf: l.pool.At(0)[:2], Flags: backends.Link}
	second := &backends.Op{Code: backends.ReadAt, FD: fd, Off: 2, Buf: l.pool.At(1)[:3]}
	submitEach(l, first, second)
	expect(t, l, map[*backends.Op]backends.Result{first: 2, second: 3})
	if c := &l.tally.Counters; c[backends.FixedFileOps] != 2 || c[backends.HeldLinks] != 1 {
		t.Errorf("%v is %d, %v is %d", backends.FixedFileOps, c[backends.FixedFileOps], backends.HeldLinks, c[backends.HeldLinks])
	}
}
