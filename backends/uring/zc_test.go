package uring

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// tcpPair is a connection over loopback, its own end as a blocking descriptor.
func tcpPair(t *testing.T) (here int32, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().(*net.TCPAddr)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]int{fd}) })
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}); err != nil {
		t.Fatal(err)
	}
	if far, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return int32(fd), far
}

// sendZC sends buf with ZeroCopy and demands count and notification.
func sendZC(t *testing.T, l *Loop, fd int32, buf []byte) {
	t.Helper()
	op := &backends.Op{Code: backends.Send, FD: fd, Buf: buf, Flags: backends.ZeroCopy}
	l.Submit(op)
	first := await(t, l, 1)[0]
	if first.Op != op || int(first.Res) != len(buf) || !first.More || !op.Lent() {
		t.Fatalf("first completion: %+v", first)
	}
	second := await(t, l, 1)[0]
	if second.Op != op || second.Res != 0 || second.More || op.Lent() {
		t.Fatalf("second completion: %+v", second)
	}
}

func readConn(t *testing.T, far net.Conn, n int) string {
	t.Helper()
	buf := make([]byte, n)
	for got := 0; got < n; {
		k, err := far.Read(buf[got:])
		if err != nil {
			t.Fatal(err)
		}
		got += k
	}
	return string(buf)
}

// On loopback every zero-copy send is copied after all, and the counters say so.
func TestZeroCopyCountsCopies(t *testing.T) {
	l := openVariant(t, "uring+zc", backends.Config{})
	here, far := tcpPair(t)
	const n = 15
	for i := range n {
		msg := []byte("message " + string(rune('a'+i%26)))
		sendZC(t, l, here, msg)
		if got := readConn(t, far, len(msg)); got != string(msg) {
			t.Fatalf("%q arrived", got)
		}
	}
	c := l.tally.Counters
	if c[backends.Notifications] != n || c[backends.Copied] != n || c[backends.NoZeroCopy] != 0 {
		t.Errorf("%v", c.Map())
	}
	if share, ok := c.ShareCopied(); !ok || share != 1 {
		t.Errorf("share copied %v", share)
	}
	if c[backends.BytesOut] != n*9 || c[backends.ShortSends] != 0 {
		t.Errorf("%v", c.Map())
	}
}

// The kernel sees zero-copy requests, and posts the notification as such.
func TestZeroCopyAsSubmitted(t *testing.T) {
	l := openVariant(t, "uring+zc", backends.Config{})
	tr := traceRing(t, "io_uring_submit_req", "io_uring_complete")
	here, far := tcpPair(t)
	sendZC(t, l, here, []byte("hello"))
	readConn(t, far, 5)
	events := tr.events()
	if n := len(of(events, "io_uring_submit_req", "SEND_ZC")); n != 1 {
		t.Errorf("%d zero-copy sends: %v", n, events)
	}
	done := of(events, "io_uring_complete", "")
	if len(done) != 2 || done[0].number("cflags")&uapi.CQEFMore == 0 || done[1].number("cflags")&uapi.CQEFNotif == 0 {
		t.Errorf("completions %v", done)
	}
}

// A Unix socket knows no zero copy: the send goes out all the same, and the
// counters say how.
func TestZeroCopyRefusedBySocket(t *testing.T) {
	for _, name := range []string{"uring+zc", "uring+zcfixed", "uring+zc+link"} {
		l := openVariant(t, name, backends.Config{})
		here, far := socketpair(t)
		for i := range 3 {
			op := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("hello"), Flags: backends.ZeroCopy | backends.Link}
			recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
			mustWrite(t, far, "x")
			submitEach(l, op, recv)
			expect(t, l, map[*backends.Op]backends.Result{op: 5, recv: 1})
			readExactly(t, far, "hello")
			if n := l.tally.Counters[backends.NoZeroCopy]; n != uint64(i+1) {
				t.Errorf("%s: %d sends refused, after %d", name, n, i+1)
			}
		}
		// Only the first was tried in vain; a new socket is tried again.
		if n := l.tally.Counters[backends.Notifications]; n != 1 {
			t.Errorf("%s: %d notifications", name, n)
		}
		fd, err := dupOf(here)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			op := &backends.Op{Code: backends.Send, FD: fd, Buf: []byte("hello"), Flags: backends.ZeroCopy}
			l.Submit(op)
			expect(t, l, map[*backends.Op]backends.Result{op: 5})
			shut := &backends.Op{Code: backends.Close, FD: fd}
			l.Submit(shut)
			expect(t, l, map[*backends.Op]backends.Result{shut: 0})
			if again, err := dupOf(here); err != nil || again != fd {
				t.Skipf("descriptor %d again is %d, %v", fd, again, err)
			}
		}
		closeAll([]int{int(fd)})
		if n := l.tally.Counters[backends.Notifications]; n != 3 {
			t.Errorf("%s: %d notifications, a new descriptor was not tried anew", name, n)
		}
	}
}

