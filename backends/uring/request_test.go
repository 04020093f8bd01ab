package uring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// defaultLoop is a loop of the default variant.
func defaultLoop(t *testing.T, cfg backends.Config) *Loop {
	t.Helper()
	b := &Backend{variant: backends.Variant{Family: "uring"}}
	testenv.Need(t, "uring", b.Probe())
	return open(t, b, cfg)
}

// begin starts a request. Where this kernel lacks it, the refusal is checked and
// the test ends.
func begin(t *testing.T, l *Loop, r *Request) *backends.Op {
	t.Helper()
	op := &backends.Op{}
	err := l.SubmitRequest(op, r)
	if err == nil {
		return op
	}
	var u *backends.Unavailable
	name := "IORING_OP_" + opcodes[r.sqe.Opcode].name
	switch {
	case !errors.As(err, &u):
		t.Fatal(err)
	case kernelHas(t, r.sqe.Opcode):
		t.Fatalf("the kernel has it, and yet: %v", err)
	case !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "since Linux "):
		t.Errorf("the refusal does not name %s and its kernel: %v", name, err)
	}
	if op.Lent() || r.lent {
		t.Error("what was refused is lent")
	}
	t.Skipf("refused as it should be: %v", err)
	return nil
}

// kernelHas asks a ring of its own.
func kernelHas(t *testing.T, opcode uint8) bool {
	t.Helper()
	r, errno := newRing(1, 2, 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer r.close()
	p := new(uapi.Probe)
	if _, errno := uapi.Register(r.fd, uapi.RegisterProbe, unsafe.Pointer(p), uint32(len(p.Ops))); errno != 0 {
		t.Fatal(errno)
	}
	return p.Has(opcode)
}

// do carries a request out.
func do(t *testing.T, l *Loop, r *Request) backends.Result {
	t.Helper()
	op := begin(t, l, r)
	c := await(t, l, 1)[0]
	if c.Op != op || c.More {
		t.Fatalf("%+v", c)
	}
	if op.Lent() || r.lent {
		t.Error("the loan did not end with the last completion")
	}
	return c.Res
}

// must is do for what is to succeed.
func must(t *testing.T, l *Loop, r *Request) int {
	t.Helper()
	res := do(t, l, r)
	if res < 0 {
		t.Fatalf("IORING_OP_%s: %v", opcodes[r.sqe.Opcode].name, res.Err())
	}
	return int(res)
}

// fails demands an errno.
func fails(t *testing.T, l *Loop, r *Request, errno unix.Errno) {
	t.Helper()
	if res := do(t, l, r); res != backends.Fail(errno) {
		t.Errorf("IORING_OP_%s: %d rather than %v", opcodes[r.sqe.Opcode].name, res, errno)
	}
}

// nothingYet enters the kernel and finds no completion.
func nothingYet(t *testing.T, l *Loop) {
	t.Helper()
	if n, err := l.Wait(make([]backends.Completion, 1), 0, 0); n != 0 || err != nil {
		t.Fatalf("%d completions, %v", n, err)
	}
}

func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "file"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func closeFD(t *testing.T, fd int) {
	t.Helper()
	if err := unix.Close(fd); err != nil {
		t.Errorf("close %d: %v", fd, err)
	}
}

// The memory of requests outlives the caller's interest in it: between
// SubmitRequest and the kernel's look at it the collector runs and freed memory
// is written over.
func TestRequestMemoryIsKept(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Entries: 16})
		dir := t.TempDir()
		f := tempFile(t, "")
		const n = 40
		for i := range n {
			if err := l.SubmitRequest(&backends.Op{}, MkdirAt(unix.AT_FDCWD, fmt.Sprintf("%s/%d", dir, i), 0o700)); err != nil {
				t.Fatal(err)
			}
			part := func(k int) []byte { return bytes.Repeat([]byte{byte(i), byte(k)}, 100) }
			if err := l.SubmitRequest(&backends.Op{}, Writev(int(f.Fd()), [][]byte{part(0), part(1)}, int64(i)*400, 0).Async()); err != nil {
				t.Fatal(err)
			}
		}
		var garbage [][]byte
		for range 3 {
			runtime.GC()
			for size := range 600 {
				garbage = append(garbage, bytes.Repeat([]byte{'#'}, size))
			}
		}
		for _, c := range await(t, l, 2*n) {
			if c.Res < 0 {
				t.Fatal(c.Res.Err())
			}
		}
		runtime.KeepAlive(garbage)
		got, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if _, err := os.Stat(fmt.Sprintf("%s/%d", dir, i)); err != nil {
				t.Error(err)
			}
			want := append(bytes.Repeat([]byte{byte(i), 0}, 100), bytes.Repeat([]byte{byte(i), 1}, 100)...)
			if !bytes.Equal(got[i*400:(i+1)*400], want) {
				t.Fatalf("part %d was written from memory that had been freed", i)
			}
		}
		if len(l.requests) != 0 {
			t.Errorf("%d requests are kept for ever", len(l.requests))
		}
	})
}

