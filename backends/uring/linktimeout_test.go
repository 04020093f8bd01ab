package uring

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A LinkTimeout stops the op before it when its time has passed, and what hangs
// on that.
func TestLinkTimeoutFires(t *testing.T) {
	l := openVariant(t, "uring+linktimeout", backends.Config{})
	here, far := socketpair(t)
	recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf | backends.Link}
	limit := &backends.Op{Code: backends.LinkTimeout, Off: 2e6, Flags: backends.Link}
	send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong")}
	start := backends.Nanotime()
	submitEach(l, recv, limit, send)
	for i, want := range []uint8{uapi.OpRecv, uapi.OpLinkTimeout, uapi.OpSend} {
		e := l.ring.sqes[(l.ring.tail-3+uint32(i))&l.ring.sqMask]
		if e.Opcode != want || (e.Flags&uapi.SQEIOLink != 0) != (i < 2) {
			t.Errorf("entry %d: opcode %d with flags %#x", i, e.Opcode, e.Flags)
		}
	}
	expect(t, l, map[*backends.Op]backends.Result{recv: canceled, limit: backends.Fail(unix.ETIME), send: canceled})
	if d := backends.Nanotime() - start; d < 2e6 {
		t.Errorf("after %d ns", d)
	}
	if readable(far) {
		t.Error("and yet it was sent")
	}
}

// One whose op ends in time is cancelled, and what follows goes on.
func TestLinkTimeoutInTime(t *testing.T) {
	for _, size := range []int{2, 4, 64} { // of the submission queue
		l := openVariant(t, "uring+linktimeout", backends.Config{Entries: size})
		here, far := socketpair(t)
		recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf | backends.Link}
		limit := &backends.Op{Code: backends.LinkTimeout, Off: 3600e9, Flags: backends.Link}
		send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong")}
		for range 3 {
			submitEach(l, recv, limit, send)
			quiet(t, l)
			mustWrite(t, far, "ping")
			expect(t, l, map[*backends.Op]backends.Result{recv: 4, limit: canceled, send: 4})
			readExactly(t, far, "pong")
		}
	}
}

// What cannot be limited is not left without limit in silence.
func TestLinkTimeoutRefused(t *testing.T) {
	einval := backends.Fail(unix.EINVAL)
	for _, name := range []string{"uring+linktimeout", "uring+link", "uring"} {
		l := openVariant(t, name, backends.Config{})
		limit := &backends.Op{Code: backends.LinkTimeout, Off: 3600e9}
		l.Submit(limit)
		expect(t, l, map[*backends.Op]backends.Result{limit: einval})
		if name == "uring+linktimeout" {
			continue
		}
		nop := &backends.Op{Code: backends.Nop, Flags: backends.Link}
		submitEach(l, nop, limit)
		expect(t, l, map[*backends.Op]backends.Result{nop: 0, limit: einval})
	}
	l := openVariant(t, "uring+linktimeout", backends.Config{})
	pause := &backends.Op{Code: backends.Timeout, Off: 1e6, Flags: backends.Link}
	limit := &backends.Op{Code: backends.LinkTimeout, Off: 1, Flags: backends.Link}
	nop := &backends.Op{Code: backends.Nop}
	submitEach(l, pause, limit, nop)
	expect(t, l, map[*backends.Op]backends.Result{pause: backends.Fail(unix.ETIME), limit: einval, nop: 0})
}
