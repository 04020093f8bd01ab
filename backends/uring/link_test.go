package uring

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The second op waits for the first, in the kernel where the two are on one
// descriptor: the bytes of a send that is linked to a receive leave only when
// there was something to receive.
func TestLinkWaits(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8), Flags: backends.Link}
		send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong")}
		submitEach(l, recv, send)
		quiet(t, l)
		if readable(far) {
			t.Fatal("the send did not wait")
		}
		mustWrite(t, far, "ping")
		expect(t, l, map[*backends.Op]backends.Result{recv: 4, send: 4})
		readExactly(t, far, "pong")
		if n := l.tally.Counters[backends.Links]; n != 1 {
			t.Errorf("%d links", n)
		}
		if n := l.tally.Counters[backends.HeldLinks]; n != 0 {
			t.Errorf("%d ops held by the loop", n)
		}
	})
}

// Across descriptors the loop itself lets the second wait.
func TestLinkAcrossDescriptors(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		a, farA := socketpair(t)
		b, farB := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, FD: a, Flags: backends.SelectBuf | backends.Link}
		send := &backends.Op{Code: backends.Send, FD: b, Buf: []byte("go")}
		submitEach(l, recv, send)
		quiet(t, l)
		if readable(farB) {
			t.Fatal("the send did not wait")
		}
		mustWrite(t, farA, "!")
		expect(t, l, map[*backends.Op]backends.Result{recv: 1, send: 2})
		readExactly(t, farB, "go")
		if n := l.tally.Counters[backends.HeldLinks]; n != 1 {
			t.Errorf("%d held links", n)
		}
		// A Close of the second's descriptor does not wait for the first.
		dup, err := unix.FcntlInt(uintptr(b), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		shut := &backends.Op{Code: backends.Close, FD: int32(dup)}
		recv.Code, send.FD = backends.Recv, int32(dup)
		submitEach(l, recv, send)
		l.Submit(shut)
		expect(t, l, map[*backends.Op]backends.Result{send: canceled, shut: 0})
		mustWrite(t, farA, "!")
		expect(t, l, map[*backends.Op]backends.Result{recv: 1})
	})
}

// What the kernel is told is a chain, as its tracepoints have it, and the link
// is its own.
func TestLinkAsSubmitted(t *testing.T) {
	l := openVariant(t, "uring+link", backends.Config{})
	tr := traceRing(t, "io_uring_submit_req", "io_uring_link")
	here, far := socketpair(t)
	mustWrite(t, far, "ping")
	send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong"), Flags: backends.Link}
	recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
	submitEach(l, send, recv)
	expect(t, l, map[*backends.Op]backends.Result{send: 4, recv: 4})
	events := tr.events()
	sends, recvs := of(events, "io_uring_submit_req", "SEND"), of(events, "io_uring_submit_req", "RECV")
	if len(sends) != 1 || len(recvs) != 1 || len(of(events, "io_uring_link", "")) != 1 {
		t.Fatalf("%v", events)
	}
	if f := sends[0].number("flags"); f&uapi.SQEIOLink == 0 {
		t.Errorf("send submitted with flags %#x", f)
	}
	if f := recvs[0].number("flags"); f&uapi.SQEIOLink != 0 {
		t.Errorf("receive submitted with flags %#x", f)
	}
}

// When an op fails all that follow are cancelled, each told once.
func TestLinkAfterFailure(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		closeAll([]int{int(far)})
		send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("x"), Flags: backends.Link}
		nop := &backends.Op{Code: backends.Nop, Flags: backends.Link}
		recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf | backends.Multishot}
		submitEach(l, send, nop, recv)
		expect(t, l, map[*backends.Op]backends.Result{send: backends.Fail(unix.EPIPE), nop: canceled, recv: canceled})
		bad := &backends.Op{Code: backends.Send, FD: -1, Buf: []byte("x"), Flags: backends.Link}
		submitEach(l, bad, nop, recv)
		expect(t, l, map[*backends.Op]backends.Result{bad: backends.Fail(unix.EBADF), nop: canceled, recv: canceled})
	})
}

