package backendtest

import (
	"bytes"
	"fmt"
	"io"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// patience is when a loop that makes no progress is given up. Nothing that
// works comes near it; it only turns a hang into a failure with stacks.
// Tests of the suite itself have less.
var patience = 60 * time.Second

// quiet is how long a test watches for completions that must not come.
const quiet = 2 * time.Millisecond

// A rig is a loop under test with what a test lends it. It belongs to the
// test's goroutine. When the test ends the loop is closed, then the
// descriptors, and then nothing may be left behind.
type rig struct {
	*testing.T
	b     backends.Backend
	loop  backends.Loop
	dst   []backends.Completion
	ready []backends.Completion // reaped, not yet looked at
	arena *backends.Arena
	fds   map[int32]bool // descriptors that the owner has open; true: an Accept brought it
	peers []io.Closer
	ops   []*backends.Op // everything submitted through the rig
	sends int
}

// open starts a loop on the calling goroutine.
func open(t *testing.T, b backends.Backend, cfg backends.Config) *rig {
	t.Helper()
	before := takeCensus(t)
	loop, err := b.Open(cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	arena, err := backends.NewArena(8 << 20)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, b: b, loop: loop, dst: make([]backends.Completion, 64), arena: arena, fds: map[int32]bool{}}
	watchdog := time.AfterFunc(patience, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("%s on %s hangs", t.Name(), b.Name()))
	})
	t.Cleanup(func() {
		r.shut()
		r.hangUp()
		for _, p := range r.peers {
			p.Close()
		}
		if err := arena.Free(); err != nil {
			t.Error(err)
		}
		watchdog.Stop()
		if !t.Failed() {
			before.compare(t)
		}
	})
	return r
}

// shut closes the loop, once, and demands every loan back.
func (r *rig) shut() {
	r.Helper()
	if r.loop == nil {
		return
	}
	err := r.loop.Close()
	r.loop = nil
	if err != nil {
		r.Errorf("close of the loop: %v", err)
		return
	}
	for _, op := range r.ops {
		if op.Lent() {
			r.Errorf("%v on %d is still lent after the loop was closed", op.Code, op.FD)
		}
	}
}

// hangUp closes what is open: descriptors that an Accept brought as a Backend demands,
// on a loop that knows nothing of them yet.
func (r *rig) hangUp() {
	r.Helper()
	var loop backends.Loop
	for fd, accepted := range r.fds {
		if !accepted {
			unix.Close(int(fd))
			continue
		}
		if loop == nil {
			var err error
			if loop, err = r.b.Open(backends.Config{}); err != nil {
				r.Fatal(err)
			}
		}
		loop.Submit(&backends.Op{Code: backends.Close, FD: fd})
		for n := 0; n == 0; {
			var err error
			if n, err = loop.Wait(r.dst, 1, -1); err != nil || n > 0 && r.dst[0].Res != 0 {
				r.Fatalf("close of descriptor %d: %d, %v", fd, r.dst[0].Res, err)
			}
		}
	}
	if loop != nil {
		if err := loop.Close(); err != nil {
			r.Error(err)
		}
	}
}

// buf cuts n bytes of arena memory, filled with what no test sends.
func (r *rig) buf(n int) []byte {
	r.Helper()
	b := r.arena.Bytes(n)
	if b == nil {
		r.Fatal("the rig's arena is used up")
	}
	copy(b, bytes.Repeat([]byte{0x11}, n))
	return b
}

func (r *rig) submit(ops ...*backends.Op) {
	r.Helper()
	for _, op := range ops {
		r.ops = append(r.ops, op)
		size, inline := len(op.Buf), op.Code == backends.Send
		if op.Code == backends.Splice || op.Code == backends.Sendfile {
			size, inline = int(op.Len), true
		}
		if inline {
			// Every other send takes what Submit says as its completion.
			r.sends++
			op.Flags &^= backends.Inline
			if r.sends%2 == 0 {
				op.Flags |= backends.Inline
			}
		}
		if !r.loop.Submit(op) {
			continue
		}
		if op.Flags&backends.Inline == 0 || op.Lent() {
			r.Fatalf("Submit calls %v on %d done (flags %b, lent %v)", op.Code, op.FD, op.Flags, op.Lent())
		}
		r.ready = append(r.ready, backends.Completion{Op: op, Res: backends.Result(size)})
	}
}

// wait is one Wait; what it reaps goes to ready. It returns how many came.
func (r *rig) wait(min int, timeout time.Duration) int {
	r.Helper()
	n, err := r.loop.Wait(r.dst, min, timeout)
	if err != nil {
		r.Fatalf("wait: %v", err)
	}
	for _, c := range r.dst[:n] {
		switch {
		case c.Op == nil:
			r.Fatalf("a completion without an op: %+v", c)
		case !c.More && c.Op.Lent():
			r.Fatalf("%v completed with %d, More unset, and is still lent", c.Op.Code, c.Res)
		}
	}
	r.ready = append(r.ready, r.dst[:n]...)
	return n
}

