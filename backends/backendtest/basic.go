package backendtest

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

var basicChecks = []check{
	{"nop", true, nop},
	{"submit-twice-panics", true, submitTwice},
	{"resubmit-from-complete", true, resubmit},
	{"more-ops-than-entries", false, manyOps},
	{"more-nops-than-queues-hold", true, overflow},
	{"bad-descriptors", false, badDescriptors},
	{"connect", false, connect},
	{"two-loops", false, twoLoops},
}

func nop(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	op := &backends.Op{Code: backends.Nop}
	if op.Lent() {
		t.Fatal("a fresh op is lent")
	}
	r.submit(op)
	if !op.Lent() {
		t.Fatal("a submitted op is not lent")
	}
	r.want(r.nextOf(op), 0)
	r.want(r.must(op), 0)
	r.silence()
}

func submitTwice(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	op := &backends.Op{Code: backends.Timeout, Off: int64(patience)}
	r.submit(op)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("submitting an op that is lent did not panic")
			}
		}()
		r.loop.Submit(op)
	}()
	// The loop goes on: nobody lent it the op twice.
	r.must(&backends.Op{Code: backends.Nop})
	cancel := &backends.Op{Code: backends.Cancel, Target: op}
	r.submit(cancel)
	last := r.final(op, cancel)
	r.fails(last[op], unix.ECANCELED)
	r.want(last[cancel], 0)
}

// A chain submits its op again from its own completion.
type chain struct {
	*rig
	op   backends.Op
	left int
}

func (c *chain) Complete(done *backends.Completion) {
	if c.op.Lent() || done.More || done.Res != 0 {
		c.Fatalf("nop: result %d, more %v, lent %v", done.Res, done.More, c.op.Lent())
	}
	if c.left--; c.left > 0 {
		c.loop.Submit(&c.op)
	}
}

func resubmit(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{Entries: 4})
	chains := make([]chain, 3)
	for i := range chains {
		c := &chains[i]
		*c = chain{rig: r, left: 500 + i, op: backends.Op{Code: backends.Nop, Done: c}}
		r.submit(&c.op)
	}
	err := backends.Run(r.loop, func() bool {
		return chains[0].left <= 0 && chains[1].left <= 0 && chains[2].left <= 0
	})
	if err != nil {
		t.Fatal(err)
	}
	r.silence()
}

// manyOps has ten times more receives in flight than the queue has entries,
// each on a connection of its own, then as many sends.
func manyOps(t *testing.T, b backends.Backend) {
	const entries, conns = 16, 160
	r := open(t, b, backends.Config{Entries: entries})
	mem := r.buf(conns * 16)
	ops := make([]*backends.Op, conns)
	far := make([]int32, conns)
	for i := range ops {
		fd, other := r.rawPair()
		far[i] = other
		ops[i] = &backends.Op{Code: backends.Recv, FD: fd, Buf: mem[i*16:][:16:16]}
	}
	whole := make([][]byte, conns)
	for i, op := range ops {
		whole[i] = op.Buf
	}
	r.submit(ops...)
	r.silence()
	msg := make([]byte, 16)
	for i, fd := range far {
		pattern(msg, i, 0)
		if _, err := unix.Write(int(fd), msg); err != nil {
			t.Fatal(err)
		}
	}
	for left := conns; left > 0; {
		r.moved(ops, whole, &left)
	}
	for i, op := range ops {
		r.same(op.Buf, i, 0)
		op.Code = backends.Send
	}
	r.transfer(ops...)
	for i, fd := range far {
		n, err := unix.Read(int(fd), msg)
		if err != nil || n != 16 {
			t.Fatalf("peer %d read %d bytes: %v", i, n, err)
		}
		r.same(msg, i, 0)
	}
	r.silence()
}

func indexOf(ops []*backends.Op, op *backends.Op) int {
	for i := range ops {
		if ops[i] == op {
			return i
		}
	}
	return -1
}

