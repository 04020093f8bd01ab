package workloads

import "github.com/ringbench/ringbench/backends"

// An echoConn is one connection: a flow from it to itself.
type echoConn struct {
	flow  flow
	loop  *echoLoop
	shut  backends.Op
	open  bool      // shut is not complete
	spare *echoConn // the next in echoLoop.free
}

func newEchoConn(e *echoLoop) *echoConn {
	c := &echoConn{loop: e}
	c.flow.init(&e.flowLoop, c)
	return c
}

func (c *echoConn) start(fd int32) {
	self := end{fd, c.loop.fixed()}
	c.shut = backends.Op{Code: backends.Close, Flags: self.flags, FD: fd, Done: c}
	c.open = true
	c.flow.start(self, self)
}

func (c *echoConn) drained() { c.broken() }

func (c *echoConn) broken() {
	if !c.flow.stopped {
		c.flow.stop()
		c.loop.loop.Submit(&c.shut)
	}
}

// Complete receives the outcome of the Close.
func (c *echoConn) Complete(*backends.Completion) {
	c.open = false
	c.settle()
}

func (c *echoConn) settle() {
	if c.flow.idle() && !c.open {
		c.flow.clear()
		c.loop.release(c)
	}
}
