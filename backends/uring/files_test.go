package uring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

func TestReadAndWrite(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		f := tempFile(t, "")
		fd := int(f.Fd())
		if n := must(t, l, Write(fd, []byte("hello, world"), 3)); n != 12 {
			t.Errorf("%d bytes written", n)
		}
		if n := must(t, l, Writev(fd, [][]byte{[]byte("ab"), nil, []byte("c")}, 0, unix.RWF_DSYNC)); n != 3 {
			t.Errorf("%d bytes written", n)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "abchello, world" {
			t.Fatalf("%q, %v", got, err)
		}
		buf := make([]byte, 100)
		if n := must(t, l, Read(fd, buf, 5)); string(buf[:n]) != "llo, world" {
			t.Errorf("%q", buf[:n])
		}
		one, two := make([]byte, 4), make([]byte, 20)
		if n := must(t, l, Readv(fd, [][]byte{one, two}, 0, 0)); n != 15 || string(one) != "abch" || string(two[:11]) != "ello, world" {
			t.Errorf("%d bytes: %q %q", n, one, two)
		}
		for _, want := range []string{"ab", "ch"} { // the file's own position goes on
			if n := must(t, l, Read(fd, buf[:2], -1)); string(buf[:n]) != want {
				t.Errorf("%q rather than %q", buf[:n], want)
			}
		}
		fails(t, l, Read(maxFD-1, buf, 0), unix.EBADF)
		fails(t, l, Read(maxFD, buf, 0), unix.EBADF)
	})
}

// cached says how many pages of f are in the page cache, dirty or on their way
// to the disk. The test ends where the file system has nothing to write back.
func cached(t *testing.T, f *os.File) (all, dirty uint64) {
	t.Helper()
	var c unix.Cachestat_t
	if err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &c, 0); err != nil {
		testenv.Need(t, "disk", fmt.Errorf("cachestat(2), since Linux 6.5, to see what is on it: %w", err))
	}
	return c.Cache, c.Dirty + c.Writeback
}

// soil makes f dirty.
func soil(t *testing.T, f *os.File) {
	t.Helper()
	for range 20 { // the kernel may write back at any time
		if _, err := f.WriteAt(bytes.Repeat([]byte{1}, 1<<20), 0); err != nil {
			t.Fatal(err)
		}
		if _, dirty := cached(t, f); dirty > 0 {
			return
		}
	}
	testenv.Need(t, "disk", errors.New("nothing is ever dirty on this file system; choose another with TMPDIR"))
}

func TestSyncs(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	f := tempFile(t, "")
	fd := int(f.Fd())
	for name, r := range map[string]*Request{
		"fsync":     Fsync(fd),
		"fdatasync": Fdatasync(fd),
		"sync_file_range": SyncFileRange(fd, 0, 0,
			unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER),
	} {
		soil(t, f)
		must(t, l, r)
		// Whether metadata was written too is not to be seen; that it was not asked for is.
		if sqe := l.ring.sqes[(l.ring.tail-1)&l.ring.sqMask]; name == "fdatasync" != (sqe.OpFlags == uapi.FsyncDatasync) {
			t.Errorf("%s: %+v", name, sqe)
		}
		if _, dirty := cached(t, f); dirty != 0 {
			t.Errorf("after %s %d pages are not on the disk", name, dirty)
		}
	}
	// What there is to write is now on the disk, so it can be dropped.
	left := uint64(0)
	for range 20 { // a page that someone looks at stays
		must(t, l, Fadvise(fd, 0, 0, unix.FADV_DONTNEED))
		if left, _ = cached(t, f); left == 0 {
			break
		}
	}
	if left != 0 {
		t.Errorf("%d pages are still cached", left)
	}
}

func TestFileSize(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	f := tempFile(t, "0123456789")
	fd := int(f.Fd())
	must(t, l, Fallocate(fd, 0, 4096, 8192))
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Size != 12288 || st.Blocks*512 < 8192 {
		t.Errorf("size %d in %d blocks, %v", st.Size, st.Blocks, err)
	}
	must(t, l, Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, 1<<20))
	if err := unix.Fstat(fd, &st); err != nil || st.Size != 12288 || st.Blocks*512 < 1<<20 {
		t.Errorf("size %d in %d blocks, %v", st.Size, st.Blocks, err)
	}
	must(t, l, Ftruncate(fd, 7))
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "0123456" {
		t.Errorf("%q, %v", got, err)
	}
	fails(t, l, Ftruncate(fd, -1), unix.EINVAL)
}

// Pages that are not needed read as zeros afterwards.
func TestMadvise(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	mem, err := unix.Mmap(-1, 0, 4*backends.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mem) }()
	copy(mem, bytes.Repeat([]byte{1}, len(mem)))
	must(t, l, Madvise(mem[backends.PageSize:3*backends.PageSize], unix.MADV_DONTNEED))
	for i, x := range mem {
		inside := i >= backends.PageSize && i < 3*backends.PageSize
		if inside != (x == 0) {
			t.Fatalf("byte %d is %d", i, x)
		}
	}
}

