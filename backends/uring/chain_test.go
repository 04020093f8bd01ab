package uring

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// chain carries requests out, one after the other, and returns their results.
func chain(t *testing.T, l *Loop, rs ...*Request) []backends.Result {
	t.Helper()
	ops, at := make([]*backends.Op, len(rs)), map[*backends.Op]int{}
	for i := range rs {
		ops[i] = &backends.Op{}
		at[ops[i]] = i
	}
	if err := l.SubmitChain(ops, rs); err != nil {
		t.Fatal(err)
	}
	got := make([]backends.Result, len(rs))
	for seen := 0; seen < len(rs); {
		c := await(t, l, 1)[0]
		if i, ok := at[c.Op]; ok {
			got[i] = c.Res
			seen++
		}
	}
	return got
}

func wants(t *testing.T, got []backends.Result, want ...backends.Result) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("results %d rather than %d", got, want)
			return
		}
	}
}

// Open, read and close as one chain: the later ones name a slot of the file
// table that the first has yet to fill.
func TestChain(t *testing.T) {
	l := tableLoop(t, 2)
	f := tempFile(t, "content")
	enoent := backends.Fail(unix.ENOENT)
	open := func(name string) *Request { return OpenAt(unix.AT_FDCWD, name, unix.O_RDONLY, 0).Direct(1) }
	buf := make([]byte, 7)
	wants(t, chain(t, l, open(f.Name()), Read(1, buf, 0).Fixed(), CloseDirect(1)), 0, 7, 0)
	if string(buf) != "content" {
		t.Errorf("%q", buf)
	}
	wants(t, chain(t, l, open(f.Name()+"-none"), Read(1, buf, 0).Fixed(), Nop(0)), enoent, canceled, canceled)
	wants(t, chain(t, l, open(f.Name()), Read(1, make([]byte, 20), 0).Fixed(), Nop(0)), 0, 7, canceled) // short
	wants(t, chain(t, l, Read(1, make([]byte, 20), 0).Fixed().Hard(), CloseDirect(1), Nop(0)), 7, 0, 0)
	// One that the loop itself refuses breaks the chain just so.
	wants(t, chain(t, l, Nop(0), Read(maxFD, buf, 0), Nop(0)), 0, backends.Fail(unix.EBADF), canceled)
	// What is submitted after a chain is not of it.
	var ops [3]backends.Op
	if err := l.SubmitChain([]*backends.Op{&ops[0], &ops[1]}, []*Request{open(f.Name() + "-none"), Nop(0)}); err != nil {
		t.Fatal(err)
	}
	if err := l.SubmitRequest(&ops[2], Nop(0)); err != nil {
		t.Fatal(err)
	}
	for _, c := range await(t, l, 3) {
		if c.Op == &ops[2] && c.Res != 0 || c.Op == &ops[1] && !c.Res.Canceled() {
			t.Errorf("%+v", c)
		}
	}
}

// A chain is not cut in two where the submission queue is nearly full.
func TestChainStaysWhole(t *testing.T) {
	check := func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{Entries: 4})
		for before := range 10 {
			for range before {
				l.Submit(&backends.Op{Code: backends.Nop})
			}
			enoent := backends.Fail(unix.ENOENT)
			wants(t, chain(t, l, OpenAt(unix.AT_FDCWD, "/none", unix.O_RDONLY, 0), Nop(0), Nop(0)), enoent, canceled, canceled)
			for end := time.Now().Add(60 * time.Second); l.live > 0 && time.Now().Before(end); {
				if _, err := l.Wait(make([]backends.Completion, 16), 0, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	eachTier(t, check)
	t.Run("sqpoll", func(t *testing.T) {
		b := &Backend{variant: variant(t, "uring+sqpoll")}
		testenv.Need(t, "uring", b.Probe())
		check(t, b)
	})
}

func TestSenselessChains(t *testing.T) {
	l := defaultLoop(t, backends.Config{Entries: 2})
	ops := []*backends.Op{{}, {}, {}}
	for want, err := range map[string]error{
		"queue of 2":    l.SubmitChain(ops, []*Request{Nop(0), Nop(0), Nop(0)}),
		"with 3 ops":    l.SubmitChain(ops, []*Request{Nop(0)}),
		"zero byte":     l.SubmitChain(ops[:2], []*Request{Nop(0), MkdirAt(0, "\x00", 0)}),
		"opens nothing": l.SubmitChain(ops[:1], []*Request{Nop(0).Direct(0)}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if l.live != 0 {
		t.Errorf("%d ops are lent", l.live)
	}
	if err := l.SubmitChain(nil, nil); err != nil {
		t.Error(err)
	}
}

// The time limit of a chain's link can be changed.
func TestUpdateLinkTimeout(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	here, _ := socketpair(t)
	poll, timer := &backends.Op{}, &backends.Op{}
	if err := l.SubmitChain([]*backends.Op{poll, timer}, []*Request{Poll(int(here), unix.POLLIN), LinkTimeout(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	nothingYet(t, l)
	update := begin(t, l, UpdateTimeout(timer, time.Millisecond))
	for _, c := range await(t, l, 3) {
		if c.Op == update && c.Res != 0 || c.Op == poll && !c.Res.Canceled() || c.Op == timer && c.Res != etime {
			t.Errorf("%+v", c)
		}
	}
}
