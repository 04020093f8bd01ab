package uring

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A tap copies the requests that a loop submits, just before the kernel takes
// them, and the completions, just after it gave them.
type tap struct {
	loop *Loop
	seen []uapi.SQE
	came []uapi.CQE
	tail uint32 // of those
}

// openTapped opens a loop of a variant that this kernel must have.
func openTapped(t *testing.T, name string, cfg backends.Config) (*Loop, *tap) {
	t.Helper()
	b := &Backend{variant: variant(t, name)}
	testenv.Need(t, "uring", b.Probe())
	p := &tap{}
	b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
		var batch []uapi.SQE
		if p.loop != nil {
			r := p.loop.ring
			for i := range toSubmit {
				batch = append(batch, r.sqes[(r.sqHead.Load()+i)&r.sqMask])
			}
		}
		n, errno := uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
		if errno == 0 {
			p.seen = append(p.seen, batch[:n]...)
		}
		if p.loop != nil {
			for r := p.loop.ring; p.tail != r.cqTail.Load(); p.tail++ {
				p.came = append(p.came, r.cqes[p.tail&r.cqMask])
			}
		}
		return n, errno
	}
	p.loop = open(t, b, cfg)
	return p.loop, p
}

// of lists the requests with an opcode.
func (p *tap) of(opcode uint8) (l []uapi.SQE) {
	for _, e := range p.seen {
		if e.Opcode == opcode {
			l = append(l, e)
		}
	}
	return l
}

func say(t *testing.T, fd int32, msg string) {
	t.Helper()
	if _, err := unix.Write(int(fd), []byte(msg)); err != nil {
		t.Fatal(err)
	}
}

// quietly demands that nothing completes.
func quietly(t *testing.T, l *Loop) {
	t.Helper()
	if n, err := l.Wait(make([]backends.Completion, 1), 1, 5*time.Millisecond); n != 0 || err != nil {
		t.Fatalf("%d completions, %v", n, err)
	}
}

// ringHead is where the kernel takes the next buffer of the ring, as it says.
func ringHead(t *testing.T, l *Loop) (uint32, unix.Errno) {
	t.Helper()
	st := uapi.BufStatus{BufGroup: bufGroup}
	_, errno := uapi.Register(l.ring.fd, uapi.RegisterPbufStatus, unsafe.Pointer(&st), 1)
	return st.Head, errno
}

// With inc the kernel goes on in the buffer that it has begun, and gets it back
// when the last piece of it has come back.
func TestIncremental(t *testing.T) {
	l, _ := openTapped(t, "uring+inc", backends.Config{Bufs: 1, BufSize: 64})
	here, far := socketpair(t)
	l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
	start := address(l.pool.At(0))
	var pieces [][]byte
	for i, msg := range []string{strings.Repeat("a", 24), strings.Repeat("b", 30), strings.Repeat("c", 10)} {
		say(t, far, msg)
		c := await(t, l, 1)[0]
		if string(c.Buf) != msg || address(c.Buf) != start || cap(c.Buf) != len(msg) {
			t.Fatalf("piece %d: %q (cap %d) at %+d", i, c.Buf, cap(c.Buf), int64(address(c.Buf)-start))
		}
		start += uint64(len(msg))
		pieces = append(pieces, c.Buf)
		if head, errno := ringHead(t, l); errno == 0 && head != uint32(i/2) {
			t.Errorf("after piece %d the kernel is at buffer %d", i, head)
		}
	}
	if n := l.tally.Counters[backends.BufParts]; n != 2 {
		t.Errorf("%d parts were counted", n)
	}
	say(t, far, "more")
	for _, i := range []int{1, 0} {
		quietly(t, l)
		l.Recycle(pieces[i][3:5]) // any part of it
	}
	quietly(t, l)
	if !bytes.Equal(pieces[2], []byte("cccccccccc")) {
		t.Fatalf("a piece that is held became %q", pieces[2])
	}
	l.Recycle(pieces[2])
	if c := await(t, l, 1)[0]; string(c.Buf) != "more" || address(c.Buf) != address(l.pool.At(0)) {
		t.Fatalf("%+v", c)
	}
	if l.tally.Counters[backends.NoBufs] == 0 {
		t.Error("no_bufs is 0")
	}
}

