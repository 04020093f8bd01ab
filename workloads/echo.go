package workloads

// StartEcho starts a server that sends back what it receives, byte for byte, and
// closes when the client does; over UDP each datagram to its sender.
func StartEcho(cfg Config) (*Server, error) {
	return start(cfg, func(a *acceptor) func(int32) {
		e := &echoLoop{flowLoop: newFlowLoop(a)}
		return e.serve
	})
}

// An echoLoop is what one loop serves.
type echoLoop struct {
	flowLoop
	free *echoConn // connections to use again
}

func (e *echoLoop) serve(fd int32) {
	c := e.free
	if c != nil {
		e.free = c.spare
	} else {
		c = newEchoConn(e)
	}
	c.start(fd)
}

// release takes back a connection that has ended.
func (e *echoLoop) release(c *echoConn) {
	c.spare, e.free = e.free, c
	e.ended()
}
