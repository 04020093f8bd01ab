package uring

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// With fixedfile a connection is in the ring's table and nowhere else.
func TestFixedFile(t *testing.T) {
	l, p := openTapped(t, "uring+fixedfile", backends.Config{})
	ln, addr := listener(t)
	accept := &backends.Op{Code: backends.Accept, Flags: backends.Multishot | backends.Fixed, FD: int32(ln)}
	l.Submit(accept)
	const conns = 5
	before := descriptors(t)
	var here []int32
	for range conns {
		far, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll([]int{far})
		if err := unix.Connect(far, addr); err != nil {
			t.Fatal(err)
		}
		c := await(t, l, 1)[0]
		if c.Op != accept || c.Res < 0 {
			t.Fatalf("%+v", c)
		}
		here = append(here, int32(c.Res))
		say(t, int32(far), "ping")
	}
	if more := opened(t, before); len(more) != conns { // the far ends
		t.Errorf("%d connections took %d descriptors: %q", conns, len(more), more)
	}
	listed := strings.Count(section(fdinfo(t, l), "UserFiles:"), "socket:")
	if listed != conns {
		t.Errorf("the kernel lists %d sockets in the table:\n%.2000s", listed, fdinfo(t, l))
	}
	for _, fd := range here {
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Fixed, FD: fd})
		if c := await(t, l, 1)[0]; string(c.Buf) != "ping" {
			t.Fatalf("%+v", c)
		}
		l.Submit(&backends.Op{Code: backends.Close, Flags: backends.Fixed, FD: fd})
		if c := await(t, l, 1)[0]; c.Res != 0 {
			t.Fatalf("%+v", c)
		}
	}
	if s := fdinfo(t, l); strings.Contains(section(s, "UserFiles:"), "socket:") {
		t.Errorf("after the closes the table is not empty:\n%.2000s", s)
	}
	for _, e := range p.of(uapi.OpRecv) {
		if e.Flags&uapi.SQEFixedFile == 0 {
			t.Errorf("%+v", e)
		}
	}
}

// A table that is full refuses a connection, and takes the next when one has
// gone.
func TestFixedFileTableFull(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	const slots = 64
	b := &Backend{variant: variant(t, "uring+fixedfile")}
	testenv.Need(t, "uring", b.Probe())
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: slots, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	l := open(t, b, backends.Config{})
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	ln, addr := listener(t)
	var fars []int
	defer func() { closeAll(fars) }()
	dial := func() {
		far, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fars = append(fars, far)
		if err := unix.Connect(far, addr); err != nil {
			t.Fatal(err)
		}
	}
	accept := &backends.Op{Code: backends.Accept, Flags: backends.Multishot | backends.Fixed, FD: int32(ln)}
	l.Submit(accept)
	for range slots {
		dial()
		if c := await(t, l, 1)[0]; c.Res < 0 || c.Res >= slots {
			t.Fatalf("%+v", c)
		}
	}
	dial()
	if c := await(t, l, 1)[0]; !errors.Is(c.Res.Err(), unix.ENFILE) || c.More {
		t.Fatalf("%+v", c)
	}
	// It was taken from the backlog before the table was seen to be full.
	gone := []unix.PollFd{{Fd: int32(fars[slots]), Events: unix.POLLIN}}
	if _, err := unix.Poll(gone, 5000); err != nil || gone[0].Revents&unix.POLLHUP == 0 {
		t.Errorf("the connection that did not fit: events %#x, %v", gone[0].Revents, err)
	}
	l.Submit(&backends.Op{Code: backends.Close, Flags: backends.Fixed, FD: 17})
	if c := await(t, l, 1)[0]; c.Res != 0 {
		t.Fatalf("%+v", c)
	}
	l.Submit(accept)
	dial()
	if c := await(t, l, 1)[0]; c.Res != 17 || !c.More {
		t.Fatalf("%+v", c)
	}
	l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.Fixed, FD: slots, Buf: make([]byte, 1)})
	if c := await(t, l, 1)[0]; !errors.Is(c.Res.Err(), unix.EBADF) {
		t.Fatalf("beyond the table: %+v", c)
	}
}

