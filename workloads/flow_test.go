package workloads

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A notingLoop notes what it is lent, and completes nothing by itself.
type notingLoop struct {
	backends.Loop
	lent []*backends.Op
}

func (l *notingLoop) Submit(op *backends.Op) bool { l.lent = append(l.lent, op); return false }
func (l *notingLoop) Recycle([]byte)              {}

// next is the op that was lent first and is not complete.
func (l *notingLoop) next(t *testing.T, code backends.Code) (op *backends.Op) {
	t.Helper()
	if len(l.lent) == 0 || l.lent[0].Code != code {
		t.Fatalf("expected a %v first of %d ops", code, len(l.lent))
	}
	op, l.lent = l.lent[0], l.lent[1:]
	return op
}

type nobody struct{}

func (nobody) drained() {}
func (nobody) broken()  {}
func (nobody) settle()  {}

// A flow whose receive was called off for want of buffers makes one receive at a
// time, so that it holds one buffer, until the source no longer fills them.
func TestFlowSips(t *testing.T) {
	const size, bufs = 100, 4
	n := new(notingLoop)
	l := newFlowLoop(&acceptor{server: &Server{cfg: Config{Bufs: bufs, BufSize: size}}, loop: n})
	f := new(flow)
	f.init(&l, nobody{})
	if err := f.start(end{fd: 1}, end{fd: 2}); err != nil {
		t.Fatal(err)
	}
	var recv *backends.Op
	received := func(bytes int, more bool) {
		t.Helper()
		f.Complete(&backends.Completion{Op: recv, Res: backends.Result(bytes), Buf: make([]byte, size)[:bytes], More: more})
	}
	sent := func() {
		t.Helper()
		op := n.next(t, backends.Send)
		f.Complete(&backends.Completion{Op: op, Res: backends.Result(len(op.Buf))})
	}

	recv = n.next(t, backends.Recv)
	for range bufs {
		received(size, true)
	}
	if l.held != bufs/2 || len(l.own.out) != bufs/2 {
		t.Fatalf("of %d buffers the flow holds %d, and %d of its own", bufs, l.held, len(l.own.out))
	}
	send := n.next(t, backends.Send)
	cancel := n.next(t, backends.Cancel)
	f.Complete(&backends.Completion{Op: recv, Res: backends.Fail(unix.ECANCELED)})
	f.Complete(&backends.Completion{Op: cancel})
	f.Complete(&backends.Completion{Op: send, Res: size})
	for range bufs - 1 {
		sent()
	}
	for _, bytes := range [...]int{size, size - 1, size} { // the last begins the count anew
		if recv = n.next(t, backends.Recv); recv.Flags&backends.Multishot != 0 {
			t.Fatal("the receive is armed again while the source fills buffers")
		}
		received(bytes, false)
		sent()
	}
	for range minSips {
		if recv = n.next(t, backends.Recv); recv.Flags&backends.Multishot != 0 {
			t.Fatal("the receive is armed again too early")
		}
		received(1, false)
		sent()
	}
	if recv = n.next(t, backends.Recv); recv.Flags&backends.Multishot == 0 {
		t.Error("the receive is not armed again")
	}
	if l.held != 0 || len(l.own.out) != 0 {
		t.Errorf("the flow holds %d buffers, and %d of its own", l.held, len(l.own.out))
	}
}

// What every message touches of a flow and of a send lies in one cache line each, as
// Go's allocator places objects of these sizes.
func TestHotFieldsShareALine(t *testing.T) {
	var f flow
	var op backends.Op
	if end := unsafe.Offsetof(f.recv) + unsafe.Offsetof(op.Done) + unsafe.Sizeof(op.Done); end > 64 {
		t.Errorf("a flow's hot fields end at byte %d", end)
	}
	if end := unsafe.Offsetof(op.Loan) + unsafe.Sizeof(op.Loan); end > 64 {
		t.Errorf("an op's hot fields end at byte %d", end)
	}
	for range 100 {
		c := newEchoConn(&echoLoop{flowLoop: flowLoop{acceptor: &acceptor{server: &Server{}}}})
		if at := uintptr(unsafe.Pointer(c)) % 64; at != 0 {
			t.Fatalf("a connection of %d bytes lies at byte %d of a line", unsafe.Sizeof(*c), at)
		}
		if at := uintptr(unsafe.Pointer(c.flow.send)) % 64; at != 0 {
			t.Fatalf("a send lies at byte %d of a line", at)
		}
	}
}