// overflow has far more completions outstanding than any queue holds and takes
// them one at a time: a completion queue that overflows must lose none.
func overflow(t *testing.T, b backends.Backend) {
	const n = 12000
	r := open(t, b, backends.Config{Entries: 256})
	ops := make([]backends.Op, n)
	count := make(map[*backends.Op]int, n)
	for i := range ops {
		ops[i].Code = backends.Nop
		r.loop.Submit(&ops[i])
	}
	one := make([]backends.Completion, 1)
	for done := range n {
		// A batch now and then, so that both shapes of Wait meet the overflow.
		dst := one
		if done%1000 == 999 {
			dst = r.dst
		}
		got, err := r.loop.Wait(dst, 1, -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range dst[:got] {
			r.want(c, 0)
			count[c.Op]++
		}
		if len(count) == n {
			break
		}
	}
	for len(count) < n {
		r.wait(1, -1)
		for _, c := range r.ready {
			count[c.Op]++
		}
		r.ready = nil
	}
	for op, times := range count {
		if times != 1 {
			t.Fatalf("nop %p completed %d times", op, times)
		}
	}
	r.silence()
}

// badDescriptors makes every mistake with a descriptor that an owner can: the
// answer is an errno in a completion, never a panic and never silence.
func badDescriptors(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	gone, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(gone)
	fd := int32(gone)
	buf := r.buf(64)
	for _, op := range []*backends.Op{
		{Code: backends.Recv, FD: fd, Buf: buf},
		{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf},
		{Code: backends.Recv, FD: fd, Flags: backends.SelectBuf | backends.Multishot},
		{Code: backends.Send, FD: fd, Buf: buf},
		{Code: backends.Accept, FD: fd},
		{Code: backends.Accept, FD: fd, Flags: backends.Multishot},
		{Code: backends.Shutdown, FD: fd, Off: unix.SHUT_WR},
		{Code: backends.Connect, FD: fd, Addr: addrOf(t, "127.0.0.1:9")},
		{Code: backends.Close, FD: fd},
		{Code: backends.Recv, FD: -1, Buf: buf},
		{Code: backends.Close, FD: -1},
	} {
		r.fails(r.do(op), unix.EBADF)
	}
	// Listening was forgotten.
	idle, _, err := bindTCP()
	if err != nil {
		t.Fatal(err)
	}
	r.own(int32(idle), nil)
	r.fails(r.do(&backends.Op{Code: backends.Accept, FD: int32(idle)}), unix.EINVAL)
	r.closeFD(int32(idle))
	r.silence()
}

func connect(t *testing.T, b backends.Backend) {
	r := open(t, b, backends.Config{})
	socket := func(family int) int32 {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		r.own(int32(fd), nil)
		return int32(fd)
	}
	talk := func(fd int32, p peer) {
		r.put(p, 1, 0, 100)
		buf := r.buf(100)
		r.transfer(&backends.Op{Code: backends.Recv, FD: fd, Buf: buf})
		r.same(buf, 1, 0)
		r.closeFD(fd)
	}

	tcp, ul := acceptors(r)
	fd := socket(unix.AF_INET)
	r.want(r.must(&backends.Op{Code: backends.Connect, FD: fd, Addr: addrOf(t, tcp.Addr().String())}), 0)
	talk(fd, r.accepted(tcp))
	fd = socket(unix.AF_UNIX)
	r.want(r.must(&backends.Op{Code: backends.Connect, FD: fd, Addr: unixAddrOf(t, ul.Addr().String())}), 0)
	talk(fd, r.accepted(ul))

	// A port that is taken but does not listen refuses.
	deaf, port, err := bindTCP()
	if err != nil {
		t.Fatal(err)
	}
	r.own(int32(deaf), nil)
	fd = socket(unix.AF_INET)
	addr := addrOf(t, "127.0.0.1:0")
	addr.Raw.Addr.Data[0], addr.Raw.Addr.Data[1] = int8(port>>8), int8(port)
	r.fails(r.do(&backends.Op{Code: backends.Connect, FD: fd, Addr: addr}), unix.ECONNREFUSED)
	r.closeFD(fd)
	fd = socket(unix.AF_UNIX)
	r.fails(r.do(&backends.Op{Code: backends.Connect, FD: fd, Addr: unixAddrOf(t, "/nonexistent/socket")}), unix.ENOENT)
	r.closeFD(fd)
	r.silence()
}

// twoLoops runs two loops on two goroutines at once: nothing of a loop is
// shared by accident.
func twoLoops(t *testing.T, b backends.Backend) {
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan error, 1)
			loop, err := b.Open(backends.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer loop.Close()
			fd, conn, err := unixPair()
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience / 2))
			e := newEcho(loop, int32(fd), ownBuffer, make([]byte, 4096))
			go func() { done <- converse(conn.(peer), 7, []int{1000, 5000, 64}) }()
			if err := backends.Run(loop, func() bool { return e.ended }); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		})
	}
}