// A failure is told once, when the buffer is free.
func TestZeroCopyFails(t *testing.T) {
	l := openVariant(t, "uring+zc", backends.Config{})
	here, _ := tcpPair(t)
	if err := unix.Shutdown(int(here), unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	op := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("x"), Flags: backends.ZeroCopy}
	l.Submit(op)
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != backends.Fail(unix.EPIPE) || c.More {
		t.Fatalf("%+v", c)
	}
	quiet(t, l)
}

// A peer that does not read keeps the notification back, but neither a Cancel nor
// a Close waits for it; it comes when the bytes have left.
func TestZeroCopyPending(t *testing.T) {
	l := openVariant(t, "uring+zc", backends.Config{})
	here, far := tcpPair(t)
	fd, err := dupOf(here)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	var op *backends.Op
	dst := make([]backends.Completion, 1)
	counted, total := false, 0
	for end := time.Now().Add(20 * time.Second); ; { // until one has its count and no notification
		if time.Now().After(end) {
			t.Skip("the socket takes everything")
		}
		if op == nil || !op.Lent() {
			op, counted = &backends.Op{Code: backends.Send, FD: fd, Buf: buf, Flags: backends.ZeroCopy}, false
			l.Submit(op)
		}
		n, err := l.Wait(dst, 1, 50*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if dst[0].More {
			counted = true
			total += int(dst[0].Res)
		}
	}
	cancel := &backends.Op{Code: backends.Cancel, Target: op}
	l.Submit(cancel)
	shut := &backends.Op{Code: backends.Close, FD: fd}
	for cancel.Lent() || !counted {
		c := await(t, l, 1)[0]
		switch {
		case c.Op == cancel && counted && c.Res != backends.Fail(unix.EALREADY):
			t.Errorf("cancel: %d", c.Res)
		case c.Op == op && c.More:
			counted = true
			total += int(c.Res)
		case c.Op == op && !c.Res.Canceled():
			t.Errorf("send: %+v", c)
		case c.Op == op:
			t.Skip("the send had moved nothing")
		}
	}
	l.Submit(shut)
	if c := await(t, l, 1)[0]; c.Op != shut || c.Res != 0 || !op.Lent() {
		t.Fatalf("%v: %d", c.Op.Code, c.Res)
	}
	done := make(chan int64, 1)
	go func() {
		n, _ := io.CopyN(io.Discard, far, int64(total))
		done <- n
	}()
	if c := await(t, l, 1)[0]; c.Op != op || c.Res != 0 || c.More {
		t.Fatalf("%+v", c)
	}
	if n := <-done; n != int64(total) {
		t.Errorf("%d of %d bytes arrived", n, total)
	}
}

// Sends of the loop's own buffers name the registered memory; others do not.
func TestZeroCopyFixed(t *testing.T) {
	const size = 4096
	l := openVariant(t, "uring+zcfixed", backends.Config{Bufs: 8, BufSize: size})
	here, far := tcpPair(t)
	recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf | backends.Multishot}
	l.Submit(recv)
	for i := range 10 {
		msg := make([]byte, 1+i*400)
		for k := range msg {
			msg[k] = byte(i + k)
		}
		if _, err := far.Write(msg); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < len(msg); {
			c := await(t, l, 1)[0]
			before := l.ring.tail
			send := &backends.Op{Code: backends.Send, FD: here, Buf: c.Buf, Flags: backends.ZeroCopy}
			l.Submit(send)
			e := l.ring.sqes[before&l.ring.sqMask]
			if e.Opcode != uapi.OpSendZC || e.Ioprio != uapi.SendZCReportUsage|uapi.RecvSendFixedBuf || e.BufIndex != 0 {
				t.Fatalf("submitted %+v", e)
			}
			if c := await(t, l, 2); c[0].Res != backends.Result(len(send.Buf)) || !c[0].More || c[1].More {
				t.Fatalf("%+v", c)
			}
			if s := readConn(t, far, len(c.Buf)); s != string(msg[got:got+len(c.Buf)]) {
				t.Fatal("other bytes came back")
			}
			got += len(c.Buf)
			l.Recycle(c.Buf)
		}
	}
	n := l.tally.Counters[backends.FixedSends]
	if n < 10 || l.tally.Counters[backends.Notifications] != n {
		t.Errorf("%v", l.tally.Counters.Map())
	}
	sendZC(t, l, here, []byte("from elsewhere"))
	if l.tally.Counters[backends.FixedSends] != n {
		t.Error("memory of the heap was taken for registered")
	}
}