// With provide there is no ring of buffers: each goes to the kernel by a
// request, and again whenever it comes back.
func TestProvide(t *testing.T) {
	for size, whole := range map[int]int{backends.PageSize: 1, 100: 8} { // neighbours go together where they are contiguous
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			l, p := openTapped(t, "uring+provide", backends.Config{Bufs: 8, BufSize: size})
			if _, errno := ringHead(t, l); errno == 0 {
				t.Error("the kernel knows a ring of buffers")
			}
			here, far := socketpair(t)
			l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
			for i := range 50 {
				say(t, far, fmt.Sprint("message ", i))
				c := await(t, l, 1)[0]
				if string(c.Buf) != fmt.Sprint("message ", i) {
					t.Fatalf("message %d: %q", i, c.Buf)
				}
				l.Recycle(c.Buf)
			}
			quietly(t, l)
			offers, bufs := p.of(uapi.OpProvideBuffers), 0
			for _, e := range offers {
				bufs += int(e.FD)
			}
			if bufs != 8+50 || len(offers) != whole+50 {
				t.Errorf("%d requests gave %d buffers", len(offers), bufs)
			}
			if n := l.tally.Counters[backends.NoBufs]; n != 0 {
				t.Errorf("no_bufs is %d", n)
			}
			if err := l.Close(); err != nil { // which takes them back: all are the kernel's
				t.Fatal(err)
			}
			if last := p.came[len(p.came)-1]; len(p.of(uapi.OpRemoveBuffers)) != 1 || last.Res != 8 {
				t.Errorf("%d requests took back what the kernel calls %d", len(p.of(uapi.OpRemoveBuffers)), last.Res)
			}
		})
	}
}

// tcpLine is a descriptor and its peer.
func tcpLine(t *testing.T) (int32, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]int{fd}) })
	port := ln.Addr().(*net.TCPAddr).Port
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return int32(fd), conn
}

// With recvbundle one completion of the kernel's brings what takes several
// buffers, and the owner gets one for each, in order.
func TestBundle(t *testing.T) {
	const size, bufs = 100, 32
	data := make([]byte, size*20+37)
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	for name, least := range map[string]uint32{"uring": 20, "uring+recvbundle": 1, "uring+inc+recvbundle": 1} {
		t.Run(name, func(t *testing.T) {
			l, _ := openTapped(t, name, backends.Config{Bufs: bufs, BufSize: size})
			fd, peer := tcpLine(t)
			var got []byte
			for round := range 3 { // the ring wraps
				if _, err := peer.Write(data); err != nil {
					t.Fatal(err)
				}
				for n := 0; n < len(data); n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) {
					time.Sleep(time.Millisecond)
				}
				op := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: fd}
				before := l.ring.cqTail.Load()
				l.Submit(op)
				dst := make([]backends.Completion, 3) // fewer than a bundle has
				var held [][]byte
				for got = got[:0]; len(got) < len(data); {
					n, err := l.Wait(dst, 1, time.Second)
					if n == 0 || err != nil {
						t.Fatalf("after %d bytes: %d, %v", len(got), n, err)
					}
					for _, c := range dst[:n] {
						if c.Op != op || !c.More || int(c.Res) != len(c.Buf) || c.Res <= 0 || c.Res > size {
							t.Fatalf("after %d bytes: %+v", len(got), c)
						}
						got = append(got, c.Buf...)
						held = append(held, c.Buf)
					}
				}
				if !bytes.Equal(got, data) {
					t.Fatalf("round %d: the bytes differ", round)
				}
				if n := l.ring.cqTail.Load() - before; n < least || least == 1 && n > 3 {
					t.Errorf("the kernel completed %d times for %d buffers", n, len(held))
				}
				for _, buf := range held {
					l.Recycle(buf)
				}
				l.Submit(&backends.Op{Code: backends.Cancel, Target: op})
				await(t, l, 2)
			}
			c := l.tally.Counters
			if many := c[backends.Bundles] > 0 && c[backends.BundleBufs] >= 50; many != (least == 1) {
				t.Errorf("%d bundles with %d buffers were counted", c[backends.Bundles], c[backends.BundleBufs])
			}
		})
	}
}

// With oneshot nothing stays armed, and a receive brings a buffer with it.
func TestOneshot(t *testing.T) {
	l, p := openTapped(t, "uring+oneshot", backends.Config{Bufs: 8})
	here, far := socketpair(t)
	ln, addr := listener(t)
	l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot, FD: here})
	l.Submit(&backends.Op{Code: backends.Accept, Flags: backends.Multishot, FD: int32(ln)})
	quietly(t, l)
	if n := l.pool.Len(); n != 7 {
		t.Errorf("with a receive armed %d of 8 buffers are free", n)
	}
	for range 3 {
		say(t, far, "ping")
		c := await(t, l, 1)[0]
		l.Recycle(c.Buf)
		conn, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(conn, addr); err != nil {
			t.Fatal(err)
		}
		closeAll([]int{conn, int(await(t, l, 1)[0].Res)})
	}
	quietly(t, l)
	recvs, accepts := p.of(uapi.OpRecv), p.of(uapi.OpAccept)
	if len(recvs) != 4 || len(accepts) != 4 {
		t.Errorf("%d receives and %d accepts for 3 of each", len(recvs), len(accepts))
	}
	for _, e := range slices.Concat(recvs, accepts) {
		if e.Ioprio != 0 || e.Flags != 0 || e.Opcode == uapi.OpRecv && e.Addr == 0 {
			t.Errorf("%+v", e)
		}
	}
}