// An operation that the kernel does not know is refused by name, and nothing is lent.
func TestUnknownRequest(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	must(t, l, Nop(0)) // the loop asks the kernel
	l.known.Ops[uapi.OpPipe].Flags = 0
	op, r := &backends.Op{}, Pipe(new([2]int32), 0)
	err := l.SubmitRequest(op, r)
	var u *backends.Unavailable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "IORING_OP_PIPE, since Linux 6.16") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if op.Lent() || r.lent || l.live != 0 {
		t.Error("what was refused is lent")
	}
	// What is beyond the kernel's own count is refused without a hand in it.
	var answer uapi.QueryOpcode
	hdr := uapi.QueryHdr{Data: uint64(uintptr(unsafe.Pointer(&answer))), Op: uapi.QueryOpcodes, Size: uint32(unsafe.Sizeof(answer))}
	if _, errno := uapi.Register(-1, uapi.RegisterQuery, unsafe.Pointer(&hdr), 0); errno != 0 || hdr.Result != 0 {
		t.Skipf("this kernel is not to be queried: %v, %d", errno, hdr.Result)
	}
	for opcode := range opcodes {
		if err := l.knows(uint8(opcode)); opcode != uapi.OpPipe && (err == nil) != (opcode < int(answer.RequestOps)) {
			t.Errorf("the kernel has %d operations, and of %s the loop says %v", answer.RequestOps, opcodes[opcode].name, err)
		}
	}
}

// What makes no sense is an error that says what is wrong.
func TestSenselessRequests(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	for want, r := range map[string]*Request{
		"zero byte":     OpenAt(unix.AT_FDCWD, "a\x00b", unix.O_RDONLY, 0),
		"new\\x00name":  RenameAt(unix.AT_FDCWD, "old", unix.AT_FDCWD, "new\x00name", 0),
		"not by clock":  TimeoutAt(unix.CLOCK_PROCESS_CPUTIME_ID, time.Hour),
		"opens nothing": Fsync(0).Direct(1),
	} {
		op := &backends.Op{}
		if err := l.SubmitRequest(op, r); err == nil || !strings.Contains(err.Error(), want) || op.Lent() {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// An op and a request are each lent once at a time; afterwards they can be used
// again, and the contract's Submit takes no request.
func TestRequestLoans(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	panics := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s did not panic", name)
			}
		}()
		f()
	}
	op, r := &backends.Op{}, Timeout(time.Hour, 1)
	if err := l.SubmitRequest(op, r); err != nil {
		t.Fatal(err)
	}
	panics("an op that is lent", func() { _ = l.SubmitRequest(op, Nop(0)) })
	panics("a request that is lent", func() { _ = l.SubmitRequest(&backends.Op{}, r) })
	if err := l.SubmitRequest(&backends.Op{}, Nop(0)); err != nil {
		t.Fatal(err)
	}
	await(t, l, 2)
	for range 3 {
		if err := l.SubmitRequest(op, r); err != nil {
			t.Fatal(err)
		}
		must := &backends.Op{Code: backends.Nop}
		l.Submit(must)
		await(t, l, 2)
	}
	op.FD = 0
	l.Submit(op)
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != backends.Fail(unix.EINVAL) {
		t.Errorf("%+v", c)
	}
}

