package uring

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// use makes n requests on a file, each of which reads want.
func use(t *testing.T, l *Loop, f *os.File, n int, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	for range n {
		l.Submit(&backends.Op{Code: backends.ReadAt, FD: int32(f.Fd()), Buf: buf})
		if c := await(t, l, 1)[0]; int(c.Res) != len(want) || string(buf) != want {
			t.Fatalf("%q rather than %q: %+v", buf, want, c)
		}
	}
}

// From the request on that is to pay for it, requests carry the flag, as the
// kernel saw them, and the file is in the table.
func TestRegisteredFile(t *testing.T) {
	l := open(t, named(t, "uring+regfiles"), backends.Config{})
	f := tempFile(t, "hello")
	n := int(registerAt)
	use(t, l, f, n-1, "hello")
	calls := l.tally.Counters[backends.SysOther]
	if s := section(fdinfo(t, l), "UserFiles:"); strings.Contains(s, f.Name()) {
		t.Errorf("registered too early:\n%.2000s", s)
	}
	use(t, l, f, 10, "hello")
	if s := section(fdinfo(t, l), "UserFiles:"); !strings.Contains(s, f.Name()) {
		t.Errorf("not in the table:\n%.2000s", s)
	}
	if c := l.tally.Counters; c[backends.FileSlots] != 1 || c[backends.PlainFiles] != 0 || c[backends.SysOther] != calls+1 {
		t.Errorf("%v", c.Map())
	}
	dup := dupFD(t, f)
	must(t, l, CloseFD(int(f.Fd())))
	if s := section(fdinfo(t, l), "UserFiles:"); strings.Contains(s, f.Name()) {
		t.Errorf("after its close it is in the table:\n%.2000s", s)
	}
	if err := unix.Dup3(dup, int(f.Fd()), unix.O_CLOEXEC); err != nil { // so that the test's end finds it open
		t.Fatal(err)
	}
}

func dupFD(t *testing.T, f *os.File) int {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]int{fd}) })
	return fd
}

// The kernel itself tells that requests name the file by slot.
func TestRegisteredFileTraced(t *testing.T) {
	l := open(t, named(t, "uring+regfiles"), backends.Config{})
	tr := traceRing(t, "io_uring_submit_req")
	f := tempFile(t, "hello")
	n := int(registerAt)
	use(t, l, f, n+2, "hello")
	reads := of(tr.events(), "io_uring_submit_req", "READ")
	if len(reads) != n+2 {
		t.Fatalf("%d reads", len(reads))
	}
	for i, e := range reads {
		if fixed := e.number("flags")&1 != 0; fixed != (i >= n-1) { // REQ_F_FIXED_FILE
			t.Errorf("read %d of %d: %v", i+1, n+2, e)
		}
	}
}

// every makes descriptors registered with their first request.
func every(t *testing.T) {
	t.Helper()
	old := registerAt
	registerAt = 1
	t.Cleanup(func() { registerAt = old })
}

// A Close of the contract's empties the slot, so that the peer sees the end; and
// what comes to have the number is another file to the kernel too.
func TestRegisteredFileClosed(t *testing.T) {
	every(t)
	l := open(t, named(t, "uring+regfiles"), backends.Config{})
	last := int32(-1)
	for i, msg := range []string{"first", "second", "third"} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		here, far := int32(pair[0]), int32(pair[1])
		if i > 0 && here != last {
			t.Fatalf("descriptor %d after %d", here, last)
		}
		last = here
		recv := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here}
		l.Submit(recv)
		l.Submit(&backends.Op{Code: backends.Send, FD: here, Buf: []byte(msg)})
		await(t, l, 1)
		readExactly(t, far, msg)
		if n := l.tally.Counters[backends.FileSlots]; n != uint64(i+1) {
			t.Errorf("%d descriptors registered", n)
		}
		l.Submit(&backends.Op{Code: backends.Close, FD: here})
		for _, c := range await(t, l, 2) {
			if c.Op == recv && !c.Res.Canceled() || c.Op != recv && c.Res != 0 {
				t.Errorf("%+v", c)
			}
		}
		p := []unix.PollFd{{Fd: far, Events: unix.POLLIN}}
		if _, err := unix.Poll(p, 60_000); err != nil || p[0].Revents&unix.POLLHUP == 0 {
			t.Errorf("after the close the peer sees %#x, %v", p[0].Revents, err)
		}
		closeAll([]int{int(far)})
	}
}

// What stays open when the loop is closed is the owner's alone, at once.
func TestRegisteredFileOutlivesLoop(t *testing.T) {
	every(t)
	l := open(t, named(t, "uring+regfiles"), backends.Config{})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(pair[1:])
	l.Submit(&backends.Op{Code: backends.Send, FD: int32(pair[0]), Buf: []byte("x")})
	await(t, l, 1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	say(t, int32(pair[0]), "y")
	readExactly(t, int32(pair[1]), "xy")
	closeAll(pair[:1])
	p := []unix.PollFd{{Fd: int32(pair[1]), Events: unix.POLLIN}}
	if _, err := unix.Poll(p, 0); err != nil || p[0].Revents&unix.POLLHUP == 0 {
		t.Errorf("after the close the peer sees %#x, %v", p[0].Revents, err)
	}
}

// A descriptor beyond the table, and one that the kernel does not register, are
// used as they are, and counted once each.
func TestRegisteredFileFallback(t *testing.T) {
	every(t)
	l := open(t, named(t, "uring+regfiles"), backends.Config{})
	f := tempFile(t, "hello")
	l.table.size = int32(f.Fd())
	use(t, l, f, 3, "hello")
	l.table.size = tableSize()
	other := open(t, named(t, "uring"), backends.Config{})
	l.Submit(&backends.Op{Code: backends.Recv, FD: int32(other.ring.fd), Buf: make([]byte, 1)})
	if c := await(t, l, 1)[0]; c.Res != backends.Fail(unix.ENOTSOCK) {
		t.Errorf("%+v", c)
	}
	if c := l.tally.Counters; c[backends.PlainFiles] != 2 || c[backends.FileSlots] != 0 {
		t.Errorf("%v", c.Map())
	}
	if s := section(fdinfo(t, l), "UserFiles:"); strings.Contains(s, f.Name()) {
		t.Errorf("in the table:\n%.2000s", s)
	}
}

// Registering, requests by slot and emptying it allocate nothing.
func TestRegisteredFileAllocatesNothing(t *testing.T) {
	every(t)
	l := open(t, named(t, "uring+regfiles"), backends.Config{})
	here, far := socketpair(t)
	send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("x")}
	dst, in := make([]backends.Completion, 1), make([]byte, 1)
	if n := testing.AllocsPerRun(100, func() {
		l.Submit(send)
		for k := 0; k == 0; {
			k, _ = l.Wait(dst, 1, -1)
		}
		_, _ = unix.Read(int(far), in)
		l.forgetFile(here)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := l.tally.Counters[backends.FileSlots]; n < 100 {
		t.Errorf("registered %d times", n)
	}
}
