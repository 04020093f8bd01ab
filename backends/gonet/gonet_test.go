package gonet

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
)

func TestConformance(t *testing.T) { backendtest.Run(t, backend{name: "net"}) }

func TestRegistered(t *testing.T) {
	b, err := backends.Lookup("net")
	if err != nil || b.Name() != "net" || !b.Traits().Spawn || !b.Traits().Blocking {
		t.Fatalf("%v, %v", b, err)
	}
}

// open makes a loop on the calling goroutine and checks that it closes.
func open(t *testing.T) *loop {
	t.Helper()
	l, err := backend{name: "net"}.Open(backends.Config{Bufs: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.(*loop)
}

// next is the next completion.
func next(t *testing.T, l *loop) backends.Completion {
	t.Helper()
	dst := make([]backends.Completion, 1)
	if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil {
		t.Fatalf("wait: %d, %v", n, err)
	}
	return dst[0]
}

func do(t *testing.T, l *loop, op *backends.Op) backends.Completion {
	t.Helper()
	l.Submit(op)
	return next(t, l)
}

// raw is a socketpair of plain descriptors, closed unless the test did so.
func raw(t *testing.T) (a, b int32) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return int32(p[0]), int32(p[1])
}

// listen is a Unix listener and its address.
func listen(t *testing.T) (fd int32, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(l, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 16); err != nil {
		t.Fatal(err)
	}
	return int32(l), path
}

// descriptors counts those of this process that are the socket fd.
func descriptors(t *testing.T, fd int32) (n int) {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if other, _ := os.Readlink(f); other == name {
			n++
		}
	}
	return n
}

func closeFD(t *testing.T, l *loop, fd int32) {
	t.Helper()
	if c := do(t, l, &backends.Op{Code: backends.Close, FD: fd}); c.Res != 0 {
		t.Fatalf("close of %d: %v", fd, c.Res.Err())
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Fatalf("after the Close of %d: %v", fd, err)
	}
}

// echoOnce receives a message on fd and sends it back.
func echoOnce(t *testing.T, l *loop, fd int32) {
	t.Helper()
	c := do(t, l, &backends.Op{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf})
	if c.Res <= 0 {
		t.Fatalf("recv on %d: %v", fd, c.Res.Err())
	}
	if s := do(t, l, &backends.Op{Code: backends.Send, FD: fd, Buf: c.Buf}); s.Res != c.Res {
		t.Fatalf("send on %d: %d, %v", fd, s.Res, s.Res.Err())
	}
	l.Recycle(c.Buf)
}

func exchange(t *testing.T, conn net.Conn, msg string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := conn.Write([]byte(msg)); err != nil {
		t.Error(err)
	}
	back := make([]byte, len(msg))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != msg {
		t.Errorf("sent %q, got %q, %v", msg, back, err)
	}
}

// One loop accepts, another serves, and a third takes over when that one ends.
// The connection is the accepted descriptor itself, no duplicate.
func TestAcceptedConnectionChangesLoops(t *testing.T) {
	l, path := listen(t)
	a := open(t)
	accept := &backends.Op{Code: backends.Accept, FD: l}
	for i := range 3 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		fd := int32(do(t, a, accept).Res)
		if n := descriptors(t, fd); n != 1 {
			t.Errorf("the accepted connection has %d descriptors", n)
		}
		served := make(chan bool)
		go func() {
			defer close(served)
			b, _ := backend{name: "net"}.Open(backends.Config{Bufs: 1})
			echoOnce(t, b.(*loop), fd)
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		exchange(t, conn, fmt.Sprint("message ", i))
		<-served
		c := open(t)
		served = make(chan bool)
		go func() { exchange(t, conn, "another"); close(served) }()
		echoOnce(t, c, fd)
		<-served
		closeFD(t, c, fd)
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the close the peer read %d, %v", n, err)
		}
		conn.Close()
	}
	closeFD(t, a, l)
}

// Wrapping a descriptor leaves the owner's number open, whatever is collected,
// until it is closed.
func TestWrappedDescriptorSurvivesCollection(t *testing.T) {
	x, y := raw(t)
	defer unix.Close(int(y))
	l, _ := backend{name: "net"}.Open(backends.Config{Bufs: 1})
	unix.Write(int(y), []byte("one"))
	echoOnce(t, l.(*loop), x)
	l.Close()
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if n := descriptors(t, x); n != 1 {
		t.Fatalf("after the loop was closed the socket has %d descriptors", n)
	}
	unix.Write(int(y), []byte("two"))
	again := open(t)
	echoOnce(t, again, x)
	closeFD(t, again, x)
}

// Two receives wait on one descriptor. Cancelling one leaves the other, which
// gets the data.
func TestCancelOneOfTwoOnADescriptor(t *testing.T) {
	for _, victim := range []int{0, 1} {
		x, y := raw(t)
		l := open(t)
		var ops [2]backends.Op
		for i := range ops {
			ops[i] = backends.Op{Code: backends.Recv, FD: x, Buf: make([]byte, 8)}
			l.Submit(&ops[i])
		}
		if n, err := l.Wait(make([]backends.Completion, 1), 1, 5*time.Millisecond); n != 0 || err != nil {
			t.Fatalf("%d completions of nothing, %v", n, err)
		}
		cancel := &backends.Op{Code: backends.Cancel, Target: &ops[victim]}
		l.Submit(cancel)
		for range 2 {
			switch c := next(t, l); {
			case c.Op == cancel && c.Res == 0, c.Op == &ops[victim] && c.Res.Canceled():
			default:
				t.Fatalf("%v: %v", c.Op.Code, c.Res.Err())
			}
		}
		unix.Write(int(y), []byte("data"))
		if c := next(t, l); c.Op != &ops[1-victim] || string(c.Op.Buf[:c.Res]) != "data" {
			t.Fatalf("%v: %d %q", c.Op.Code, c.Res, c.Op.Buf)
		}
		closeFD(t, l, x)
		unix.Close(int(y))
	}
}

