package uring

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// chainOf links sends of the given texts on fd.
func chainOf(fd int32, texts ...string) (ops []*backends.Op, want map[*backends.Op]backends.Result) {
	want = map[*backends.Op]backends.Result{}
	for _, s := range texts {
		op := &backends.Op{Code: backends.Send, FD: fd, Buf: []byte(s), Flags: backends.Link}
		ops = append(ops, op)
		want[op] = backends.Result(len(s))
	}
	ops[len(ops)-1].Flags = 0
	return ops, want
}

// Linked sends on one descriptor are one request to the kernel, with a buffer
// group and one completion of the sum; bytes and order are exact, many times
// round the group's ring.
func TestSendBundle(t *testing.T) {
	l := openVariant(t, "uring+sendbundle", backends.Config{})
	here, far := socketpair(t)
	total := 0
	for round := range 100 {
		n := 2 + round%60
		var texts []string
		var all string
		for i := range n {
			texts = append(texts, fmt.Sprintf("%d.%d,", round, i*i*i))
			all += texts[i]
		}
		ops, want := chainOf(here, texts...)
		submitEach(l, ops...)
		done := await(t, l, n)
		for i, c := range done {
			if c.Op != ops[i] || c.Res != want[c.Op] || c.More {
				t.Fatalf("round %d: completion %d: %d of %d bytes", round, i, c.Res, want[c.Op])
			}
		}
		readExactly(t, far, all)
		total += n
	}
	c := &l.tally.Counters
	if c[backends.SendBundles] != 100 || c[backends.SendBundleBufs] != uint64(total) || c[backends.Submissions] != 100 || c[backends.Completions] != 100 {
		t.Errorf("%v", c.Map())
	}
}

// The kernel's own account of it.
func TestSendBundleAsSubmitted(t *testing.T) {
	l := openVariant(t, "uring+sendbundle", backends.Config{})
	tr := traceRing(t, "io_uring_submit_req", "io_uring_complete")
	here, far := socketpair(t)
	ops, want := chainOf(here, "one ", "two ", "three")
	submitEach(l, ops...)
	if e := l.ring.sqes[(l.ring.tail-1)&l.ring.sqMask]; e.Ioprio != uapi.RecvSendBundle || e.BufIndex == bufGroup {
		t.Errorf("submitted %+v", e)
	}
	expect(t, l, want)
	readExactly(t, far, "one two three")
	events := tr.events()
	sends, done := of(events, "io_uring_submit_req", "SEND"), of(events, "io_uring_complete", "")
	if len(sends) != 1 || len(done) != 1 {
		t.Fatalf("%v", events)
	}
	if sends[0].number("flags")&uapi.SQEBufferSelect == 0 || done[0].number("result") != 13 || done[0].number("cflags")&uapi.CQEFBuffer == 0 {
		t.Errorf("%v", events)
	}
}

// Bundles of more descriptors than there are groups go out, each to its own
// peer; those without a group are linked one by one.
func TestSendBundlesAtOnce(t *testing.T) {
	const conns = numGroups + 8
	l := openVariant(t, "uring+sendbundle", backends.Config{})
	var far [conns]int32
	want := map[*backends.Op]backends.Result{}
	for i := range conns {
		var here int32
		here, far[i] = socketpair(t)
		ops, w := chainOf(here, fmt.Sprintf("%d:", i), "x", "yz")
		submitEach(l, ops...)
		for op, res := range w {
			want[op] = res
		}
	}
	expect(t, l, want)
	for i, fd := range far {
		readExactly(t, fd, fmt.Sprintf("%d:xyz", i))
	}
	if c := &l.tally.Counters; c[backends.SendBundles] != numGroups || c[backends.Links] != 2*8 {
		t.Errorf("%v", c.Map())
	}
	if n := len(l.groups.free); n != numGroups {
		t.Errorf("%d of %d groups came back", n, numGroups)
	}
}

// A bundle that is stopped half-way tells of each of its sends what became of
// it, and the group is good for the next.
func TestShortSendBundle(t *testing.T) {
	l := openVariant(t, "uring+sendbundle", backends.Config{})
	for round := range numGroups + 3 {
		here, far := socketpair(t)
		if err := unix.SetsockoptInt(int(here), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for i := range 40 {
			texts = append(texts, string(bytes.Repeat([]byte{byte('a' + i%26)}, 1000+round)))
		}
		ops, _ := chainOf(here, texts...)
		submitEach(l, ops...)
		quiet(t, l) // the socket is full
		cancel := &backends.Op{Code: backends.Cancel, Target: ops[0]}
		l.Submit(cancel)
		var sent string
		whole, part, none := 0, 0, 0
		for left := len(ops) + 1; left > 0; left-- {
			i := whole + part + none
			dst := make([]backends.Completion, 1)
			if n, err := l.Wait(dst, 1, 50*time.Millisecond); err != nil {
				t.Fatal(err)
			} else if n == 0 {
				// It stopped between two sends, and the rest has begun anew.
				cancel.Target = ops[i]
				l.Submit(cancel)
				left++
				dst = await(t, l, 1)
			}
			c := dst[0]
			if c.Op == cancel {
				continue
			}
			switch {
			case c.Op != ops[i]:
				t.Fatal("completions out of order")
			case c.Res.Canceled():
				none++
				continue
			case int(c.Res) == len(texts[i]) && part+none == 0:
				whole++
			case c.Res > 0 && part+none == 0:
				part++
			default:
				t.Fatalf("send %d: %d", i, c.Res)
			}
			sent += texts[i][:c.Res]
		}
		if whole == 0 || none == 0 {
			t.Fatalf("%d sends whole, %d in part, %d not at all", whole, part, none)
		}
		readExactly(t, far, sent)
		if readable(far) {
			t.Fatal("more was sent than told")
		}
		ops, want := chainOf(here, "and ", "then ", "more")
		submitEach(l, ops...)
		expect(t, l, want)
		readExactly(t, far, "and then more")
	}
}

// A bundle that nothing of can be sent fails as its first send does.
func TestFailedSendBundle(t *testing.T) {
	l := openVariant(t, "uring+sendbundle", backends.Config{})
	here, far := socketpair(t)
	closeAll([]int{int(far)})
	ops, want := chainOf(here, "a", "b", "c")
	want[ops[0]], want[ops[1]], want[ops[2]] = backends.Fail(unix.EPIPE), canceled, canceled
	submitEach(l, ops...)
	expect(t, l, want)
	here, far = socketpair(t)
	ops, want = chainOf(here, "d", "e", "f")
	submitEach(l, ops...)
	expect(t, l, want)
	readExactly(t, far, "def")
}

// A peer that reads slowly gets all of a large bundle in order.
func TestSlowSendBundle(t *testing.T) {
	l := openVariant(t, "uring+sendbundle", backends.Config{})
	here, far := socketpair(t)
	var texts []string
	var all string
	for i := range 60 {
		texts = append(texts, string(bytes.Repeat([]byte{byte('a' + i%26)}, 10000+i)))
		all += texts[i]
	}
	ops, want := chainOf(here, texts...)
	submitEach(l, ops...)
	quiet(t, l)
	done := make(chan bool)
	go func() {
		defer close(done)
		readExactly(t, far, all)
	}()
	expect(t, l, want)
	<-done
}