func TestSpliceAndTee(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	pipe := func() (r, w int) {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeAll(p[:]) })
		return p[0], p[1]
	}
	f := tempFile(t, "0123456789")
	r1, w1 := pipe()
	r2, w2 := pipe()
	if n := must(t, l, Splice(int(f.Fd()), 2, w1, -1, 5, 0)); n != 5 {
		t.Fatalf("%d bytes spliced", n)
	}
	if n := must(t, l, Tee(r1, w2, 4, 0)); n != 4 {
		t.Fatalf("%d bytes duplicated", n)
	}
	buf := make([]byte, 20)
	if n, err := unix.Read(r2, buf); err != nil || string(buf[:n]) != "2345" {
		t.Errorf("the second pipe carries %q, %v", buf[:n], err)
	}
	if n := must(t, l, Splice(r1, -1, int(f.Fd()), 8, 5, 0)); n != 5 {
		t.Fatalf("%d bytes spliced", n)
	}
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "0123456723456" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPipe(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	var fds [2]int32
	must(t, l, Pipe(&fds, unix.O_CLOEXEC))
	r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
	defer r.Close()
	if flags, err := unix.FcntlInt(r.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v", flags, err)
	}
	if _, err := w.WriteString("through the pipe"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "through the pipe" {
		t.Errorf("%q, %v", got, err)
	}
}

// Each write to a pipe arrives in a buffer of the loop's; when there is none left
// the next one waits for it.
func TestReadMulti(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Bufs: 2})
		if l.bufs != nil {
			readMulti(t, l)
			return
		}
		var u *backends.Unavailable
		if err := l.SubmitRequest(&backends.Op{}, ReadMulti(0)); !errors.As(err, &u) || !strings.Contains(err.Error(), "bufring") {
			t.Errorf("%v", err)
		}
	})
}

func readMulti(t *testing.T, l *Loop) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	say := func(s string) {
		t.Helper()
		if _, err := w.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	op := begin(t, l, ReadMulti(int(r.Fd())))
	for _, word := range []string{"one", "two", "three", "four"} {
		nothingYet(t, l)
		say(word)
		c := await(t, l, 1)[0]
		if c.Op != op || string(c.Buf) != word || int(c.Res) != len(word) || !c.More {
			t.Fatalf("%+v", c)
		}
		l.Recycle(c.Buf)
	}
	var held [][]byte
	for _, word := range []string{"five", "six"} {
		say(word)
		c := await(t, l, 1)[0]
		if string(c.Buf) != word {
			t.Fatalf("%+v", c)
		}
		held = append(held, c.Buf)
	}
	say("late")
	nothingYet(t, l)
	if n := l.tally.Counters[backends.NoBufs]; n == 0 {
		t.Error("there was a buffer after all")
	}
	for _, b := range held {
		l.Recycle(b)
	}
	if c := await(t, l, 1)[0]; string(c.Buf) != "late" || !c.More {
		t.Fatalf("%+v", c)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if c := await(t, l, 1)[0]; c.Res != 0 || c.More || c.Buf != nil {
		t.Errorf("at the end: %+v", c)
	}
}

func TestCloseFD(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	here, _ := socketpair(t)
	fd, err := unix.FcntlInt(uintptr(here), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	poll := begin(t, l, Poll(fd, unix.POLLIN))
	nothingYet(t, l)
	fails(t, l, CloseFD(fd), unix.EBUSY)
	l.Submit(&backends.Op{Code: backends.Cancel, Target: poll})
	await(t, l, 2)
	must(t, l, CloseFD(fd))
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("the descriptor is still open: %v", err)
	}
}

func TestNop(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	if n := must(t, l, Nop(0)); n != 0 {
		t.Error(n)
	}
	if n := do(t, l, Nop(42)); n != 42 && n != backends.Fail(unix.EINVAL) { // since Linux 6.10
		t.Error(n)
	}
}

// IOSQE_ASYNC and IOSQE_IO_DRAIN reach the kernel: the one gives the work to a
// worker thread, which has a name, the other keeps a request back until what
// came before it is complete.
func TestRequestFlags(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	buf := make([]byte, 8)
	read := begin(t, l, Read(int(r.Fd()), buf, -1).Async())
	nothingYet(t, l)
	if !bytes.Equal(buf, bytes.Repeat([]byte{0xDB}, len(buf))) { // loops of tests poison what is lent
		t.Errorf("the buffer is not lent: %v", buf)
	}
	if err := eventually(func() bool { return strings.Contains(threads(t), "iou-wrk-") }); err != nil {
		t.Errorf("no worker thread: %v", err)
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if c := await(t, l, 1)[0]; c.Op != read || c.Res != 1 {
		t.Errorf("%+v", c)
	}
	poll := begin(t, l, Poll(int(r.Fd()), unix.POLLIN))
	nop := begin(t, l, Nop(0).Drain())
	nothingYet(t, l)
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if c := await(t, l, 2); c[0].Op != poll || c[1].Op != nop {
		t.Errorf("%+v", c)
	}
}
