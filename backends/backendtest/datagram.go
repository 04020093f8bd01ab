package backendtest

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

var datagramChecks = []check{
	{"datagrams", false, datagrams},
	{"datagrams-ipv6", false, datagramsIPv6},
	{"datagrams-cut", false, datagramsCut},
	{"datagrams-answered", false, datagramsAnswered},
	{"datagrams-without-buffers", false, datagramsWithoutBuffers},
	{"datagrams-nobody-wants", false, datagramsNobodyWants},
	{"datagrams-cancel-and-close", false, datagramsCancelled},
	{"datagrams-refused", false, datagramsRefused},
	{"datagrams-allocations", false, datagramsAllocations},
}

// openUDP is open, with a socket that datagrams come to; nil on a loop whose
// features exclude them, which must say so.
func openUDP(t *testing.T, b backends.Backend, cfg backends.Config, host string) (r *rig, fd int32, at netip.AddrPort) {
	t.Helper()
	r = open(t, b, cfg)
	domain, sa := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if host == "::1" {
		domain, sa = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	s, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.own(int32(s), nil)
	if err := unix.Bind(s, sa); err != nil {
		t.Fatal(err)
	}
	if sa, err = unix.Getsockname(s); err != nil {
		t.Fatal(err)
	}
	port := 0
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		port = sa.Port
	case *unix.SockaddrInet6:
		port = sa.Port
	}
	if len(b.Traits().Streams) > 0 {
		op := &backends.Op{Code: backends.RecvFrom, FD: int32(s), Flags: backends.SelectBuf}
		r.submit(op)
		if r.wait(1, quiet); len(r.ready) > 0 {
			r.fails(r.next(), unix.EINVAL)
			return nil, 0, at
		}
		r.cancelled(op)
	}
	return r, int32(s), netip.AddrPortFrom(netip.MustParseAddr(host), uint16(port))
}

// sender is a socket of package net, connected to at.
func (r *rig) sender(at netip.AddrPort) *net.UDPConn {
	r.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		r.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience / 2))
	r.peers = append(r.peers, c)
	return c
}

// recvFromOp is a RecvFrom in one of the modes.
func (r *rig) recvFromOp(fd int32, m mode, size int) *backends.Op {
	op := &backends.Op{Code: backends.RecvFrom, FD: fd, Flags: m.flags()}
	if m == ownBuffer {
		op.Buf, op.Addr = r.buf(size), &backends.Addr{}
	}
	return op
}

// datagram demands op's next completion and takes it apart; data is good until
// its buffer goes back.
func (r *rig) datagram(op *backends.Op, m mode) (c backends.Completion, from netip.AddrPort, data []byte) {
	r.Helper()
	c = r.nextOf(op)
	if c.Res < 0 || c.More != (m == multishot) || (c.Buf == nil) != (m == ownBuffer) {
		r.Fatalf("recv-from (%v): result %d (%v), more %v, a buffer of %d", m, c.Res, c.Res.Err(), c.More, len(c.Buf))
	}
	if m == ownBuffer {
		return c, backends.AddrPort(uapi.SockaddrBytes(&op.Addr.Raw)[:op.Addr.Len]), op.Buf[:min(int(c.Res), len(op.Buf))]
	}
	name, data := backends.Datagram(c.Buf)
	return c, backends.AddrPort(name), data
}

func (r *rig) recycle(c backends.Completion) {
	if c.Buf != nil {
		r.loop.Recycle(c.Buf)
	}
}

// datagrams: each comes by itself, whole, in order, with its sender; empty ones too.
func datagrams(t *testing.T, b backends.Backend) { eachSender(t, b, "127.0.0.1") }

func datagramsIPv6(t *testing.T, b backends.Backend) {
	if c, err := net.ListenPacket("udp6", "[::1]:0"); err == nil {
		c.Close()
		eachSender(t, b, "::1")
	}
}

func eachSender(t *testing.T, b backends.Backend, host string) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r, fd, at := openUDP(t, b, backends.Config{}, host)
			if r == nil {
				return
			}
			var senders []*net.UDPConn
			for range 3 {
				senders = append(senders, r.sender(at))
			}
			op := r.recvFromOp(fd, m, 4096)
			r.submit(op)
			for round := range 5 {
				sizes := []int{1, 0, 64, 4000, 0, 0, 77, 1400}
				for i, n := range sizes {
					r.put(senders[(round+i)%3], round+i, 0, n)
				}
				for i, n := range sizes {
					c, from, data := r.datagram(op, m)
					if int(c.Res) != n || len(data) != n {
						t.Fatalf("a datagram of %d bytes came with result %d and %d bytes", n, c.Res, len(data))
					}
					r.same(data, round+i, 0)
					if want := senders[(round+i)%3].LocalAddr().(*net.UDPAddr).AddrPort(); from != want {
						t.Fatalf("it came from %v, not from %v", want, from)
					}
					r.recycle(c)
					if m != multishot {
						r.submit(op)
					}
				}
			}
			r.cancelled(op)
			r.silence()
		})
	}
}

