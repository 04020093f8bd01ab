package workloads

import (
	"errors"
	"fmt"
)

// ProxyConfig is what a proxy is told.
type ProxyConfig struct {
	Config
	Origin string `json:"origin"` // where the server behind it listens, on the same network
}

// Check says what is wrong with the configuration, as its user sees it.
func (cfg ProxyConfig) Check() error {
	if err := cfg.Config.Check(); err != nil {
		return err
	}
	if err := cfg.connects("a proxy passes on streams"); err != nil {
		return err
	}
	if cfg.Origin == "" {
		return errors.New("--origin names no server: give its address, IP:PORT or the path of a Unix socket")
	}
	if _, err := newDialer(cfg.Network, cfg.Origin); err != nil {
		return fmt.Errorf("--origin: %w", err)
	}
	return nil
}

// StartProxy starts a server that dials the origin for each connection and passes
// on what comes from either to the other, until both have ended; the end of one
// direction is passed on by itself. A connection that fails on one side is closed
// on the other.
func StartProxy(cfg ProxyConfig) (*Server, error) {
	dial, err := newDialer(cfg.Network, cfg.Origin)
	if err != nil {
		return nil, err
	}
	return start(cfg.Config, func(a *acceptor) func(int32) {
		p := &proxyLoop{flowLoop: newFlowLoop(a), dialer: dial}
		return p.serve
	})
}

// A proxyLoop is what one loop serves.
type proxyLoop struct {
	flowLoop
	dialer
	free *proxyConn // connections to use again
}

func (p *proxyLoop) serve(fd int32) {
	c := p.free
	if c != nil {
		p.free = c.spare
	} else {
		c = newProxyConn(p)
	}
	c.start(fd)
}

// release takes back a connection that has ended.
func (p *proxyLoop) release(c *proxyConn) {
	c.spare, p.free = p.free, c
	p.ended()
}

// A passage passes on what comes from one end to another, in one of the ways that
// the contract has for it.
type passage interface {
	// start begins it; an error is want of descriptors.
	start(from, to end) error
	// stop has it start nothing more; its owner is about to close its ends.
	stop()
	// idle reports whether none of its ops is in flight.
	idle() bool
	// clear gives back what it holds, when it is idle. If that takes ops it is not
	// idle until they have ended.
	clear()
}

// newPassage is the way that suits the loop. Where the loop copies by itself there
// is no better one; bytes stay within the kernel only where a variant asks for it.
func (p *proxyLoop) newPassage(owner flowOwner) passage {
	switch t := p.server.traits; {
	case t.Copies:
		return newCopying(p.loop, owner)
	case t.Splicing:
		return newPiping(p.loop, owner)
	default:
		f := new(flow)
		f.init(&p.flowLoop, owner)
		return f
	}
}

var (
	_ passage = (*flow)(nil)
	_ passage = (*piping)(nil)
	_ passage = (*copying)(nil)
)
