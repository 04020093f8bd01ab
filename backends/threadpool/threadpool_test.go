package threadpool

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
)

func TestConformance(t *testing.T) { backendtest.Run(t, newBackend("threadpool")) }

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

// Workers that share a listener while they have other ops pending: all of them
// see in ppoll the connection that one of them gets, and the others must not
// hang in accept4, which their Timeout would show by never completing.
func TestSharedListener(t *testing.T) {
	const workers, rounds = 4, 25
	l, addr := listenTCP(t)
	b := newBackend("threadpool")
	got := make(chan int, workers*rounds)
	ended := make(chan error, workers)
	for range workers {
		go func() { ended <- acceptBeside(b, l, rounds, got) }()
	}
	dialled := 0
	for range rounds {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		dialled++
		unix.Close(<-got) // one worker has it before the next comes
	}
	for range workers {
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("a worker hangs in accept4")
		}
	}
	if len(got) != 0 {
		t.Errorf("%d connections were dialled, and %d more were accepted", dialled, len(got))
	}
}

// acceptBeside accepts until nothing has come for a while.
func acceptBeside(b *backend, fd int32, rounds int, got chan<- int) error {
	l, err := b.Open(backends.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	accept := &backends.Op{Code: backends.Accept, FD: fd}
	idle := &backends.Op{Code: backends.Timeout, Off: 500e6}
	l.Submit(accept)
	l.Submit(idle)
	dst := make([]backends.Completion, 4)
	for {
		n, err := l.Wait(dst, 1, -1)
		if err != nil {
			return err
		}
		for _, c := range dst[:n] {
			switch {
			case c.Op == idle:
				return nil
			case c.Res < 0:
				return c.Res.Err()
			}
			got <- int(c.Res)
			l.Submit(accept)
		}
	}
}

// The bytes of two sends on one descriptor keep their order though the first
// has to wait for room.
func TestSendsKeepTheirOrder(t *testing.T) {
	l := open(t, newBackend("threadpool"))
	fd, far := pair(t)
	ops := make([]backends.Op, 8)
	for i := range ops {
		ops[i] = backends.Op{Code: backends.Send, FD: fd, Buf: make([]byte, 100_000)}
		for j := range ops[i].Buf {
			ops[i].Buf[j] = byte(i)
		}
		l.Submit(&ops[i])
	}
	read := make(chan []byte)
	go func() {
		all := make([]byte, 0, 1<<20)
		buf := make([]byte, 5000)
		for {
			n, err := far.Read(buf)
			if n == 0 || err != nil {
				read <- all
				return
			}
			all = append(all, buf[:n]...)
		}
	}()
	sent := make([]int, len(ops))
	dst := make([]backends.Completion, 3)
	for left := len(ops); left > 0; {
		n, err := l.Wait(dst, 1, -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range dst[:n] {
			if c.Res < 0 {
				t.Fatal(c.Res.Err())
			}
			sent[c.Op.Buf[0]] = int(c.Res)
			left--
		}
	}
	do(t, l, &backends.Op{Code: backends.Shutdown, FD: fd, Off: unix.SHUT_WR})
	all := <-read
	for i, n := range sent {
		for _, x := range all[:n] {
			if int(x) != i {
				t.Fatalf("a byte of send %d among those of send %d", x, i)
			}
		}
		all = all[n:]
	}
	if len(all) != 0 {
		t.Errorf("the peer read %d bytes more than the results say", len(all))
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
	loop := open(t, newBackend("threadpool"))
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
	l := open(t, newBackend("threadpool"))
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
	l := open(t, newBackend("threadpool"))
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
	l := open(t, newBackend("threadpool"))
	fd, _ := pair(t)
	l.Submit(&backends.Op{Code: backends.Recv, FD: fd, Buf: make([]byte, 8)})
	if c := do(t, l, &backends.Op{Code: backends.Recv, FD: -1, Buf: make([]byte, 8)}); c.Res != backends.Fail(unix.EBADF) {
		t.Errorf("recv on -1: %v", c.Res.Err())
	}
}