// datagramsCut: what does not fit is cut and told of, and spoils nothing.
func datagramsCut(t *testing.T, b backends.Backend) {
	const size = 1000
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r, fd, at := openUDP(t, b, backends.Config{BufSize: backends.DatagramHead + size}, "127.0.0.1")
			if r == nil {
				return
			}
			s := r.sender(at)
			op := r.recvFromOp(fd, m, size)
			r.submit(op)
			for i, n := range []int{size - 1, size, size + 1, 5000, 10, 60_000, 0, size} {
				r.put(s, i, 0, n)
				c, _, data := r.datagram(op, m)
				told := n
				if r.b.Traits().Spawn {
					told = min(n, size)
				}
				if int(c.Res) != told || len(data) != min(n, size) {
					t.Fatalf("a datagram of %d bytes for %d came with result %d and %d bytes", n, size, c.Res, len(data))
				}
				r.same(data, i, 0)
				r.recycle(c)
				if m != multishot {
					r.submit(op)
				}
			}
			r.cancelled(op)
		})
	}
}

// datagramsAnswered: an answer goes to who asked, by the buffer that the loop
// chose or by an address of the owner's.
func datagramsAnswered(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r, fd, at := openUDP(t, b, backends.Config{}, "127.0.0.1")
			if r == nil {
				return
			}
			op := r.recvFromOp(fd, m, 4096)
			r.submit(op)
			for i := range 30 {
				s := r.sender(at)
				n := i * 100
				r.put(s, i, 0, n)
				c, _, data := r.datagram(op, m)
				answer := &backends.Op{Code: backends.SendTo, FD: fd, Buf: c.Buf, Flags: backends.SelectBuf}
				if m == ownBuffer {
					to := *op.Addr
					answer = &backends.Op{Code: backends.SendTo, FD: fd, Buf: data, Addr: &to}
				}
				r.want(r.must(answer), backends.Result(n))
				r.recycle(c)
				got := make([]byte, 4096)
				k, err := s.Read(got)
				if err != nil || k != n {
					t.Fatalf("%d bytes came back of %d, error %v", k, n, err)
				}
				r.same(got[:k], i, 0)
				if m != multishot {
					r.submit(op)
				}
			}
			r.cancelled(op)
		})
	}
}

// datagramsWithoutBuffers: those that find no buffer wait in the socket.
func datagramsWithoutBuffers(t *testing.T, b backends.Backend) {
	const bufs, all = 2, 9
	r, fd, at := openUDP(t, b, backends.Config{Bufs: bufs}, "127.0.0.1")
	if r == nil {
		return
	}
	s := r.sender(at)
	op := r.recvFromOp(fd, multishot, 0)
	r.submit(op)
	for i := range all {
		r.put(s, i, 0, 100)
	}
	var held []backends.Completion
	for i := range all {
		c, _, data := r.datagram(op, multishot)
		r.same(data, i, 0)
		if held = append(held, c); len(held) == bufs {
			r.silence()
			for _, c := range held {
				r.recycle(c)
			}
			held = nil
		}
	}
	r.cancelled(op)
	for _, c := range held {
		r.recycle(c)
	}
}

// datagramsNobodyWants: what waits in a socket that no op reads, now that one
// has been read, lets a loop sleep; and it is there for the next op.
func datagramsNobodyWants(t *testing.T, b backends.Backend) {
	r, fd, at := openUDP(t, b, backends.Config{}, "127.0.0.1")
	if r == nil {
		return
	}
	s := r.sender(at)
	op := r.recvFromOp(fd, ownBuffer, 4096)
	for i := range 20 {
		r.put(s, i, 0, 50)
	}
	for i := range 3 {
		r.submit(op)
		_, _, data := r.datagram(op, ownBuffer)
		r.same(data, i, 0)
	}
	before := r.loop.Counters()
	for range 10 {
		r.want(r.do(&backends.Op{Code: backends.Timeout, Off: 1e6}), backends.Fail(unix.ETIME))
	}
	r.wait(0, 0)
	// A timer may need more than one wait, but not one for every event of a
	// socket that is always ready: those would be thousands.
	if c := r.loop.Counters().Sub(before); c[backends.SysWait] > 100 {
		t.Errorf("10 sleeps of a millisecond took %d waits in the kernel", c[backends.SysWait])
	}
	for i := 3; i < 20; i++ {
		r.submit(op)
		_, _, data := r.datagram(op, ownBuffer)
		r.same(data, i, 0)
	}
}