// next is the next completion, however long it takes.
func (r *rig) next() backends.Completion {
	r.Helper()
	for len(r.ready) == 0 {
		r.wait(1, -1)
	}
	c := r.ready[0]
	r.ready = r.ready[1:]
	return c
}

// nextOf is the next completion, which must be op's.
func (r *rig) nextOf(op *backends.Op) backends.Completion {
	r.Helper()
	c := r.next()
	if c.Op != op {
		r.Fatalf("%v on %d completed with %d; expected was %v on %d", c.Op.Code, c.Op.FD, c.Res, op.Code, op.FD)
	}
	return c
}

// do submits op and returns its completion, which must be the next.
func (r *rig) do(op *backends.Op) backends.Completion {
	r.Helper()
	r.submit(op)
	return r.nextOf(op)
}

// must is do for an op that must succeed and end.
func (r *rig) must(op *backends.Op) backends.Completion {
	r.Helper()
	c := r.do(op)
	if c.Res < 0 || c.More {
		r.Fatalf("%v on %d: result %d (%v), more %v", op.Code, op.FD, c.Res, c.Res.Err(), c.More)
	}
	return c
}

// final collects the completions of ops until each had its last one.
func (r *rig) final(ops ...*backends.Op) map[*backends.Op]backends.Completion {
	r.Helper()
	want := make(map[*backends.Op]bool, len(ops))
	for _, op := range ops {
		want[op] = true
	}
	last := make(map[*backends.Op]backends.Completion, len(ops))
	for len(last) < len(ops) {
		c := r.next()
		if !want[c.Op] {
			r.Fatalf("%v on %d completed with %d, unexpectedly", c.Op.Code, c.Op.FD, c.Res)
		}
		if !c.More {
			if _, twice := last[c.Op]; twice {
				r.Fatalf("%v on %d completed twice", c.Op.Code, c.Op.FD)
			}
			last[c.Op] = c
		}
	}
	return last
}

// silence demands that nothing completes for a moment.
func (r *rig) silence() {
	r.Helper()
	for _, timeout := range []time.Duration{0, quiet} {
		r.wait(1, timeout)
	}
	if len(r.ready) > 0 {
		c := r.ready[0]
		r.Fatalf("%v on %d completed with %d (more %v), and nothing should have", c.Op.Code, c.Op.FD, c.Res, c.More)
	}
}

// hears waits for what the far end says after a close, and turns the loop meanwhile: of a
// request that a thread of the kernel's carried out the ring's owner drops the last
// reference to the file (io_free_req), when it enters next and not before.
func (r *rig) hears(done <-chan error) error {
	r.Helper()
	for {
		select {
		case err := <-done:
			return err
		default:
			r.wait(1, time.Millisecond)
		}
	}
}

// transfer submits ops that move their Buf, and the rest of those that fall
// short, until all of each is moved. It returns how often one fell short.
func (r *rig) transfer(ops ...*backends.Op) (short int) {
	r.Helper()
	whole := make([][]byte, len(ops))
	for i, op := range ops {
		whole[i] = op.Buf
	}
	r.submit(ops...)
	for left := len(ops); left > 0; {
		short += r.moved(ops, whole, &left)
	}
	return short
}

// moved takes one completion of a transfer.
func (r *rig) moved(ops []*backends.Op, whole [][]byte, left *int) (short int) {
	r.Helper()
	c := r.next()
	i := indexOf(ops, c.Op)
	if i < 0 || c.Res <= 0 || int(c.Res) > len(c.Op.Buf) || c.More || c.Buf != nil {
		r.Fatalf("%v on %d: result %d (%v) of %d bytes, more %v", c.Op.Code, c.Op.FD, c.Res, c.Res.Err(), len(c.Op.Buf), c.More)
	}
	if c.Op.Buf = c.Op.Buf[c.Res:]; len(c.Op.Buf) > 0 {
		r.submit(c.Op)
		return 1
	}
	c.Op.Buf = whole[i]
	*left--
	return 0
}

func (r *rig) want(c backends.Completion, res backends.Result) {
	r.Helper()
	if c.Res != res {
		r.Fatalf("%v on %d: result %d (%v), expected %d (%v)", c.Op.Code, c.Op.FD, c.Res, c.Res.Err(), res, res.Err())
	}
}

func (r *rig) fails(c backends.Completion, errno unix.Errno) {
	r.Helper()
	r.want(c, backends.Fail(errno))
	if c.More || c.Buf != nil {
		r.Fatalf("%v failed with %v, yet more is %v and the buffer has %d bytes", c.Op.Code, errno, c.More, len(c.Buf))
	}
}

// closeFD closes fd by a Close op, as an owner must.
func (r *rig) closeFD(fd int32) {
	r.Helper()
	op := &backends.Op{Code: backends.Close, FD: fd}
	r.must(op)
	delete(r.fds, fd)
}
