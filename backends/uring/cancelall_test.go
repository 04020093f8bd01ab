package uring

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// cancelRig is a loop with two submission entries, and on each of two sockets a
// multishot receive and three polls, so that some have reached the kernel and
// some wait in the loop when entered is false.
func cancelRig(t *testing.T, entered bool) (l *Loop, fds [2]int32, ops map[*backends.Op]int32) {
	t.Helper()
	b := &Backend{variant: backends.Variant{Family: "uring"}}
	testenv.Need(t, "uring", b.Probe())
	if !b.mustUse(t).has(cancelByFD) {
		t.Skip("this kernel cancels by user_data only")
	}
	l = open(t, b, backends.Config{Entries: 2})
	ops = map[*backends.Op]int32{}
	for i := range fds {
		fds[i], _ = socketpair(t)
		recv := &backends.Op{Code: backends.Recv, Flags: backends.Multishot | backends.SelectBuf, FD: fds[i]}
		l.Submit(recv)
		ops[recv] = fds[i]
		for range 3 {
			ops[begin(t, l, Poll(int(fds[i]), unix.POLLIN))] = fds[i]
		}
	}
	if entered {
		nothingYet(t, l)
	}
	return l, fds, ops
}

// expect takes the completions of a cancel and of what it is to end, and finds
// the rest alive: each goes on to see its peer's input.
func expectCanceled(t *testing.T, l *Loop, r *Request, ops map[*backends.Op]int32, ends func(*backends.Op) bool) {
	t.Helper()
	want := 0
	for op := range ops {
		if ends(op) {
			want++
		}
	}
	cancel := begin(t, l, r)
	for range want + 1 {
		c := await(t, l, 1)[0]
		switch _, known := ops[c.Op]; {
		case c.Op == cancel:
			if int(c.Res) != want {
				t.Errorf("%d found rather than %d", c.Res, want)
			}
		case known && ends(c.Op) && c.Res.Canceled() && !c.More:
			delete(ops, c.Op)
		default:
			t.Fatalf("%+v", c)
		}
	}
	nothingYet(t, l)
	for op := range ops {
		if !op.Lent() {
			t.Errorf("%+v ended too", op)
		}
	}
	if l.live != len(ops) {
		t.Errorf("%d ops are lent, not %d", l.live, len(ops))
	}
}

func TestCancelForms(t *testing.T) {
	for name, entered := range map[string]bool{"in the kernel": true, "in the loop": false} {
		t.Run(name, func(t *testing.T) {
			t.Run("fd", func(t *testing.T) {
				l, fds, ops := cancelRig(t, entered)
				expectCanceled(t, l, CancelFD(int(fds[0])), ops, func(op *backends.Op) bool { return op.FD == fds[0] })
				expectCanceled(t, l, CancelFD(int(fds[0])), ops, func(*backends.Op) bool { return false })
			})
			t.Run("op", func(t *testing.T) {
				l, _, ops := cancelRig(t, entered)
				for op := range ops {
					expectCanceled(t, l, CancelOp(op), ops, func(other *backends.Op) bool { return other == op })
				}
			})
			t.Run("slot", func(t *testing.T) {
				l := defaultLoop(t, backends.Config{Entries: 2})
				if err := l.RegisterFiles(2); err != nil {
					t.Fatal(err)
				}
				here, there := socketpair(t)
				must(t, l, UpdateFiles(0, []int32{here, there}))
				slots := map[*backends.Op]int32{}
				for slot := range int32(2) {
					for range 3 {
						slots[begin(t, l, Poll(int(slot), unix.POLLPRI).Fixed())] = slot
					}
				}
				if entered {
					nothingYet(t, l)
				}
				expectCanceled(t, l, CancelSlot(1), slots, func(op *backends.Op) bool { return slots[op] == 1 })
				expectCanceled(t, l, CancelSlot(1), slots, func(*backends.Op) bool { return false })
			})
			t.Run("all", func(t *testing.T) {
				l, _, ops := cancelRig(t, entered)
				ops[begin(t, l, Timeout(time.Hour, 0))] = -1
				expectCanceled(t, l, CancelAll(), ops, func(*backends.Op) bool { return true })
			})
			t.Run("operation", func(t *testing.T) {
				l, _, ops := cancelRig(t, entered)
				timer := &backends.Op{Code: backends.Timeout, Off: int64(time.Hour)}
				l.Submit(timer)
				ops[timer] = -1
				expectCanceled(t, l, CancelLike(Poll(0, 0)), ops, func(op *backends.Op) bool { return op.Code == request })
				expectCanceled(t, l, CancelLike(Timeout(0, 0)), ops, func(op *backends.Op) bool { return op == timer })
			})
		})
	}
}

