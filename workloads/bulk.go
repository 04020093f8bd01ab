package workloads

import (
	"bytes"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/fifo"
	"github.com/ringbench/ringbench/internal/pattern"
)

// BulkConfig is what a bulk server is told.
type BulkConfig struct {
	Config
	Seed uint64 `json:"seed"` // of the pattern that both ends send and verify
}

// StartBulk starts a server that takes in and sends as much as its clients ask
// for (see pattern.Ask). It closes a connection that brings a wrong byte.
func StartBulk(cfg BulkConfig) (*Server, error) {
	p, err := pattern.New(cfg.Seed, max(cfg.BufSize, bulkSend))
	if err != nil {
		return nil, err
	}
	return start(cfg.Config, func(a *acceptor) func(int32) {
		b := &bulkLoop{acceptor: a, pattern: p}
		return b.serve
	})
}

// bulkSend is how much one send is given: more than a socket takes at once.
const bulkSend = 256 << 10

// maxAsks is how many exchanges a connection may have begun that are not answered.
const maxAsks = 64

// A bulkLoop is what one loop serves.
type bulkLoop struct {
	*acceptor
	pattern *pattern.Pattern
	free    *bulkConn // connections to use again
}

// A bulkConn is one connection: it takes in one exchange after the other, and
// answers them in that order.
type bulkConn struct {
	loop    *bulkLoop
	head    [pattern.AskSize]byte
	got     int         // bytes of head
	ask     pattern.Ask // the exchange that is being taken in
	asks    fifo.Queue[pattern.Ask]
	at      int // place of the next byte of the answer that is being sent
	left    int // and how many are left
	lent    int // ops in flight
	sending bool
	eof     bool
	closing bool
	recv    backends.Op
	send    backends.Op
	shut    backends.Op
	spare   *bulkConn // the next in bulkLoop.free
}

func (b *bulkLoop) serve(fd int32) {
	c := b.free
	if c == nil {
		c = &bulkConn{loop: b, asks: fifo.New[pattern.Ask](maxAsks)}
	} else {
		b.free = c.spare
	}
	c.got, c.left, c.ask = 0, 0, pattern.Ask{}
	c.sending, c.eof, c.closing = false, false, false
	for c.asks.Len() > 0 {
		c.asks.Drop()
	}
	c.recv = backends.Op{Code: backends.Recv, Flags: backends.SelectBuf | b.fixed(), FD: fd, Done: c}
	if !b.server.traits.Blocking {
		c.recv.Flags |= backends.Multishot
	}
	c.send = backends.Op{Code: backends.Send, Flags: backends.Inline | b.fixed(), FD: fd, Done: c}
	c.shut = backends.Op{Code: backends.Close, Flags: b.fixed(), FD: fd, Done: c}
	c.submit(&c.recv)
}

func (c *bulkConn) submit(op *backends.Op) {
	c.lent++
	c.loop.loop.Submit(op)
}

// Complete receives the outcome of the connection's ops.
func (c *bulkConn) Complete(x *backends.Completion) {
	if !x.More {
		c.lent--
	}
	switch x.Op {
	case &c.recv:
		c.received(x)
	case &c.send:
		c.sending = false
		c.sent(int(x.Res))
	}
	if c.closing && c.lent == 0 {
		c.spare, c.loop.free = c.loop.free, c
		c.loop.ended()
	}
}

func (c *bulkConn) received(x *backends.Completion) {
	switch {
	case x.Res > 0:
		ok := c.closing || c.take(x.Buf)
		c.loop.loop.Recycle(x.Buf)
		if !ok {
			c.close()
			return
		}
		c.answer()
		if !x.More && !c.closing {
			c.submit(&c.recv)
		}
	case x.Res == 0:
		c.eof = true
		c.answer()
	default:
		c.close()
	}
}

// take takes in what has come; false when it is not what was announced.
func (c *bulkConn) take(b []byte) bool {
	for len(b) > 0 {
		if c.ask.Up > 0 {
			n := min(len(b), int(c.ask.Up), bulkSend)
			at := int(c.ask.UpAt)
			if !bytes.Equal(b[:n], c.loop.pattern.Mem[at:at+n]) {
				return false
			}
			c.ask.Up -= uint32(n)
			c.ask.UpAt = uint32(pattern.Advance(at, n))
			b = b[n:]
		} else {
			n := copy(c.head[c.got:], b)
			c.got += n
			b = b[n:]
			if c.got < len(c.head) {
				return true
			}
			c.got = 0
			var ok bool
			if c.ask, ok = pattern.ReadAsk(&c.head); !ok || c.asks.Len() == maxAsks {
				return false
			}
		}
		if c.ask.Up == 0 {
			c.asks.Push(c.ask)
		}
	}
	return true
}

// answer sends what is asked for and not sent, as long as there is room.
func (c *bulkConn) answer() {
	for !c.sending && !c.closing {
		if c.left == 0 && c.asks.Len() > 0 {
			a := c.asks.Pop()
			c.at, c.left = int(a.DownAt), a.Answer()
		}
		if c.left == 0 {
			if c.eof {
				c.close()
			}
			return
		}
		c.send.Buf = c.loop.pattern.Mem[c.at : c.at+min(c.left, bulkSend)]
		if !c.loop.loop.Submit(&c.send) {
			c.lent++
			c.sending = true
			return
		}
		c.moved(len(c.send.Buf))
	}
}

func (c *bulkConn) moved(n int) {
	c.at = pattern.Advance(c.at, n)
	c.left -= n
}

func (c *bulkConn) sent(n int) {
	if n < 0 {
		c.close()
		return
	}
	c.moved(n)
	c.answer()
}

// close ends the connection.
func (c *bulkConn) close() {
	if !c.closing {
		c.closing = true
		c.submit(&c.shut)
	}
}
