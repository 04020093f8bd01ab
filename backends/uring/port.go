package uring

import (
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A Port is where messages from other rings arrive at a loop. Any goroutine may
// have it; it is good while the op that it was made for is lent, and messages
// that come later are dropped.
type Port struct {
	ring int
	data uint64
}

// Inbox waits for messages from other rings: its op completes, with More set and
// the message as Res, once for each that is sent to the op's Port. It ends only
// when it is cancelled.
func Inbox() *Request { return Timeout(100*365*24*time.Hour, 0) }

// Port is the address of op, which must be lent to this loop for a Request.
func (l *Loop) Port(op *backends.Op) Port {
	data := userData(op.Loan.Slot, op.Loan.Gen)
	if _, s := l.find(data); s == nil || s.op != op || op.Code != request {
		panic("backends/uring: Port of an op that is not lent for a Request")
	}
	return Port{ring: l.ring.fd, data: data}
}

// MsgRing sends value to a port of another loop (Linux 6.3), whose thread must
// share this one's descriptors: in a table of its own (backends.OwnDescriptors) no
// other loop's ring has a number.
func MsgRing(to Port, value int32) *Request {
	r := newRequest(uapi.OpMsgRing, to.ring)
	r.onFD = false
	r.sqe.Off, r.sqe.Len = to.data, uint32(value)
	// More, so that the message does not pass for the end of the port's op.
	r.sqe.OpFlags, r.sqe.FileIndex = uapi.MsgRingFlagsPass, uapi.CQEFMore
	return r
}

// MsgRingFile copies slot from of this loop's file table to a slot of the table
// of the port's loop, which may be AnySlot: Res is then the slot. The other loop
// is not told; send it a message.
func MsgRingFile(to Port, from, slot int) *Request {
	r := newRequest(uapi.OpMsgRing, to.ring)
	r.onFD = false
	r.sqe.Addr, r.sqe.Addr3, r.sqe.FileIndex = uapi.MsgSendFD, uint64(from), fileIndex(slot)
	r.sqe.OpFlags = uapi.MsgRingCQESkip
	return r
}