// Connect on a goroutine, beside a receive, and refused as well as accepted.
func TestConnectBesideOthers(t *testing.T) {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x, y := raw(t)
	defer unix.Close(int(y))
	l := open(t)
	idle := &backends.Op{Code: backends.Recv, FD: x, Flags: backends.SelectBuf}
	l.Submit(idle)
	port := tcp.Addr().(*net.TCPAddr).Port
	a := &backends.Addr{Len: unix.SizeofSockaddrInet4}
	a.Raw.Addr.Family = unix.AF_INET
	for i, b := range []byte{byte(port >> 8), byte(port), 127, 0, 0, 1} {
		a.Raw.Addr.Data[i] = int8(b)
	}
	for _, want := range []backends.Result{0, backends.Fail(unix.ECONNREFUSED)} {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		c := do(t, l, &backends.Op{Code: backends.Connect, FD: int32(fd), Addr: a})
		if c.Op.Code != backends.Connect || c.Res != want {
			t.Errorf("%v: %v, expected %v", c.Op.Code, c.Res.Err(), want.Err())
		}
		if want == 0 {
			conn, err := tcp.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			tcp.Close() // the next is refused
		}
		closeFD(t, l, int32(fd))
	}
	closeIdle := &backends.Op{Code: backends.Close, FD: x}
	l.Submit(closeIdle)
	if c := next(t, l); c.Op != idle || !c.Res.Canceled() {
		t.Errorf("%v: %v", c.Op.Code, c.Res.Err())
	}
	if c := next(t, l); c.Op != closeIdle || c.Res != 0 {
		t.Errorf("%v: %v", c.Op.Code, c.Res.Err())
	}
}

// An op that completes at once each time does not starve one that waits.
func TestNoStarvation(t *testing.T) {
	x, y := raw(t)
	defer unix.Close(int(y))
	l := open(t)
	unix.Write(int(y), []byte("x"))
	recv := &backends.Op{Code: backends.Recv, FD: x, Flags: backends.SelectBuf}
	nop := &backends.Op{Code: backends.Nop}
	l.Submit(recv)
	for start := time.Now(); time.Since(start) < 20*time.Second; {
		if !nop.Lent() {
			l.Submit(nop)
		}
		if next(t, l).Op == recv {
			return
		}
	}
	t.Error("data was there all the time and was not received")
}

// The path of an echo, one op at a time on the caller's goroutine.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	x, y := raw(t)
	l := open(t)
	send := &backends.Op{Code: backends.Send, FD: x, Buf: make([]byte, 64)}
	recv := &backends.Op{Code: backends.Recv, FD: y, Flags: backends.SelectBuf}
	dst := make([]backends.Completion, 16)
	before := runtime.NumGoroutine()
	allocs := testing.AllocsPerRun(500, func() {
		for _, op := range []*backends.Op{send, recv} {
			l.Submit(op)
			if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil || dst[0].Res != 64 {
				t.Fatal(n, err, dst[0].Res)
			}
		}
		l.Recycle(dst[0].Buf)
	})
	if allocs != 0 {
		t.Errorf("%v allocations a message", allocs)
	}
	if n := runtime.NumGoroutine(); n > before || l.back != nil {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
	closeFD(t, l, x)
	closeFD(t, l, y)
}

// The end of a Send that is cancelled is not that of a Sendfile beside it.
func TestCancelBesideSendfile(t *testing.T) {
	l := open(t)
	here, far := raw(t)
	for {
		if _, err := unix.SendmsgN(int(here), make([]byte, 1<<16), nil, nil, unix.MSG_DONTWAIT); err == unix.EAGAIN {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("never")}
	move := &backends.Op{Code: backends.Sendfile, FD: here, In: int32(file.Fd()), Len: 5}
	cancel := &backends.Op{Code: backends.Cancel, Target: send}
	for _, op := range []*backends.Op{send, move} {
		l.Submit(op)
		if n, err := l.Wait(make([]backends.Completion, 1), 0, 0); n != 0 || err != nil {
			t.Fatalf("%v: %d, %v", op.Code, n, err)
		}
	}
	l.Submit(cancel)
	for range 2 {
		if c := next(t, l); c.Op == send && !c.Res.Canceled() || c.Op == cancel && c.Res != 0 || c.Op == move {
			t.Fatalf("%v: %d", c.Op.Code, c.Res)
		}
	}
	go func() {
		for b := make([]byte, 1<<16); ; {
			if n, err := unix.Read(int(far), b); n <= 0 || err != nil {
				return
			}
		}
	}()
	if c := next(t, l); c.Op != move || c.Res != 5 {
		t.Fatalf("%v: %d", c.Op.Code, c.Res)
	}
	closeFD(t, l, here) // ends the reader
}
