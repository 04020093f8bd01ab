package uring

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// The contract's Cancel ends one op, found by its user_data. These end all ops
// that they match, whether the kernel has them or they wait in the loop. Each of
// those completes with -ECANCELED or with what it achieved before; Res is how
// many requests were found.

// CancelFD ends all ops on a descriptor and leaves it open (Linux 5.19).
func CancelFD(fd int) *Request {
	return newCancel(fd, uapi.AsyncCancelFD, func(l *Loop, s *slot) bool { return s.fd == l.place(int32(fd)) })
}

// CancelSlot ends all ops on a slot of the loop's file table, which stays filled
// (Linux 6.0).
func CancelSlot(index int) *Request {
	return newCancel(index, uapi.AsyncCancelFD|uapi.AsyncCancelFDFixed, func(l *Loop, s *slot) bool {
		if s.op.Code == request {
			e := &l.requests[s.op.Loan.Slot].sqe
			return e.Flags&uapi.SQEFixedFile != 0 && e.FD == int32(index)
		}
		return l.inTable(s.op) && s.op.Socket() == int32(index)
	})
}

// CancelOp ends op, as the contract's Cancel does, and counts it (Linux 6.6).
func CancelOp(op *backends.Op) *Request {
	r := newCancel(-1, uapi.AsyncCancelUserData, func(_ *Loop, s *slot) bool { return s.op == op })
	r.target = op
	return r
}

// CancelAll ends all ops of the loop but Close ops (Linux 5.19).
func CancelAll() *Request {
	return newCancel(-1, uapi.AsyncCancelAny, func(*Loop, *slot) bool { return true })
}

// CancelLike ends all ops that use the same operation of the kernel's as model,
// a Request of any constructor: CancelLike(uring.Poll(0, 0)) ends every poll
// (Linux 6.6).
func CancelLike(model *Request) *Request {
	opcode := model.sqe.Opcode
	r := newCancel(-1, uapi.AsyncCancelOp, func(l *Loop, s *slot) bool { return l.opcode(s.op.Loan.Slot) == opcode })
	r.sqe.Len = uint32(opcode)
	return r
}

func newCancel(fd int, flag uint32, matches func(*Loop, *slot) bool) *Request {
	r := newRequest(uapi.OpAsyncCancel, fd)
	r.onFD = false
	r.sqe.OpFlags = flag | uapi.AsyncCancelAll
	r.matches = matches
	return r
}

// CancelNow ends what a request of these constructors but CancelOp would end, by
// one system call that returns when the kernel has let go of it
// (IORING_REGISTER_SYNC_CANCEL, Linux 6.0). The completions come by Wait, as ever.
// That nothing was found is no error.
func (l *Loop) CancelNow(r *Request) error {
	if l.closed {
		panic("backends/uring: a request on a closed loop")
	}
	if r.err != nil {
		return r.err
	}
	if r.matches == nil || r.target != nil {
		return fmt.Errorf("uring: CancelNow takes what CancelFD, CancelSlot, CancelAll or CancelLike makes, not IORING_OP_%s", opcodes[r.sqe.Opcode].name)
	}
	l.cancelMatching(0, r) // no op has slot 0
	l.submitNow()
	reg := &uapi.SyncCancelReg{
		FD: r.sqe.FD, Flags: r.sqe.OpFlags, Opcode: uint8(r.sqe.Len),
		Timeout: uapi.Timespec{Sec: -1, Nsec: -1}, // none
	}
	l.count(backends.SysOther)
	if _, errno := sysRegister(l.ring.fd, uapi.RegisterSyncCancel, unsafe.Pointer(reg), 1); errno != 0 && errno != unix.ENOENT {
		return fmt.Errorf("uring: cancel at once (IORING_REGISTER_SYNC_CANCEL, Linux 6.0): %w", errno)
	}
	return nil
}

// cancelMatching keeps the loop from starting what the request of slot i is to
// cancel, and returns how many ops that ended here and now.
func (l *Loop) cancelMatching(i uint32, r *Request) (ended backends.Result) {
	for j := range l.slots {
		s := &l.slots[j]
		if s.op == nil || uint32(j) == i || s.state == done || s.op.Code == backends.Close || !r.matches(l, s) {
			continue
		}
		s.canceled = true
		if l.drop(uint32(j)) {
			ended++
		}
	}
	return ended
}

// matched is the result of a cancelling request: the kernel's count and the loop's.
func (s *slot) matched(res backends.Result) backends.Result {
	if res == backends.Fail(unix.ENOENT) {
		res = 0
	}
	if res < 0 {
		return res
	}
	return res + s.res
}

// opcode is the kernel's for what the loop does for slot i.
func (l *Loop) opcode(i uint32) uint8 {
	s := &l.slots[i]
	if s.polling {
		return uapi.OpPollAdd
	}
	switch op := s.op; op.Code {
	case request:
		return l.requests[i].sqe.Opcode
	case backends.Accept:
		return uapi.OpAccept
	case backends.Connect:
		return uapi.OpConnect
	case backends.Recv:
		return uapi.OpRecv
	case backends.Send:
		if op.Flags&backends.ZeroCopy != 0 && l.feat.has(zeroCopy) && s.fd >= 0 && !l.copies(op) {
			return uapi.OpSendZC
		}
		return uapi.OpSend
	case backends.RecvFrom:
		return uapi.OpRecvmsg
	case backends.SendTo:
		if l.feat.has(sendAddr) {
			return uapi.OpSend
		}
		return uapi.OpSendmsg
	case backends.Splice:
		return uapi.OpSplice
	case backends.ReadAt:
		if l.onFixed(op) {
			return uapi.OpReadFixed
		}
		return uapi.OpRead
	case backends.WriteAt:
		if l.onFixed(op) {
			return uapi.OpWriteFixed
		}
		return uapi.OpWrite
	case backends.Fsync, backends.Fdatasync:
		return uapi.OpFsync
	case backends.Shutdown:
		return uapi.OpShutdown
	case backends.Timeout:
		return uapi.OpTimeout
	case backends.LinkTimeout:
		return uapi.OpLinkTimeout
	case backends.Cancel:
		return uapi.OpAsyncCancel
	}
	return uapi.OpNop
}