// A request that is used again costs no memory.
func TestRequestsAllocateNothing(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	f := tempFile(t, "0123456789")
	var ops [3]backends.Op
	var info unix.Statx_t
	rs := [...]*Request{Read(int(f.Fd()), make([]byte, 10), 0), Statx(unix.AT_FDCWD, f.Name(), 0, unix.STATX_SIZE, &info), Timeout(0, 0)}
	dst := make([]backends.Completion, 1)
	if n := testing.AllocsPerRun(50, func() {
		for i, r := range rs {
			if err := l.SubmitRequest(&ops[i], r); err != nil {
				t.Fatal(err)
			}
			for ops[i].Lent() {
				if _, err := l.Wait(dst, 1, -1); err != nil {
					t.Fatal(err)
				}
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The contract's Cancel and Close work on requests as on all else.
func TestRequestsAreCancelled(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Entries: 4})
		here, _ := socketpair(t)
		first := begin(t, l, PollMulti(int(here), unix.POLLIN))
		nothingYet(t, l)
		cancel := &backends.Op{Code: backends.Cancel, Target: first}
		l.Submit(cancel)
		for _, c := range await(t, l, 2) {
			if c.Op == first && !c.Res.Canceled() || c.Op == cancel && c.Res != 0 || c.More {
				t.Errorf("%+v", c)
			}
		}
		fd, err := unix.FcntlInt(uintptr(here), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		lent := map[*backends.Op]bool{}
		for range 20 { // more than fit in the queue
			lent[begin(t, l, Poll(fd, unix.POLLIN))] = true
		}
		nothingYet(t, l)
		last := &backends.Op{Code: backends.Close, FD: int32(fd)}
		l.Submit(last)
		late := begin(t, l, Poll(fd, unix.POLLIN))
		for i, c := range await(t, l, 22) {
			switch {
			case c.Op == late && c.Res == backends.Fail(unix.EBADF):
			case lent[c.Op] && c.Res.Canceled():
				delete(lent, c.Op)
			case c.Op == last && c.Res == 0 && len(lent) == 0 && i == 21:
			default:
				t.Fatalf("completion %d: %+v, %d are lent", i, c, len(lent))
			}
		}
	})
}

// A loop closes whatever its requests are waiting for, and descriptors that
// nobody asks for any more are not left open.
func TestCloseWithRequests(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		here, _ := socketpair(t)
		name := tempFile(t, "x").Name()
		before := descriptors(t)
		l, err := b.Open(backends.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ring := l.(*Loop)
		word, pair := new(uint32), new([2]int32)
		for _, r := range []*Request{
			PollMulti(int(here), unix.POLLIN), TimeoutEvery(time.Hour, 0), FutexWait(Futex{Word: word}),
			FutexWaitv(Futex{Word: word}, Futex{Word: word}), Waitid(unix.P_ALL, 0, new(unix.Siginfo), unix.WEXITED),
			OpenAt(unix.AT_FDCWD, name, unix.O_RDONLY|unix.O_CLOEXEC, 0), Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0),
			Pipe(pair, unix.O_CLOEXEC),
		} {
			err := ring.SubmitRequest(&backends.Op{}, r)
			if u := (*backends.Unavailable)(nil); err != nil && !errors.As(err, &u) {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if ring.live != 0 || len(ring.requests) != 0 {
			t.Errorf("%d ops and %d requests are still lent", ring.live, len(ring.requests))
		}
		if kernelHas(t, uapi.OpPipe) && pair[0] == 0 {
			t.Error("the pipe was not made, so this test shows nothing")
		}
		if more := opened(t, before); len(more) > 0 {
			t.Errorf("left open: %q", more)
		}
	})
}

// descriptors are those of the process and what they are.
func descriptors(t *testing.T) map[string]bool {
	t.Helper()
	time.Sleep(time.Nanosecond) // the runtime opens its poller with the first timer, for good
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "/proc/") {
			all[e.Name()+"="+to] = true
		}
	}
	return all
}

// opened are the descriptors that were not there before. The collector may close
// others meanwhile.
func opened(t *testing.T, before map[string]bool) (more []string) {
	t.Helper()
	for d := range descriptors(t) {
		if !before[d] {
			more = append(more, d)
		}
	}
	return more
}
