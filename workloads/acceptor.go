package workloads

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// An acceptor takes connections for one loop.
type acceptor struct {
	server *Server
	loop   backends.Loop
	serve  func(fd int32)
	accept backends.Op
	pause  backends.Op
	worker bool // of a pool: one connection at a time
	served bool // the last connection has ended
}

// Complete receives what became of accept and of the pause after a failed one.
func (a *acceptor) Complete(c *backends.Completion) {
	if c.Op == &a.pause {
		a.loop.Submit(&a.accept)
		return
	}
	if c.Res >= 0 {
		a.server.accepted.Add(1)
	}
	switch {
	case c.Res >= 0 && a.server.traits.Spawn:
		go a.server.spawn(int32(c.Res))
	case c.Res >= 0:
		if a.worker {
			a.server.grow(int(a.accept.FD))
		}
		a.serve(int32(c.Res))
	case transient(c.Res.Err()):
	default:
		// Out of descriptors or memory: connections wait in the backlog
		// until some have closed.
		if !c.More {
			a.loop.Submit(&a.pause)
		}
		return
	}
	if !c.More && !(a.worker && c.Res >= 0) {
		a.loop.Submit(&a.accept)
	}
}

// transient errors concern a connection that died before it was accepted.
func transient(err error) bool {
	return errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EPROTO) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN)
}

// fixed is the flag of ops on the loop's connections.
func (a *acceptor) fixed() backends.Flags { return fixed(a.server.traits) }

// ended takes note that a connection is closed.
func (a *acceptor) ended() {
	a.served = true
	if a.worker {
		a.server.idle.Add(1)
		a.loop.Submit(&a.accept)
	}
}