// Every way to send goes to the slot of the table, and does not mix it up with
// the plain descriptor of the same number.
func TestFixedFileSends(t *testing.T) {
	for name, counts := range map[string]map[backends.Counter]uint64{
		"uring+fixedfile":            {backends.Links: 0},
		"uring+fixedfile+zc":         {backends.NoZeroCopy: 4}, // a Unix socket refuses, each for itself
		"uring+fixedfile+link":       {backends.Links: 2, backends.HeldLinks: 1},
		"uring+fixedfile+skip":       {backends.Links: 2, backends.HeldLinks: 1, backends.Skipped: 2},
		"uring+fixedfile+sendbundle": {backends.SendBundles: 2, backends.SendBundleBufs: 4, backends.HeldLinks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, p := openTapped(t, name, backends.Config{})
			plain, q := socketpair(t)
			far := acceptSlot(t, l, plain)
			ops, want := chainOf(plain, "in ", "the table", "not ", "there")
			for i, op := range ops {
				op.Flags |= backends.ZeroCopy
				if i < 2 {
					op.Flags |= backends.Fixed
				}
			}
			if l.chains != nil {
				submitEach(l, ops...)
				expect(t, l, want)
			} else {
				for _, op := range ops { // the flag Link means nothing
					l.Submit(op)
					expect(t, l, map[*backends.Op]backends.Result{op: want[op]})
				}
			}
			readExactly(t, far, "in the table")
			readExactly(t, q, "not there")
			fixed, others := 0, 0
			for _, e := range append(p.of(uapi.OpSend), p.of(uapi.OpSendZC)...) {
				if e.FD != plain {
					t.Errorf("%+v", e)
				}
				if e.Flags&uapi.SQEFixedFile != 0 {
					fixed++
				} else {
					others++
				}
			}
			if fixed == 0 || fixed != others {
				t.Errorf("%d requests for the table and %d for the descriptor", fixed, others)
			}
			for c, n := range counts {
				if l.Counters()[c] != n {
					t.Errorf("%v is %d rather than %d", c, l.Counters()[c], n)
				}
			}
		})
	}
}

// acceptSlot accepts connections until one has that slot of the table, and
// returns its far end.
func acceptSlot(t *testing.T, l *Loop, slot int32) (far int32) {
	t.Helper()
	ln, addr := listener(t)
	for {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeAll([]int{fd}) })
		if err := unix.Connect(fd, addr); err != nil {
			t.Fatal(err)
		}
		l.Submit(&backends.Op{Code: backends.Accept, Flags: backends.Fixed, FD: int32(ln)})
		switch c := await(t, l, 1)[0]; {
		case c.Res < 0 || int32(c.Res) > slot:
			t.Fatalf("%+v", c)
		case int32(c.Res) == slot:
			return int32(fd)
		}
	}
}

// A cancel by slot ends what is in flight on that connection alone.
func TestCancelSlotOfConnection(t *testing.T) {
	l := open(t, named(t, "uring+fixedfile"), backends.Config{})
	ln, addr := listener(t)
	var recvs []*backends.Op
	for range 2 {
		connectTo(t, addr)
		l.Submit(&backends.Op{Code: backends.Accept, Flags: backends.Fixed, FD: int32(ln)})
		c := await(t, l, 1)[0]
		if c.Res < 0 {
			t.Fatalf("%+v", c)
		}
		recv := &backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | backends.Multishot | backends.Fixed, FD: int32(c.Res)}
		l.Submit(recv)
		recvs = append(recvs, recv)
	}
	nothingYet(t, l)
	cancel := begin(t, l, CancelSlot(int(recvs[1].FD)))
	for _, c := range await(t, l, 2) {
		if c.Op == cancel && c.Res != 1 || c.Op == recvs[1] && (!c.Res.Canceled() || c.More) || c.Op == recvs[0] {
			t.Errorf("%+v", c)
		}
	}
	nothingYet(t, l)
	if !recvs[0].Lent() {
		t.Error("the other connection's receive ended too")
	}
}
