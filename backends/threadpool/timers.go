package threadpool

import (
	"slices"
	"time"

	"github.com/ringbench/ringbench/backends"
)

// forever is a time that does not come.
const forever = time.Duration(1<<63 - 1)

// A timer is a Timeout op and when it is due, on the loop's clock.
type timer struct {
	op  *backends.Op
	due time.Duration
}

// timers are kept in the order in which they fall due. Loops of this kind have
// one or two, so that an ordered slice is all that is wanted.
type timers []timer

func (t *timers) add(op *backends.Op, due time.Duration) {
	i := len(*t)
	for i > 0 && (*t)[i-1].due > due {
		i--
	}
	*t = slices.Insert(*t, i, timer{op, due})
}

// next is when the first timer falls due.
func (t timers) next() time.Duration {
	if len(t) == 0 {
		return forever
	}
	return t[0].due
}

// remove takes op out and reports whether it was there.
func (t *timers) remove(op *backends.Op) bool {
	for i := range *t {
		if (*t)[i].op == op {
			*t = slices.Delete(*t, i, i+1)
			return true
		}
	}
	return false
}
