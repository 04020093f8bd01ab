package threadpool

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
	"github.com/ringbench/ringbench/internal/uapi"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, newBackend(backends.Variant{Family: "threadpool"}))
}

func TestRegistered(t *testing.T) {
	b, err := backends.Lookup("threadpool")
	if err != nil || b.Name() != "threadpool" {
		t.Fatalf("%v, %v", b, err)
	}
	if _, err := backends.Lookup("threadpool+x"); err == nil {
		t.Error("a variant that does not exist was found")
	}
}

func listenTCP(t *testing.T) (fd int32, addr string) {
	t.Helper()
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(l) })
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 64); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	tcp := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*unix.SockaddrInet4).Port}
	return int32(l), tcp.String()
}

// Another worker takes the connection between ppoll and accept4. The worker that
// lost must not hang in accept4 with its other ops; its accept stays pending.
func TestConnectionLostToAnotherWorker(t *testing.T) {
	fd, addr := listenTCP(t)
	b := newBackend(backends.Variant{Family: "threadpool"})
	real, stolen := b.calls, false
	b.accept = func(fd int32, flags int) (int, unix.Errno) {
		if !stolen {
			stolen = true
			n, errno := real.accept(fd, flags)
			if errno != 0 {
				t.Errorf("the thief: %v", errno)
			}
			unix.Close(n)
		}
		return real.accept(fd, flags)
	}
	l := open(t, b)
	accept := &backends.Op{Code: backends.Accept, FD: fd}
	l.Submit(accept)
	dial(t, addr)
	c := do(t, l, &backends.Op{Code: backends.Timeout, Off: 20e6})
	if c.Res != backends.Fail(unix.ETIME) || !stolen {
		t.Fatalf("%v: %v, stolen %v", c.Op.Code, c.Res.Err(), stolen)
	}
	if n := l.Counters()[backends.Again]; n != 1 {
		t.Errorf("%d calls in vain, expected the one that lost", n)
	}
	dial(t, addr)
	c = do(t, l, &backends.Op{Code: backends.Timeout, Off: 20e9})
	if c.Op != accept || c.Res < 0 {
		t.Fatalf("%v: %v", c.Op.Code, c.Res.Err())
	}
	unix.Close(int(c.Res))
	// A worker with nothing else to do is not troubled by O_NONBLOCK.
	worker := open(t, newBackend(backends.Variant{Family: "threadpool"}))
	time.AfterFunc(20*time.Millisecond, func() { dial(t, addr) })
	if c := do(t, worker, accept); c.Res < 0 {
		t.Errorf("accept on a listener that is O_NONBLOCK: %v", c.Res.Err())
	} else {
		unix.Close(int(c.Res))
	}
}

func dial(t *testing.T, addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { conn.Close() })
}

// The bytes of two sends on one descriptor keep their order though the first
// has to wait.
func TestSendsKeepTheirOrder(t *testing.T) {
	b := newBackend(backends.Variant{Family: "threadpool"})
	real, first := b.calls, true
	b.send = func(fd int32, p []byte, flags int) (int, unix.Errno) {
		if first {
			first = false
			return -1, unix.EAGAIN
		}
		return real.send(fd, p, flags)
	}
	l := open(t, b)
	fd, far := pair(t)
	one := &backends.Op{Code: backends.Send, FD: fd, Buf: []byte("one")}
	l.Submit(one)
	if c := do(t, l, &backends.Op{Code: backends.Send, FD: fd, Buf: []byte("two")}); c.Op != one {
		t.Errorf("%q was sent first", c.Op.Buf)
	}
	if n, err := l.Wait(make([]backends.Completion, 1), 1, -1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(far, got); err != nil || string(got) != "onetwo" {
		t.Errorf("the peer read %q, %v", got, err)
	}
}

// A connect beside other ops leaves the socket as blocking as it was.
func TestConnectBesideOthers(t *testing.T) {
	l, addr := listenTCP(t)
	sa, _ := unix.Getsockname(int(l))
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	a := &backends.Addr{Len: unix.SizeofSockaddrInet4}
	port := sa.(*unix.SockaddrInet4).Port
	a.Raw.Addr.Family = unix.AF_INET
	for i, x := range []byte{byte(port >> 8), byte(port), 127, 0, 0, 1} {
		a.Raw.Addr.Data[i] = int8(x)
	}
	// A signal comes when the kernel has done it all.
	b := newBackend(backends.Variant{Family: "threadpool"})
	real, interrupted := b.calls, false
	b.connect = func(fd int32, addr *unix.RawSockaddrAny, size uint32) unix.Errno {
		errno := real.connect(fd, addr, size)
		if errno == 0 && !interrupted {
			interrupted = true
			return unix.EINTR
		}
		return errno
	}
	loop := open(t, b)
	idle, _ := pair(t)
	loop.Submit(&backends.Op{Code: backends.Recv, FD: idle, Flags: backends.SelectBuf})
	if c := do(t, loop, &backends.Op{Code: backends.Connect, FD: int32(fd), Addr: a}); c.Res != 0 || c.Op.Code != backends.Connect {
		t.Fatalf("%v to %s: %v", c.Op.Code, addr, c.Res.Err())
	}
	if peer, err := unix.Getpeername(fd); err != nil || peer.(*unix.SockaddrInet4).Port != port {
		t.Errorf("connected to %v, %v", peer, err)
	}
	if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
		t.Error("the socket was left O_NONBLOCK")
	}
}

