package workloads

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
)

// A flowLoop is what the flows of one loop share.
type flowLoop struct {
	*acceptor
	loop  backends.Loop  // the acceptor's
	sends []*backends.Op // to use again
	held  int            // of the loop's buffers, those that flows have
	most  int            // of the loop's buffers, those that flows may have before they are scarce
	own   ownBufs        // what flows have beside them
	arms  bool           // a flow's receive stays armed
	links bool           // see linksReceive
}

func newFlowLoop(a *acceptor) flowLoop {
	t := a.server.traits
	return flowLoop{acceptor: a, loop: a.loop, most: max(a.server.cfg.Bufs/2, 1), own: ownBufs{size: a.server.cfg.BufSize},
		arms: !t.Blocking && !linksReceive(t), links: linksReceive(t)}
}

func (l *flowLoop) giveBack(buf []byte) {
	if len(l.own.out) > 0 && l.own.takeBack(buf) {
		return
	}
	l.held--
	l.loop.Recycle(buf)
}

// scarce reports whether flows have half of the loop's buffers.
func (l *flowLoop) scarce() bool { return l.held >= l.most }

// An end is one side of a flow: a descriptor, and the flags that ops on it carry.
type end struct {
	fd    int32
	flags backends.Flags
}

// A flowOwner is told what becomes of a flow.
type flowOwner interface {
	drained() // its source has ended, and all that came is on its way
	broken()  // one of its ends has failed
	settle()  // it was stopped, and none of its ops is in flight any more
}

// maxQueued is how many received buffers a flow may have waiting before its
// receive is called off until some are on their way. It is none while buffers are
// scarce: then a send in flight is enough.
const maxQueued = 16

// minSips is how many receives in a row a flow that met with scarcity makes one at
// a time, none of which fills its buffer, before it keeps one armed again. An armed
// receive takes all that the socket holds, up to 32 buffers (MULTISHOT_MAX_RETRY in
// io_uring/net.c), before it can be called off.
const minSips = 16

// A flow passes on what comes from one end to another, which for an echo is the
// same. At most one send is in flight, so that bytes go out in order; what arrives
// meanwhile queues. The owner closes the ends; that ends what is in flight. What
// every message touches comes first, and recv begins with it, in one cache line:
// with a thousand connections each message finds its own out of the cache.
type flow struct {
	loop      *flowLoop
	send      *backends.Op
	lent      int32 // ops in flight
	chained   int32 // of chain, in flight
	receiving bool  // recv is in flight, or its last completion yet to be looked at
	eof       bool  // the source has ended
	ended     bool  // and the owner knows that all is on its way
	stopped   bool
	calledOff bool // the receive is being cancelled to hold the source back
	sips      int8 // receives to be made one at a time
	recv      backends.Op
	queue     fifo.Queue[[]byte] // received, waiting for the send in flight
	noted     int32              // sends whose bytes are on their way and whose buffer the kernel still has
	cut       int32              // what the send moved before it fell short, until its buffer is free
	owner     flowOwner
	to        end
	cancel    backends.Op
	chain     []backends.Op // sends of what is queued, where they go out together
}

func (f *flow) init(l *flowLoop, owner flowOwner) {
	f.loop, f.owner = l, owner
	if l.arms { // else it receives when it has sent, and nothing queues
		f.queue = fifo.New[[]byte](2 * maxQueued)
	}
	if l.server.traits.Bundles {
		f.chain = make([]backends.Op, maxQueued)
	}
	f.cancel = backends.Op{Code: backends.Cancel, Target: &f.recv, Done: f}
	f.send = l.newSend(f)
}

// start has bytes pass; it does not fail.
func (f *flow) start(from, to end) error {
	f.recv = backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | from.flags, FD: from.fd, Done: f}
	if f.loop.arms {
		f.recv.Flags |= backends.Multishot
	}
	f.to = to
	f.aim(f.send)
	f.eof, f.ended, f.stopped, f.calledOff, f.cut, f.sips = false, false, false, false, 0, 0
	f.receive()
	return nil
}

// stop has the flow start nothing more; its owner is about to close its ends.
func (f *flow) stop() { f.stopped = true }

// idle reports whether none of the flow's ops is in flight.
func (f *flow) idle() bool { return f.lent == 0 }

func (f *flow) receive() {
	f.receiving = true
	if f.sips > 0 {
		f.recv.Flags &^= backends.Multishot
	}
	f.submit(&f.recv)
}

func (f *flow) submit(op *backends.Op) {
	f.lent++
	f.loop.loop.Submit(op)
}

