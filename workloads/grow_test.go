package workloads

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/ringbench/ringbench/backends"
)

// A hesitant backend takes until its end to open a loop, and then refuses.
type hesitant struct {
	backends.Backend
	asked chan struct{}
	end   chan struct{}
}

func (h hesitant) Open(backends.Config) (backends.Loop, error) {
	h.asked <- struct{}{}
	<-h.end
	return nil, errors.New("not today")
}

// A worker counts from when it is wanted. One that accepts and is free again,
// before those that it called for have come, must not call for too many.
func TestWorkersLimitWhileTheyStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, calls = 3, 10
		h := hesitant{asked: make(chan struct{}, calls), end: make(chan struct{})}
		s := &Server{cfg: Config{Workers: limit}, backend: h, workers: 1, failed: make(chan error, 1)}
		for range calls {
			s.idle.Store(1) // the first, each time
			s.grow(0)
			synctest.Wait()
		}
		if n := len(h.asked); n != limit-1 {
			t.Errorf("%d workers were started beside the first, the limit is %d in all", n, limit)
		}
		close(h.end)
		synctest.Wait()
	})
}
