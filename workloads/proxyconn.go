package workloads

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// A proxyConn is a client's connection, the one to the origin that was dialled for
// it, and a passage each way.
type proxyConn struct {
	loop    *proxyLoop
	client  end
	origin  end // fd -1: there is none
	dial    backends.Op
	up      direction // client to origin
	down    direction // origin to client
	closes  [2]backends.Op
	lent    int // ops of its own in flight
	closing bool
	spare   *proxyConn // the next in proxyLoop.free
}

// A direction is a passage as its connection knows it.
type direction struct {
	passage
	conn  *proxyConn
	ended bool // all that came has been passed on
	half  backends.Op
}

func newProxyConn(p *proxyLoop) *proxyConn {
	c := &proxyConn{loop: p}
	for _, d := range c.directions() {
		d.conn = c
		d.passage = p.newPassage(d)
	}
	return c
}

func (c *proxyConn) directions() [2]*direction { return [...]*direction{&c.up, &c.down} }

// start dials the origin. What the client sends meanwhile stays in its socket.
func (c *proxyConn) start(fd int32) {
	c.client, c.origin = end{fd, c.loop.fixed()}, end{fd: -1}
	c.closing = false
	c.up.ended, c.down.ended = false, false
	s, err := c.loop.socket()
	if err != nil {
		c.close()
		return
	}
	c.origin.fd = int32(s)
	c.dial = backends.Op{Code: backends.Connect, FD: c.origin.fd, Addr: &c.loop.addr, Done: c}
	c.submit(&c.dial)
}

func (c *proxyConn) submit(op *backends.Op) {
	c.lent++
	c.loop.loop.Submit(op)
}

// Complete receives the outcome of the connection's own ops.
func (c *proxyConn) Complete(x *backends.Completion) {
	c.lent--
	switch {
	case x.Op == &c.dial && x.Res < 0:
		c.close()
	case x.Op == &c.dial:
		c.connected()
	case x.Op.Code == backends.Shutdown && x.Res < 0:
		c.close()
	}
	c.settle()
}

func (c *proxyConn) connected() {
	if c.closing {
		return
	}
	if c.up.begin(c.client, c.origin) != nil || c.down.begin(c.origin, c.client) != nil {
		c.close()
	}
}

// close ends the connection on both sides, and with it all that is in flight.
func (c *proxyConn) close() {
	if c.closing {
		return
	}
	c.closing = true
	for _, d := range c.directions() {
		d.stop()
	}
	for i, e := range [...]end{c.client, c.origin} {
		if e.fd < 0 {
			continue
		}
		c.closes[i] = backends.Op{Code: backends.Close, Flags: e.flags, FD: e.fd, Done: c}
		c.submit(&c.closes[i])
	}
}

// settle takes the connection back when it is closed and nothing is in flight.
func (c *proxyConn) settle() {
	if !c.closing || c.lent > 0 || !c.up.idle() || !c.down.idle() {
		return
	}
	c.up.clear()
	c.down.clear()
	if c.up.idle() && c.down.idle() {
		c.loop.release(c)
	}
}

// begin starts the passage.
func (d *direction) begin(from, to end) error {
	d.half = backends.Op{Code: backends.Shutdown, Flags: to.flags, FD: to.fd, Off: unix.SHUT_WR, Done: d.conn}
	return d.start(from, to)
}

// drained passes the end of a direction on; when both have ended, all has.
func (d *direction) drained() {
	d.ended = true
	if d.conn.up.ended && d.conn.down.ended {
		d.conn.close()
		return
	}
	d.conn.submit(&d.half)
}

// broken ends the whole. The origin learns of it by a reset, as of a client that
// is gone; what it may still send nobody would read.
func (d *direction) broken() {
	if !d.conn.closing {
		unix.SetsockoptLinger(int(d.conn.origin.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	d.conn.close()
}

func (d *direction) settle() { d.conn.settle() }