// A linked send waits until all is sent; one that is stopped half-way falls
// short, and what follows is cancelled.
func TestLinkAfterShortSend(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		send := &backends.Op{Code: backends.Send, FD: here, Buf: big, Flags: backends.Link}
		recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
		submitEach(l, send, recv)
		quiet(t, l) // the socket is full
		cancel := &backends.Op{Code: backends.Cancel, Target: send}
		l.Submit(cancel)
		var sent int
		for left := 3; left > 0; left-- {
			switch c := await(t, l, 1)[0]; c.Op {
			case send:
				if sent = int(c.Res); sent <= 0 || sent >= len(big) {
					t.Fatalf("%d of %d bytes", sent, len(big))
				}
			case recv:
				if !c.Res.Canceled() || sent == 0 {
					t.Fatalf("receive: %d after a send of %d", c.Res, sent)
				}
			}
		}
		readExactly(t, far, string(big[:sent]))
		if readable(far) {
			t.Error("more bytes were sent than told")
		}
		if n := l.tally.Counters[backends.ShortSends]; n != 1 {
			t.Errorf("%d short sends", n)
		}
		// With a peer that reads it goes out as a whole.
		done := make(chan bool)
		go func() {
			defer close(done)
			readExactly(t, far, string(big))
			mustWrite(t, far, "thanks")
		}()
		submitEach(l, send, recv)
		expect(t, l, map[*backends.Op]backends.Result{send: backends.Result(len(big)), recv: 6})
		<-done
	})
}

// A chain of more ops than the submission queue holds keeps its order, and ends
// where one fails.
func TestLongChain(t *testing.T) {
	for _, name := range linkVariants {
		t.Run(name, func(t *testing.T) {
			const n = 100
			l := openVariant(t, name, backends.Config{Entries: 4, Bufs: 4})
			here, far := socketpair(t)
			ops := make([]*backends.Op, n)
			for round := range 2 {
				want := map[*backends.Op]backends.Result{}
				var text string
				for i := range ops {
					word := fmt.Sprintf("%04d", i)
					ops[i] = &backends.Op{Code: backends.Send, FD: here, Buf: []byte(word), Flags: backends.Link}
					want[ops[i]] = 4
					switch {
					case round == 0 || i < n/2:
						text += word
					case i == n/2:
						ops[i].Code, ops[i].Target = backends.Cancel, nil // fails
						want[ops[i]] = backends.Fail(unix.EINVAL)
					default:
						want[ops[i]] = canceled
					}
				}
				ops[n-1].Flags = 0
				submitEach(l, ops...)
				expect(t, l, want)
				readExactly(t, far, text)
				if readable(far) {
					t.Fatal("and more")
				}
			}
			c := &l.tally.Counters
			if c[backends.HeldLinks] == 0 || c[backends.Links]+c[backends.SendBundles] == 0 {
				t.Errorf("%d held, %d links, %d bundles", c[backends.HeldLinks], c[backends.Links], c[backends.SendBundles])
			}
		})
	}
}

// openCutting opens a loop whose kernel takes one submission at a time.
func openCutting(t *testing.T, name string) *Loop {
	t.Helper()
	b := &Backend{variant: variant(t, name)}
	testenv.Need(t, "uring", b.Probe())
	b.enter = func(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
		if toSubmit > 1 {
			return uapi.Enter(fd, 1, 0, flags&^uapi.EnterExtArg, nil, 0)
		}
		return uapi.Enter(fd, toSubmit, minComplete, flags, arg, size)
	}
	return open(t, b, backends.Config{})
}

// A kernel that takes the submission queue in pieces, as it does when it lacks
// memory, would start the rest of a chain at once: the loop does not let it.
func TestChainCutBySubmission(t *testing.T) {
	for _, name := range []string{"uring+link", "uring+sendbundle"} {
		t.Run(name, func(t *testing.T) {
			l := openCutting(t, name)
			here, far := socketpair(t)
			recv := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8), Flags: backends.Link}
			first := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("first "), Flags: backends.Link}
			second := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("second")}
			submitEach(l, recv, first, second)
			quiet(t, l)
			if readable(far) {
				t.Fatal("the send did not wait")
			}
			mustWrite(t, far, "ping")
			expect(t, l, map[*backends.Op]backends.Result{recv: 4, first: 6, second: 6})
			readExactly(t, far, "first second")
		})
	}
}