// datagramsCancelled: a RecvFrom that waits can be cancelled, and ends when its
// descriptor is closed; nothing that comes later is lost to it.
func datagramsCancelled(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			r, fd, at := openUDP(t, b, backends.Config{}, "127.0.0.1")
			if r == nil {
				return
			}
			s := r.sender(at)
			op := r.recvFromOp(fd, m, 4096)
			r.submit(op)
			r.cancelled(op)
			r.submit(op)
			r.silence()
			r.cancelled(op)
			r.put(s, 1, 0, 500)
			r.silence()
			r.submit(op)
			c, _, data := r.datagram(op, m)
			r.same(data, 1, 0)
			r.recycle(c)
			if m != multishot {
				r.submit(op)
			}
			end := &backends.Op{Code: backends.Close, FD: fd}
			r.submit(end)
			last := r.final(op, end)
			r.fails(last[op], unix.ECANCELED)
			r.want(last[end], 0)
			delete(r.fds, fd)
		})
	}
}

// datagramsRefused: what cannot be done is told by the completion.
func datagramsRefused(t *testing.T, b backends.Backend) {
	r, fd, _ := openUDP(t, b, backends.Config{}, "127.0.0.1")
	if r == nil {
		return
	}
	buf := r.buf(100)
	long := &backends.Addr{Len: unix.SizeofSockaddrAny + 1}
	for _, x := range []struct {
		op    backends.Op
		errno unix.Errno
	}{
		{backends.Op{Code: backends.RecvFrom, FD: fd}, unix.EINVAL},
		{backends.Op{Code: backends.RecvFrom, FD: fd, Buf: buf, Flags: backends.Multishot}, unix.EINVAL},
		{backends.Op{Code: backends.RecvFrom, FD: -1, Buf: buf}, unix.EBADF},
		{backends.Op{Code: backends.SendTo, FD: fd, Buf: buf}, unix.EINVAL},
		{backends.Op{Code: backends.SendTo, FD: fd, Buf: buf, Addr: long}, unix.EINVAL},
		{backends.Op{Code: backends.SendTo, FD: fd, Buf: buf[:10], Flags: backends.SelectBuf}, unix.EINVAL},
		{backends.Op{Code: backends.SendTo, FD: fd, Buf: buf, Flags: backends.SelectBuf}, unix.EINVAL}, // the length of its address is nonsense
		{backends.Op{Code: backends.SendTo, FD: -1, Buf: buf, Addr: &backends.Addr{}}, unix.EBADF},
		{backends.Op{Code: backends.SendTo, FD: fd, Buf: r.buf(backends.MaxDatagram + 1), Addr: addrOf(t, "127.0.0.1:9")}, unix.EMSGSIZE},
	} {
		r.fails(r.do(&x.op), x.errno)
	}
	small := open(t, b, backends.Config{BufSize: backends.DatagramHead})
	small.fails(small.do(&backends.Op{Code: backends.RecvFrom, FD: fd, Flags: backends.SelectBuf}), unix.EINVAL)
}

// datagramsAllocations: see allocations.
func datagramsAllocations(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		if m == multishot && b.Traits().Spawn {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			r, fd, at := openUDP(t, b, backends.Config{}, "127.0.0.1")
			if r == nil {
				return
			}
			s := r.sender(at)
			f, err := s.File()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			far := int(f.Fd())
			recv := r.recvFromOp(fd, m, 4096)
			answer := &backends.Op{Code: backends.SendTo, FD: fd, Flags: m.flags() & backends.SelectBuf, Addr: recv.Addr}
			out, in := make([]byte, 64), make([]byte, 100)
			pattern(out, 1, 0)
			if m == multishot {
				r.loop.Submit(recv)
			}
			r.frugal(func() {
				unix.Write(far, out)
				if m != multishot {
					r.loop.Submit(recv)
				}
				c := r.direct(nil)
				if answer.Buf = c.Buf; m == ownBuffer {
					answer.Buf = recv.Buf[:c.Res]
				}
				r.direct(answer)
				if c.Buf != nil {
					r.loop.Recycle(c.Buf)
				}
				if n, err := unix.Read(far, in); n != len(out) || err != nil {
					r.Fatal(fmt.Errorf("%d bytes came back: %w", n, err))
				}
			})
			r.same(in[:len(out)], 1, 0)
			if m == multishot {
				r.cancelled(recv)
			}
		})
	}
}