// CancelNow ends the same by a call, with no request in the queue.
func TestCancelNow(t *testing.T) {
	for name, entered := range map[string]bool{"in the kernel": true, "in the loop": false} {
		t.Run(name, func(t *testing.T) {
			for form, ends := range map[string]func(op *backends.Op, fds [2]int32) bool{
				"fd":        func(op *backends.Op, fds [2]int32) bool { return op.FD == fds[1] },
				"operation": func(op *backends.Op, _ [2]int32) bool { return op.Code == request },
				"all":       func(*backends.Op, [2]int32) bool { return true },
			} {
				l, fds, ops := cancelRig(t, entered)
				r := map[string]*Request{"fd": CancelFD(int(fds[1])), "operation": CancelLike(Poll(0, 0)), "all": CancelAll()}[form]
				before := l.tally.Counters[backends.Submissions]
				if err := l.CancelNow(r); err != nil {
					t.Fatal(err)
				}
				left := len(ops)
				for op := range ops {
					if ends(op, fds) {
						left--
					}
				}
				for range len(ops) - left {
					if c := await(t, l, 1)[0]; !ends(c.Op, fds) || !c.Res.Canceled() || c.More {
						t.Fatalf("%s: %+v", form, c)
					}
				}
				nothingYet(t, l)
				if l.live != left {
					t.Errorf("%s: %d ops are lent, not %d", form, l.live, left)
				}
				if n := l.tally.Counters[backends.Submissions] - before; n > uint64(left) {
					t.Errorf("%s: %d requests, with %d ops alive", form, n, left)
				}
				if err := l.CancelNow(r); err != nil {
					t.Errorf("%s: with nothing to cancel: %v", form, err)
				}
			}
		})
	}
	l := defaultLoop(t, backends.Config{})
	for _, r := range []*Request{Nop(0), CancelOp(&backends.Op{}), CancelFD(-1 << 40)} {
		if err := l.CancelNow(r); err == nil {
			t.Errorf("no error of %+v", r.sqe)
		}
	}
}

// The operation by which CancelLike finds an op in the loop is the one that the
// kernel is given.
func TestOperations(t *testing.T) {
	for _, name := range []string{"uring", "uring+zc+fixedbufs"} {
		t.Run(name, func(t *testing.T) {
			l, p := openTapped(t, name, backends.Config{})
			here, far := socketpair(t)
			mustWrite(t, far, "x")
			udp, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll(udp[:])
			file := int32(tempFile(t, "hello").Fd())
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			defer closeAll(pipe[:])
			nobody := &backends.Addr{Len: 2 + 1}
			nobody.Raw.Addr.Family = unix.AF_UNIX
			for _, op := range []*backends.Op{
				{Code: backends.Nop},
				{Code: backends.Accept, FD: here},
				{Code: backends.Connect, FD: here, Addr: nobody},
				{Code: backends.Recv, FD: here, Buf: make([]byte, 1)},
				{Code: backends.Send, FD: here, Buf: []byte("x")},
				{Code: backends.Send, FD: here, Buf: []byte("x"), Flags: backends.ZeroCopy},
				{Code: backends.Timeout},
				{Code: backends.ReadAt, FD: file, Buf: make([]byte, 1)},
				{Code: backends.ReadAt, FD: file, Flags: backends.SelectBuf},
				{Code: backends.WriteAt, FD: file, Buf: []byte("x")},
				{Code: backends.WriteAt, FD: file, Buf: l.pool.At(0)[:1]},
				{Code: backends.Fsync, FD: file},
				{Code: backends.Fdatasync, FD: file},
				{Code: backends.Splice, In: file, FD: int32(pipe[1]), Len: 1},
				{Code: backends.Splice, In: int32(pipe[0]), FD: far, Off: backends.FromPipe, Len: 1},
				{Code: backends.SendTo, FD: int32(udp[0]), Buf: []byte("x"), Addr: nobody},
				{Code: backends.RecvFrom, FD: int32(udp[1]), Buf: make([]byte, 1)},
			} {
				l.Submit(op)
				thinks, data := l.opcode(op.Loan.Slot), userData(op.Loan.Slot, op.Loan.Gen)
				if _, err := l.Wait(make([]backends.Completion, 2), 0, 0); err != nil {
					t.Fatal(err)
				}
				at := slices.IndexFunc(p.seen, func(e uapi.SQE) bool { return e.UserData == data })
				if at < 0 {
					t.Fatalf("%v was not submitted", op.Code)
				}
				if is := p.seen[at].Opcode; is != thinks {
					t.Errorf("%v is IORING_OP_%s to the kernel and %s to the loop", op.Code, opcodes[is].name, opcodes[thinks].name)
				}
			}
		})
	}
}
