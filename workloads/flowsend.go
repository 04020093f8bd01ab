package workloads

import (
	"github.com/ringbench/ringbench/backends"
)

// linksReceive reports whether a flow submits each send together with the
// receive that follows it, as one chain, in place of a receive that stays armed.
// Where linked sends go out as one, an armed receive is what lets them gather.
func linksReceive(t backends.Traits) bool { return t.Links && !t.Bundles }

// A sendOp is as large as two cache lines, so that it begins with one: what a message
// touches of it lies there.
type sendOp struct {
	backends.Op
	_ [32]byte
}

// newSend is a send for flow f. A flow has one, unless its loop sends without
// copying: then the next may go out as soon as the count of the one before is in,
// while that one's buffer stays with the kernel until the peer has acknowledged
// the bytes. To wait for that would be one send a round trip, and up to 40 ms
// with a peer that delays its acknowledgements (tcp(7)), which no one would
// deploy.
func (l *flowLoop) newSend(f *flow) (op *backends.Op) {
	if n := len(l.sends); n > 0 {
		op = l.sends[n-1]
		l.sends = l.sends[:n-1]
	} else {
		op = &new(sendOp).Op
		op.Code = backends.Send
	}
	f.aim(op)
	return op
}

// aim makes op a send of the flow's.
func (f *flow) aim(op *backends.Op) {
	op.Done, op.FD, op.Flags = f, f.to.fd, backends.Inline|backends.ZeroCopy|f.to.flags
}

// sentZeroCopy goes on with a send whose buffer the kernel still has, or had. The
// rest of one that fell short waits until the buffer is free: the socket is
// full, so nothing is lost by it.
func (f *flow) sentZeroCopy(x *backends.Completion) {
	switch {
	case !x.More:
		cut := f.cut
		f.cut = 0
		f.sendOff(f.send.Buf[cut:])
	case int(x.Res) < len(f.send.Buf):
		f.cut = int32(x.Res)
	default:
		f.noted++
		f.send = f.loop.newSend(f)
		if f.loop.scarce() {
			f.callOff()
		}
		f.next()
	}
}

// sentBefore receives the completion of another send than the latest.
func (f *flow) sentBefore(x *backends.Completion) {
	if f.chained > 0 {
		f.sentChained(x)
		return
	}
	f.noted--
	f.loop.giveBack(x.Op.Buf)
	x.Op.Buf = nil
	f.loop.sends = append(f.loop.sends, x.Op)
	f.advance()
}

// callOff holds the source back until some of what it has sent is on its way.
func (f *flow) callOff() {
	if !f.calledOff && f.receiving && !f.stopped {
		f.calledOff = true
		f.submit(&f.cancel)
	}
}

// sendAndReceive submits the send and, if it is not in flight or called off, the
// receive that follows it.
func (f *flow) sendAndReceive() {
	chain := !f.receiving && !f.eof && !f.calledOff
	f.send.Flags &^= backends.Inline | backends.Link
	if chain {
		f.send.Flags |= backends.Link
	}
	f.submit(f.send)
	if chain {
		f.receive()
	}
}

// sendChain sends what is queued by linked sends. Each buffer stays in the queue
// until it is sent: a send that falls short ends the chain.
func (f *flow) sendChain() {
	if f.stopped {
		return
	}
	n := min(f.queue.Len(), len(f.chain))
	for i := range n {
		op := &f.chain[i]
		*op = backends.Op{Code: backends.Send, Flags: f.to.flags, FD: f.to.fd, Buf: *f.queue.At(i), Done: f}
		if i < n-1 {
			op.Flags |= backends.Link
		}
		f.chained++
		f.submit(op)
	}
}

// sentChained takes the outcome of the chain's next send; they end in order.
func (f *flow) sentChained(x *backends.Completion) {
	f.chained--
	switch {
	case x.Res.Canceled(): // one before it fell short
	case x.Res < 0:
		f.owner.broken()
	case int(x.Res) < len(x.Op.Buf):
		*f.queue.Front() = x.Op.Buf[x.Res:]
	default:
		f.loop.giveBack(f.queue.Pop())
	}
	if f.chained == 0 && !f.stopped {
		f.next()
	}
}