// A receive that the loop itself tries again, because there was no buffer, has
// not failed: what follows waits for it.
func TestLinkAfterRetry(t *testing.T) {
	for _, name := range linkVariants {
		t.Run(name, func(t *testing.T) {
			l := openVariant(t, name, backends.Config{Bufs: 2})
			here, far := socketpair(t)
			var taken [][]byte
			recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
			for range 2 {
				l.Submit(recv)
				mustWrite(t, far, "x")
				taken = append(taken, await(t, l, 1)[0].Buf)
			}
			recv.Flags |= backends.Link
			nop := &backends.Op{Code: backends.Nop, Flags: backends.Link}
			send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong"), Flags: backends.Link}
			last := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
			mustWrite(t, far, "ping")
			submitEach(l, recv, nop, send, last)
			for l.tally.Counters[backends.NoBufs] == 0 { // the kernel's thread takes its time
				quiet(t, l)
			}
			if readable(far) {
				t.Fatal("the send did not wait")
			}
			for _, b := range taken {
				l.Recycle(b)
			}
			done := make(chan bool)
			go func() {
				defer close(done)
				readExactly(t, far, "pong")
				mustWrite(t, far, "!")
			}()
			expect(t, l, map[*backends.Op]backends.Result{recv: 4, nop: 0, send: 4, last: 1})
			<-done
		})
	}
}

// A full socket that does not block is waited for.
func TestLinkOnFullSocket(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		if err := unix.SetNonblock(int(here), true); err != nil {
			t.Fatal(err)
		}
		var filled int
		for {
			n, err := unix.Write(int(here), make([]byte, 4096))
			if err != nil {
				break
			}
			filled += n
		}
		send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("ping"), Flags: backends.Link}
		again := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong"), Flags: backends.Link}
		recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
		submitEach(l, send, again, recv)
		quiet(t, l)
		mustWrite(t, far, "reply")
		quiet(t, l)
		readExactly(t, far, string(make([]byte, filled)))
		expect(t, l, map[*backends.Op]backends.Result{send: 4, again: 4, recv: 5})
		readExactly(t, far, "pingpong")
	})
}

// What the kernel cannot link is started by the loop in its turn.
func TestLinkToLoopsOwn(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		dup, err := unix.FcntlInt(uintptr(here), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fd := int32(dup)
		recv := &backends.Op{Code: backends.Recv, FD: fd, Buf: make([]byte, 8), Flags: backends.Link}
		pause := &backends.Op{Code: backends.Timeout, Off: 1e6, Flags: backends.Link}
		send := &backends.Op{Code: backends.Send, FD: fd, Buf: []byte("bye"), Flags: backends.Link}
		shut := &backends.Op{Code: backends.Shutdown, FD: fd, Off: unix.SHUT_WR, Flags: backends.Link}
		last := &backends.Op{Code: backends.Close, FD: fd}
		submitEach(l, recv, pause, send, shut, last)
		quiet(t, l)
		mustWrite(t, far, "ping")
		expect(t, l, map[*backends.Op]backends.Result{recv: 4, pause: backends.Fail(unix.ETIME), send: 3, shut: 0, last: 0})
		readExactly(t, far, "bye")
		if n, err := unix.Read(int(far), make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("after the last words: %d, %v", n, err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
			t.Errorf("the descriptor is still open: %v", err)
		}
	})
}

// A link with nothing after it before Wait is none.
func TestLinkToNothing(t *testing.T) {
	eachLinking(t, func(t *testing.T, l *Loop) {
		here, far := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, FD: here, Buf: make([]byte, 8), Flags: backends.Link}
		l.Submit(recv)
		quiet(t, l)
		nop := &backends.Op{Code: backends.Nop}
		l.Submit(nop)
		expect(t, l, map[*backends.Op]backends.Result{nop: 0})
		mustWrite(t, far, "ping")
		expect(t, l, map[*backends.Op]backends.Result{recv: 4})
	})
}