// An op that completes at once each time does not starve one that waits.
func TestNoStarvation(t *testing.T) {
	l := open(t, newBackend(backends.Variant{Family: "threadpool"}))
	fd, far := pair(t)
	far.Write([]byte("x"))
	recv := &backends.Op{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf}
	nop := &backends.Op{Code: backends.Nop}
	l.Submit(recv)
	dst := make([]backends.Completion, 1)
	for range 1000 {
		if !nop.Lent() {
			l.Submit(nop)
		}
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if dst[0].Op == recv {
			return
		}
	}
	t.Error("data was there for a thousand Waits and was not received")
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	l := open(t, newBackend(backends.Variant{Family: "threadpool"}))
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	send := &backends.Op{Code: backends.Send, FD: int32(p[0]), Buf: make([]byte, 64)}
	recv := &backends.Op{Code: backends.Recv, FD: int32(p[1]), Flags: backends.SelectBuf}
	dst := make([]backends.Completion, 16)
	for name, timeout := range map[string]time.Duration{"blocking": -1, "polling": time.Second} {
		allocs := testing.AllocsPerRun(500, func() {
			for _, op := range []*backends.Op{send, recv} {
				l.Submit(op)
				if n, err := l.Wait(dst, 1, timeout); n != 1 || err != nil || dst[0].Res != 64 {
					t.Fatal(n, err, dst[0].Res)
				}
			}
			l.Recycle(dst[0].Buf)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a message", name, allocs)
		}
	}
}

// A descriptor that cannot be is refused beside other ops too, where ppoll
// would keep silent about it.
func TestNegativeDescriptor(t *testing.T) {
	l := open(t, newBackend(backends.Variant{Family: "threadpool"}))
	fd, _ := pair(t)
	l.Submit(&backends.Op{Code: backends.Recv, FD: fd, Buf: make([]byte, 8)})
	if c := do(t, l, &backends.Op{Code: backends.Recv, FD: -1, Buf: make([]byte, 8)}); c.Res != backends.Fail(unix.EBADF) {
		t.Errorf("recv on -1: %v", c.Res.Err())
	}
}

// The end of a Connect leaves O_NONBLOCK to the Splice that relies on it.
func TestConnectBesideSplice(t *testing.T) {
	_, addr := listenTCP(t)
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	b := newBackend(backends.Variant{Family: "threadpool"})
	connect, asked := b.connect, false
	b.connect = func(fd int32, sa *unix.RawSockaddrAny, n uint32) unix.Errno {
		errno := connect(fd, sa, n)
		if !asked {
			asked, errno = true, unix.EINPROGRESS
		}
		return errno
	}
	l, err := b.Open(backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	if _, err := unix.Write(p[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	var sa backends.Addr
	sa.Len = uint32(backends.PutAddrPort(uapi.SockaddrBytes(&sa.Raw)[:backends.NameRoom], at))
	l.Submit(&backends.Op{Code: backends.Connect, FD: int32(s), Addr: &sa})
	l.Submit(&backends.Op{Code: backends.Splice, In: int32(p[0]), FD: int32(s), Off: backends.FromPipe, Len: 1})
	for done, dst := 0, make([]backends.Completion, 2); done < 2; {
		n, err := l.Wait(dst, 1, -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range dst[:n] {
			if c.Op.Code == backends.Connect && c.Res != 0 {
				t.Errorf("%v: %v", c.Op.Code, c.Res.Err())
			}
		}
		done += n
	}
	if flags, err := unix.FcntlInt(uintptr(s), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("the socket's flags are %#x, %v", flags, err)
	}
}