// A pool larger than what one registration may be lies in several pieces, none
// of which cuts a buffer.
func TestFixedPieces(t *testing.T) {
	f := fixedBufs{{base: 1 << 30, size: 5 << 12, piece: 5 << 12}, {base: 1 << 20, size: 10 << 12, piece: 3 << 12, first: 1}}
	for _, c := range []struct {
		at    uint64
		index uint16
		ok    bool
	}{
		{1 << 20, 1, true}, {1<<20 + 3<<12 - 1, 1, true}, {1<<20 + 3<<12, 2, true}, {1<<20 + 10<<12 - 1, 4, true},
		{1 << 30, 0, true}, {1<<30 + 5<<12 - 1, 0, true}, {1<<20 - 1, 0, false}, {1<<20 + 10<<12, 0, false}, {1<<30 + 5<<12, 0, false},
	} {
		if got, ok := f.at(c.at); got != c.index || ok != c.ok {
			t.Errorf("%#x is in piece %d, %v", c.at, got, ok)
		}
	}
	if _, ok := f.index(make([]byte, 1)); ok {
		t.Error("memory of the heap lies in the pool")
	}
}

// Memory that may not be locked is an error that says so: in a process of its
// own, without the capability and with a limit.
func TestFixedNeedsMemlock(t *testing.T) {
	b := &Backend{variant: variant(t, "uring+zcfixed")}
	testenv.Need(t, "uring", b.Probe())
	const child = "RINGBENCH_TEST_MEMLOCK"
	if os.Getenv(child) == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestFixedNeedsMemlock$")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	runtime.LockOSThread() // whose capabilities these are
	dropIPCLock(t)
	const limit = 8 << 20
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = min(limit, l.Max)
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &l); err != nil {
		t.Fatal(err)
	}
	const bufs = 1 << 10
	_, err := b.Open(backends.Config{Bufs: bufs, BufSize: int(2 * l.Cur / bufs)})
	if !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "ulimit -l") {
		t.Errorf("twice the limit: %v", err)
	}
	if l.Cur < limit || os.Geteuid() != 0 {
		return // that may not even do for a ring, or others of this user are charged to it, too
	}
	within, err := b.Open(backends.Config{Bufs: bufs, BufSize: int(l.Cur / 4 / bufs)})
	if err != nil {
		t.Fatalf("a quarter of the limit: %v", err)
	}
	if err := within.Close(); err != nil {
		t.Error(err)
	}
}

// dropIPCLock takes CAP_IPC_LOCK from this thread, where it has it.
func dropIPCLock(t *testing.T) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1 << unix.CAP_IPC_LOCK
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
}
