package workloads

import (
	"github.com/ringbench/ringbench/backends"
)

// linksReceive reports whether a connection submits each send together with the
// receive that follows it, as one chain, in place of a receive that stays armed.
// Where linked sends go out as one, an armed receive is what lets them gather.
func (e *echoLoop) linksReceive() bool {
	return e.server.traits.Links && !e.server.traits.Bundles
}

// newSend is a send for connection c. A connection has one, unless its loop
// sends without copying: then the next may go out as soon as the count of the
// one before is in, while that one's buffer stays with the kernel until the peer
// has acknowledged the bytes. To wait for that would be one send a round trip,
// and up to 40 ms with a peer that delays its acknowledgements (tcp(7)), which
// no one would deploy.
func (e *echoLoop) newSend(c *echoConn) (op *backends.Op) {
	if n := len(e.sends); n > 0 {
		op = e.sends[n-1]
		e.sends = e.sends[:n-1]
	} else {
		op = &backends.Op{Code: backends.Send, Flags: backends.Inline | backends.ZeroCopy | e.fixed()}
	}
	op.Done, op.FD = c, c.recv.FD
	return op
}

// sentZeroCopy goes on with a send whose buffer the kernel still has, or had. The
// rest of one that fell short waits until the buffer is free: the socket is
// full, so nothing is lost by it.
func (c *echoConn) sentZeroCopy(x backends.Completion) {
	switch {
	case !x.More:
		cut := c.cut
		c.cut = 0
		c.sendOff(c.send.Buf[cut:])
	case int(x.Res) < len(c.send.Buf):
		c.cut = int32(x.Res)
	default:
		c.noted++
		c.send = c.loop.newSend(c)
		if c.loop.held > c.loop.bufs/2 {
			c.callOff()
		}
		c.next()
	}
}

// sentBefore receives the completion of another send than the latest.
func (c *echoConn) sentBefore(x backends.Completion) {
	if c.chained > 0 {
		c.sentChained(x)
		return
	}
	c.noted--
	c.loop.giveBack(x.Op.Buf)
	x.Op.Buf = nil
	c.loop.sends = append(c.loop.sends, x.Op)
	c.advance()
}

// callOff holds the client back until some of what it has sent is sent back.
func (c *echoConn) callOff() {
	if !c.calledOff && c.receiving && !c.closing {
		c.calledOff = true
		c.submit(&c.cancel)
	}
}

// sendAndReceive submits the send and, if it is not in flight, the receive that
// follows it.
func (c *echoConn) sendAndReceive() {
	chain := !c.receiving && !c.eof
	c.send.Flags &^= backends.Inline | backends.Link
	if chain {
		c.send.Flags |= backends.Link
	}
	c.submit(c.send)
	if chain {
		c.receive()
	}
}

// sendChain sends what is queued by linked sends. Each buffer stays in the queue
// until it is sent: a send that falls short ends the chain.
func (c *echoConn) sendChain() {
	if c.closing {
		return
	}
	n := min(c.queue.Len(), len(c.chain))
	for i := range n {
		op := &c.chain[i]
		*op = backends.Op{Code: backends.Send, Flags: c.loop.fixed(), FD: c.recv.FD, Buf: *c.queue.At(i), Done: c}
		if i < n-1 {
			op.Flags |= backends.Link
		}
		c.chained++
		c.submit(op)
	}
}

// sentChained takes the outcome of the chain's next send; they end in order.
func (c *echoConn) sentChained(x backends.Completion) {
	c.chained--
	switch {
	case x.Res.Canceled(): // one before it fell short
	case x.Res < 0:
		c.close()
	case int(x.Res) < len(x.Op.Buf):
		*c.queue.Front() = x.Op.Buf[x.Res:]
	default:
		c.loop.giveBack(c.queue.Pop())
	}
	if c.chained == 0 && !c.closing {
		c.next()
	}
}
