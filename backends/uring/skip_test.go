package uring

import (
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Of a send and the receive linked to it only the receive has a completion entry,
// by the kernel's tracepoints; the owner hears of both, in order.
func TestSkippedCompletion(t *testing.T) {
	l := openVariant(t, "uring+skip", backends.Config{})
	var tr *ringTrace // what the kernel says itself, where it may be asked
	if testenv.Root() == nil {
		tr = traceRing(t, "io_uring_submit_req", "io_uring_complete")
	}
	here, far := socketpair(t)
	send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("pong"), Flags: backends.Link}
	more := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("!"), Flags: backends.Link}
	recv := &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf}
	const rounds = 10
	for range rounds {
		submitEach(l, send, more, recv)
		quiet(t, l)
		readExactly(t, far, "pong!")
		mustWrite(t, far, "ping")
		for i, c := range await(t, l, 3) {
			if c.Op != [...]*backends.Op{send, more, recv}[i] || c.Res != [...]backends.Result{4, 1, 4}[i] || c.More {
				t.Fatalf("completion %d: %v %d", i, c.Op.Code, c.Res)
			}
			if c.Op == recv {
				l.Recycle(c.Buf)
			}
		}
	}
	c := &l.tally.Counters
	if c[backends.Completions] != rounds || c[backends.Skipped] != 2*rounds || c[backends.BytesOut] != 5*rounds {
		t.Errorf("%v", c.Map())
	}
	if tr == nil {
		return
	}
	events := tr.events()
	for _, e := range of(events, "io_uring_submit_req", "SEND") {
		if e.number("flags")&uapi.SQECQESkipSuccess == 0 {
			t.Errorf("submitted %v", e.fields)
		}
	}
	if n := len(of(events, "io_uring_complete", "")); n != rounds {
		t.Errorf("%d completions by the kernel's account, in %d rounds", n, rounds)
	}
}

// Of a chain without completions the one that fails has one, and what comes after
// it has none: all are told all the same.
func TestSkippedFailure(t *testing.T) {
	l := openVariant(t, "uring+skip", backends.Config{})
	here, far := socketpair(t)
	ops := make([]*backends.Op, 6)
	want := map[*backends.Op]backends.Result{}
	for i := range ops {
		ops[i] = &backends.Op{Code: backends.Send, FD: here, Buf: []byte("x"), Flags: backends.Link}
		want[ops[i]] = canceled
	}
	ops[2].Buf = make([]byte, 1<<20) // until the peer closes
	ops[5].Flags = 0
	want[ops[0]], want[ops[1]] = 1, 1
	submitEach(l, ops...)
	quiet(t, l)
	closeAll([]int{int(far)})
	for left := len(ops); left > 0; left-- {
		c := await(t, l, 1)[0]
		switch {
		case c.Op == ops[2] && c.Res < 1<<20:
		case c.Op != ops[2] && c.Res == want[c.Op]:
		default:
			t.Fatalf("%d", c.Res)
		}
	}
	quiet(t, l)
	if l.chains.skipped != 0 {
		t.Errorf("%d completions are awaited", l.chains.skipped)
	}
}

// Idle connections keep at most half of the loop's buffers in sends of whose
// completion nothing tells.
func TestSkipLeavesBuffers(t *testing.T) {
	const bufs, conns = 8, 20
	l := openVariant(t, "uring+skip", backends.Config{Bufs: bufs})
	for range conns {
		here, far := socketpair(t)
		send := &backends.Op{Code: backends.Send, FD: here, Buf: []byte("x"), Flags: backends.Link}
		submitEach(l, send, &backends.Op{Code: backends.Recv, FD: here, Flags: backends.SelectBuf})
		n, err := l.Wait(make([]backends.Completion, 1), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if l.chains.skipped > bufs/2 || (n == 0) != send.Lent() {
			t.Fatalf("%d completions, %d sends without one", n, l.chains.skipped)
		}
		readExactly(t, far, "x")
	}
	if l.chains.skipped != bufs/2 {
		t.Errorf("%d sends without a completion", l.chains.skipped)
	}
}

// The loop's own cancel requests leave no completion when they succeed.
func TestQuietCancel(t *testing.T) {
	for name, own := range map[string]uint64{"uring+skip": 0, "uring+link": 1} {
		t.Run(name, func(t *testing.T) {
			l := openVariant(t, name, backends.Config{})
			here, _ := socketpair(t)
			fd, err := dupOf(here)
			if err != nil {
				t.Fatal(err)
			}
			recv := &backends.Op{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf}
			l.Submit(recv)
			quiet(t, l)
			shut := &backends.Op{Code: backends.Close, FD: fd}
			l.Submit(shut)
			expect(t, l, map[*backends.Op]backends.Result{recv: canceled, shut: 0})
			if n := l.tally.Counters[backends.Completions]; n != 2+own {
				t.Errorf("%d completion entries", n)
			}
		})
	}
}
