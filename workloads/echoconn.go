package workloads

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
)

// maxQueued is how many received buffers a connection may have waiting before
// its receive is called off until the client has taken some. It is none once
// half of the loop's buffers are out: clients that send and never read must not
// starve the others of buffers.
const maxQueued = 16

// An echoConn is one connection. At most one send is in flight, so that bytes
// go back in order; what arrives meanwhile queues. The fields that every message
// touches come first.
type echoConn struct {
	loop      *echoLoop
	queue     fifo.Queue[[]byte] // received, waiting for the send in flight
	send      *backends.Op
	lent      int32 // ops in flight
	noted     int32 // sends whose bytes are on their way and whose buffer the kernel still has
	cut       int32 // what the send moved before it fell short, until its buffer is free
	chained   int32 // of chain, in flight
	receiving bool  // recv is in flight, or its last completion yet to be looked at
	eof       bool
	closing   bool
	calledOff bool // the receive is being cancelled to hold the client back
	recv      backends.Op
	cancel    backends.Op
	shut      backends.Op
	chain     []backends.Op // sends of what is queued, where they go out together
	spare     *echoConn     // the next in echoLoop.free
}

func newEchoConn(e *echoLoop) *echoConn {
	c := &echoConn{loop: e, queue: fifo.New[[]byte](2 * maxQueued)}
	c.recv = backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, Done: c}
	if !e.server.traits.Blocking && !e.linksReceive() {
		c.recv.Flags |= backends.Multishot
	}
	c.recv.Flags |= e.fixed()
	if e.server.traits.Bundles {
		c.chain = make([]backends.Op, maxQueued)
	}
	c.send = e.newSend(c)
	c.cancel = backends.Op{Code: backends.Cancel, Target: &c.recv, Done: c}
	c.shut = backends.Op{Code: backends.Close, Flags: e.fixed(), Done: c}
	return c
}

func (c *echoConn) start(fd int32) {
	c.recv.FD, c.send.FD, c.shut.FD = fd, fd, fd
	c.eof, c.closing, c.calledOff, c.cut = false, false, false, 0
	c.receive()
}

func (c *echoConn) receive() {
	c.receiving = true
	c.submit(&c.recv)
}

func (c *echoConn) submit(op *backends.Op) {
	c.lent++
	c.loop.loop.Submit(op)
}

// Complete receives the outcome of the connection's ops.
func (c *echoConn) Complete(x backends.Completion) {
	if !x.More {
		c.lent--
	}
	switch x.Op {
	case &c.recv:
		c.receiving = x.More
		c.received(x)
	case c.send:
		c.sent(x)
	case &c.cancel:
		c.advance()
	case &c.shut:
	default:
		c.sentBefore(x)
	}
	if c.closing && c.lent == 0 {
		c.recycle()
		for c.queue.Len() > 0 {
			c.loop.giveBack(c.queue.Pop())
		}
		c.loop.release(c)
	}
}

func (c *echoConn) received(x backends.Completion) {
	switch {
	case x.Res > 0:
		c.loop.held++
		if c.send.Buf == nil && c.chained == 0 {
			c.sendOff(x.Buf)
			return
		}
		c.queue.Push(x.Buf)
		if x.More && (c.queue.Len() >= maxQueued || c.loop.held > c.loop.bufs/2) {
			c.callOff()
		}
	case x.Res == 0:
		c.eof = true
		c.advance()
	case x.Res.Canceled():
		c.advance()
	default:
		c.close()
	}
}

// sendOff sends b, a received buffer or the rest of one.
func (c *echoConn) sendOff(b []byte) {
	c.send.Buf = b
	if c.closing {
		return
	}
	if c.loop.linksReceive() {
		c.sendAndReceive()
		return
	}
	if c.loop.loop.Submit(c.send) {
		c.recycle()
		c.next()
		return
	}
	c.lent++
}

func (c *echoConn) sent(x backends.Completion) {
	switch {
	case x.Res < 0:
		c.close()
	case x.More || c.cut > 0:
		c.sentZeroCopy(x)
	case int(x.Res) < len(c.send.Buf):
		c.sendOff(c.send.Buf[x.Res:])
	default:
		c.recycle()
		c.next()
	}
}

// next goes on when a send has ended.
func (c *echoConn) next() {
	switch n := c.queue.Len(); {
	case n == 0:
		c.advance()
	case n > 1 && c.chain != nil:
		c.sendChain()
	default:
		c.sendOff(c.queue.Pop())
	}
}

// recycle gives back the buffer of the send that has ended, if there is one.
func (c *echoConn) recycle() {
	if c.send.Buf != nil {
		c.loop.giveBack(c.send.Buf)
		c.send.Buf = nil
	}
}

// advance goes on when all that was received is sent: with the next receive,
// or with the end.
func (c *echoConn) advance() {
	if c.send.Buf != nil || c.chained > 0 || c.closing {
		return
	}
	if c.eof {
		c.close()
	} else if !c.receiving && !c.cancel.Lent() && !(c.calledOff && c.noted > 0) {
		c.calledOff = false
		c.receive()
	}
}

func (c *echoConn) close() {
	if !c.closing {
		c.closing = true
		c.submit(&c.shut)
	}
}
