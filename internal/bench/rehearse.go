package bench

import (
	"errors"
	"sync"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// A cast is the loops that one process of a trial has.
type cast struct {
	backend string
	cfg     backends.Config
	loops   int
}

// castsMax is the most processes with loops that a trial has: a duet's.
const castsMax = 6

// A rehearsal opens the loops that a trial will have, and closes them again. A
// small ring, which is what Probe makes, may be had where these may not: Linux
// 6.18 charges rings to the limit of locked memory, all of a user's together.
// It maps what has passed, the processes of one moment, which is not tried again.
type rehearsal map[[castsMax]cast]bool

// clients is nil when the load generators of cells that run at one moment can
// have their loops.
func (r rehearsal) clients(p *result.Plan, cells []result.Cell) error {
	var casts []cast
	for _, c := range cells {
		casts = append(casts, beside(p, c)...)
	}
	return r.hold(casts...)
}

// servers is nil when servers and load generators of cells that run at one moment
// can have their loops.
func (r rehearsal) servers(p *result.Plan, cells []result.Cell) error {
	var casts []cast
	for _, c := range cells {
		casts = append(casts, beside(p, c)...)
		if c.Backend == "" {
			continue
		}
		own, err := of(c).server(c, p, "")
		if err != nil {
			return err
		}
		casts = append(casts, own.loops)
	}
	return r.hold(casts...)
}

// beside are the loops of a trial that are not the contestant's.
func beside(p *result.Plan, c result.Cell) (casts []cast) {
	w := of(c)
	if w.drives() {
		casts = append(casts, w.client(c, p, "", false).loops)
	}
	if w.origin != nil {
		casts = append(casts, w.origin(c, p).loops)
	}
	return casts
}

// hold opens the loops of casts, all at once, and closes them.
func (r rehearsal) hold(casts ...cast) (err error) {
	var key [castsMax]cast
	copy(key[:], casts)
	if r[key] {
		return nil
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	errs := make(chan error)
	loops := 0
	for _, c := range casts {
		loops += c.loops
		for range c.loops {
			wg.Go(func() { c.openOne(errs, done) })
		}
	}
	for range loops {
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
