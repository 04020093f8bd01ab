package main

import (
	"os"
	"time"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
)

// partial is added to the name of --output for the blocks that are finished while
// the run goes on: what is there of it when nothing could be written any more.
const partial = ".partial"

// keep writes it; nil without --output. About completes the set.
func (o outputs) keep(about func(*result.Set)) bench.Keep {
	if o.file == "" {
		return nil
	}
	var next time.Time
	return func(set *result.Set) error {
		begin := time.Now()
		if begin.Before(next) {
			return nil
		}
		s := *set
		s.Interrupted, s.Ended = true, begin.UTC()
		about(&s)
		err := result.Write(o.file+partial, &s)
		// The file grows with the run: writing it is to take little of its time.
		const share = 20
		next = time.Now().Add(share * time.Since(begin))
		return err
	}
}

// discard removes it when the result has been written.
func (o outputs) discard() {
	if o.file != "" {
		_ = os.Remove(o.file + partial) // it may not be there
	}
}
