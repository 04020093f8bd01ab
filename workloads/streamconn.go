package workloads

import "github.com/ringbench/ringbench/backends"

// A streamConn is one connection to which the file is sent.
type streamConn struct {
	loop    *streamLoop
	sender  sender
	asking  *asking // nil: connecting asks
	to      end
	off     int64 // of the file: what is before it is on its way
	lent    int   // ops in flight
	shut    backends.Op
	closing bool
	spare   *streamConn // the next in streamLoop.free
}

func newStreamConn(l *streamLoop) *streamConn { return &streamConn{loop: l} }

func (c *streamConn) start(fd int32) {
	c.to = end{fd, c.loop.fixed()}
	c.shut = backends.Op{Code: backends.Close, Flags: c.to.flags, FD: fd, Done: c}
	c.off, c.closing = 0, false
	switch {
	case !c.ready():
		c.close()
	case c.asking != nil:
		c.off = c.loop.bytes // nothing is asked for
		c.asking.begin(c.to)
	default:
		c.advance()
	}
}

// ready makes the sender ready; false where memory or descriptors are wanting,
// which costs this connection.
func (c *streamConn) ready() bool {
	var err error
	if c.sender == nil {
		if c.sender, err = c.loop.newSender(c); err != nil {
			return false
		}
	}
	if c.asking == nil && c.loop.replies != nil {
		if c.asking, err = newAsking(c); err != nil {
			return false
		}
	}
	return c.sender.begin(c.to) == nil
}

// advance sends what is next, or goes on when all is sent.
func (c *streamConn) advance() {
	if c.closing {
		return
	}
	if left := c.loop.bytes - c.off; left > 0 {
		c.sender.next(c.off, left)
		return
	}
	if c.asking != nil {
		c.asking.next()
		return
	}
	c.close()
}

// submit starts an op. True: it is done as a whole, see backends.Inline.
func (c *streamConn) submit(op *backends.Op) (done bool) {
	if done = c.loop.loop.Submit(op); !done {
		c.lent++
	}
	return done
}

// sent takes note that n more bytes are on their way.
func (c *streamConn) sent(n int) {
	c.off += int64(n)
	c.advance()
}

// unreadable closes the connection and ends the server.
func (c *streamConn) unreadable(off int64, res backends.Result) {
	if !c.closing { // else a Close has ended the read
		c.loop.unreadable(off, res)
	}
	c.close()
}

func (c *streamConn) close() {
	if !c.closing {
		c.closing = true
		c.submit(&c.shut)
	}
}

// completed counts a completion of the connection's ops.
func (c *streamConn) completed(x *backends.Completion) {
	if !x.More {
		c.lent--
	}
}

// settle ends the connection when it is closed and nothing is in flight.
func (c *streamConn) settle() {
	if !c.closing || c.lent > 0 {
		return
	}
	if c.sender != nil {
		c.sender.end()
	}
	if c.lent == 0 {
		c.loop.release(c)
	}
}

// Complete receives the outcome of the Close.
func (c *streamConn) Complete(x *backends.Completion) {
	c.completed(x)
	c.settle()
}