// Complete receives the outcome of the flow's ops.
func (f *flow) Complete(x *backends.Completion) {
	if x.More && x.Op == &f.recv && f.send.Buf == nil && f.passStraight(x) {
		return
	}
	if !x.More {
		f.lent--
	}
	switch x.Op {
	case &f.recv:
		f.receiving = x.More
		f.received(x)
	case f.send:
		f.sent(x)
	case &f.cancel:
		f.advance()
	default:
		f.sentBefore(x)
	}
	if f.stopped && f.lent == 0 {
		f.owner.settle()
	}
}

// passStraight sends what an armed receive brought while no send is in flight, as
// nearly every message finds it. It returns false, and has done nothing, when
// something stands in the way.
func (f *flow) passStraight(x *backends.Completion) bool {
	l := f.loop
	if x.Res <= 0 || l.scarce() || f.stopped || f.chained > 0 {
		return false
	}
	f.send.Buf = x.Buf
	if l.loop.Submit(f.send) {
		f.send.Buf = nil
		l.loop.Recycle(x.Buf)
		return true
	}
	l.held++
	f.lent++
	return true
}

// clear gives back what the flow holds, when none of its ops is in flight.
func (f *flow) clear() {
	f.recycle()
	for f.queue.Len() > 0 {
		f.loop.giveBack(f.queue.Pop())
	}
}

func (f *flow) received(x *backends.Completion) {
	switch {
	case x.Res > 0:
		if f.loop.scarce() {
			f.receivedScarce(x)
			return
		}
		f.loop.held++
		if f.sips > 0 && !x.More {
			f.sipped(x)
		}
		if f.send.Buf == nil && f.chained == 0 {
			f.sendOff(x.Buf)
			return
		}
		f.queue.Push(x.Buf)
		if x.More && f.queue.Len() >= maxQueued {
			f.callOff()
		}
	case x.Res == 0:
		f.eof = true
		f.advance()
	case x.Res.Canceled():
		f.advance()
	default:
		f.owner.broken()
	}
}

// receivedScarce is received while buffers are scarce.
func (f *flow) receivedScarce(x *backends.Completion) {
	if f.loop.arms {
		f.sips = minSips
	}
	b, err := f.loop.own.copied(x.Buf)
	if err != nil {
		b = x.Buf
		f.loop.held++
	} else {
		f.loop.loop.Recycle(x.Buf)
	}
	if f.send.Buf == nil && f.chained == 0 {
		f.sendOff(b)
	} else {
		f.queue.Push(b)
	}
	if err != nil {
		f.owner.broken()
	} else if x.More && (f.send.Buf != nil || f.chained > 0) {
		f.callOff()
	}
}

// sipped goes back to an armed receive when the source no longer fills buffers.
func (f *flow) sipped(x *backends.Completion) {
	if len(x.Buf) == f.loop.own.size {
		f.sips = minSips
	} else if f.sips--; f.sips == 0 {
		f.recv.Flags |= backends.Multishot
	}
}

// sendOff sends b, a received buffer or the rest of one.
func (f *flow) sendOff(b []byte) {
	f.send.Buf = b
	if f.stopped {
		return
	}
	if f.loop.links {
		f.sendAndReceive()
		return
	}
	if f.loop.loop.Submit(f.send) {
		f.recycle()
		f.next()
		return
	}
	f.lent++
}

func (f *flow) sent(x *backends.Completion) {
	switch {
	case x.Res < 0:
		f.owner.broken()
	case x.More || f.cut > 0:
		f.sentZeroCopy(x)
	case int(x.Res) < len(f.send.Buf):
		f.sendOff(f.send.Buf[x.Res:])
	default:
		f.recycle()
		f.next()
	}
}

// next goes on when a send has ended.
func (f *flow) next() {
	switch n := f.queue.Len(); {
	case n == 0:
		if !f.receiving || f.eof {
			f.advance()
		}
	case n > 1 && f.chain != nil:
		f.sendChain()
	default:
		f.sendOff(f.queue.Pop())
	}
}

// recycle gives back the buffer of the send that has ended, if there is one.
func (f *flow) recycle() {
	if f.send.Buf != nil {
		f.loop.giveBack(f.send.Buf)
		f.send.Buf = nil
	}
}

// advance goes on when all that was received is sent: with the next receive,
// or with the end.
func (f *flow) advance() {
	if f.send.Buf != nil || f.chained > 0 || f.stopped || f.ended {
		return
	}
	if f.eof {
		f.ended = true
		f.owner.drained()
	} else if !f.receiving && !f.cancel.Lent() && !(f.calledOff && f.noted > 0) {
		f.calledOff = false
		f.receive()
	}
}
