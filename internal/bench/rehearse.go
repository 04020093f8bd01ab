package bench

import (
	"errors"
	"sync"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
)

// A cast is the loops that one process of a trial has.
type cast struct {
	backend string
	cfg     backends.Config
	loops   int
}

// A rehearsal opens the loops that a trial will have, and closes them again. A
// small ring, which is what Probe makes, may be had where these may not: Linux
// 6.18 charges rings to the limit of locked memory, all of a user's together.
// It maps what has passed, a client and a server, which is not tried again.
type rehearsal map[[2]cast]bool

// client is nil when the load generator of the cell can have its loops.
func (r rehearsal) client(p *result.Plan, c result.Cell) error {
	return r.hold(clientCast(p, c), cast{})
}

// server is nil when server and load generator can have their loops at once.
func (r rehearsal) server(p *result.Plan, c result.Cell) error {
	b, err := backends.Lookup(c.Backend)
	if err != nil || b.Traits().Blocking {
		return err
	}
	cfg := EchoConfig(c, "", p.ServerCPUs)
	return r.hold(clientCast(p, c), cast{c.Backend, cfg.LoopConfig(0, b.Traits()), cfg.Loops})
}

func clientCast(p *result.Plan, c result.Cell) cast {
	loops := clientLoops(p, c)
	cfg := load.Config{Size: c.Size, Pipeline: c.Pipeline}
	return cast{p.Client, cfg.LoopConfig((c.Conns + loops - 1) / loops), loops}
}

// clientLoops is how many loops drive the connections of a cell.
func clientLoops(p *result.Plan, c result.Cell) int {
	return max(1, min(len(p.ClientCPUs), c.Conns))
}

// hold opens the loops of two casts, all at once, and closes them.
func (r rehearsal) hold(a, b cast) (err error) {
	key := [2]cast{a, b}
	if r[key] {
		return nil
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	errs := make(chan error)
	for _, c := range key {
		for range c.loops {
			wg.Go(func() { c.openOne(errs, done) })
		}
	}
	for range a.loops + b.loops {
		err = errors.Join(err, <-errs)
	}
	close(done)
	wg.Wait()
	r[key] = err == nil
	return firstOf(err)
}

// openOne has a loop of its own until done closes.
func (c cast) openOne(errs chan<- error, done <-chan struct{}) {
	b, err := backends.Lookup(c.backend)
	if err != nil {
		errs <- err
		return
	}
	l, err := b.Open(c.cfg)
	errs <- err
	if err != nil {
		return
	}
	<-done
	_ = l.Close() // it had no operation
}

// firstOf is one of errors that were joined: loops fail for the same reason.
func firstOf(err error) error {
	var joined interface{ Unwrap() []error }
	for errors.As(err, &joined) {
		err = joined.Unwrap()[0]
	}
	return err
}
