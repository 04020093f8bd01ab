package load

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Servers that echo almost rightly, each wrong in its own way.
func TestVerificationCatches(t *testing.T) {
	const size = 64
	const before = 100        // messages
	const bad = before * size // where in its stream a server goes wrong
	hit := func(off int64, b []byte) (at int, ok bool) {
		at = int(bad - off)
		return at, at >= 0 && at < len(b)
	}
	swap := &sync.Mutex{}
	var mine []byte
	for name, c := range map[string]struct {
		mangle          func(n int, off int64, b []byte) []byte
		conns, pipeline int
		want            string
	}{
		"one wrong bit": {func(_ int, off int64, b []byte) []byte {
			if at, ok := hit(off, b); ok {
				b[at] ^= 1
			}
			return b
		}, 1, 1, "at byte 0 of a message"},
		"one wrong byte in the middle": {func(_ int, off int64, b []byte) []byte {
			if at, ok := hit(off, b); ok && at+37 < len(b) {
				b[at+37]++
			}
			return b
		}, 1, 1, "at byte 37 of a message"},
		"bytes of another connection": {func(n int, off int64, b []byte) []byte {
			swap.Lock()
			defer swap.Unlock()
			if n == 0 && mine == nil {
				mine = slices.Clone(b)
			}
			if n == 1 && off > 1000 && len(mine) == len(b) {
				return slices.Clone(mine)
			}
			return b
		}, 2, 1, "a wrong byte"},
		"a lost message": {func(_ int, off int64, b []byte) []byte {
			if at, ok := hit(off, b); ok && at+size <= len(b) {
				return slices.Delete(b, at, at+size)
			}
			return b
		}, 1, 8, "a wrong byte"},
		"a lost message with nothing behind it": {func(_ int, off int64, b []byte) []byte {
			if off == bad {
				return nil
			}
			return b
		}, 2, 1, "never answered"},
		"a lost first message": {func(n int, off int64, b []byte) []byte {
			if n == 1 && off == 0 {
				return nil
			}
			return b
		}, 2, 1, "never answered"},
		"a lost tail": {func(_ int, off int64, b []byte) []byte {
			if off == bad {
				return b[:len(b)-1]
			}
			return b
		}, 1, 1, "never answered"},
		"a repeated message": {func(_ int, off int64, b []byte) []byte {
			if off == bad {
				return slices.Concat(b, b)
			}
			return b
		}, 1, 1, "a wrong byte"},
		"a repeated message among others": {func(_ int, off int64, b []byte) []byte {
			if at, ok := hit(off, b); ok && at+size <= len(b) {
				return slices.Concat(b[:at+size], b[at:])
			}
			return b
		}, 1, 8, "wrong byte"},
		"an extra byte": {func(_ int, off int64, b []byte) []byte {
			if off == bad {
				return append(b, 0)
			}
			return b
		}, 1, 1, "a wrong byte"},
		"always the same answer": {func(_ int, off int64, b []byte) []byte {
			for i := range b {
				b[i] = byte(i % size)
			}
			return b
		}, 1, 1, "a wrong byte"},
		"a swap of two messages": {func(_ int, off int64, b []byte) []byte {
			if len(b) >= 2*size && off%size == 0 {
				return slices.Concat(b[size:2*size], b[:size], b[2*size:])
			}
			return b
		}, 1, 8, "a wrong byte"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startReference(t, c.mangle)
			r := begin(t, Config{Address: s.addr(), Conns: c.conns, Size: size, Pipeline: c.pipeline, AllServed: true})
			answers := math.MaxFloat64 // whatever there is else shows by itself
			if c.want == "never answered" {
				answers, r.patience = float64(before*c.conns), 100*time.Millisecond
			}
			r.untilFailed(t, answers)
			_, err := r.Stop()
			r.Close()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the load ended with %v, want an error with %q", err, c.want)
			}
		})
	}
}

// A connection that was never answered waits in the backlog, for all that is
// known of a server with fewer workers than connections; one whose first answer
// was on its way when the load ended does not.
func TestUnserved(t *testing.T) {
	for _, late := range []bool{true, false} {
		for _, rate := range []float64{0, 1000} {
			t.Run(fmt.Sprintf("late=%v/%g", late, rate), func(t *testing.T) {
				t.Parallel()
				gate, asked := make(chan struct{}), make(chan struct{})
				ask := sync.OnceFunc(func() { close(asked) })
				s := startReference(t, func(n int, _ int64, b []byte) []byte {
					if n == 1 && len(b) > 0 {
						ask()
						<-gate
					}
					return b
				})
				r := begin(t, Config{Address: s.addr(), Conns: 2, Size: 64, Pipeline: 1, Rate: rate})
				r.until(t, 10)
				<-asked
				want := 0
				if late {
					r.patience = time.Minute
					go func() {
						for !r.workers[0].stopping.Load() {
							time.Sleep(time.Millisecond)
						}
						time.Sleep(20 * time.Millisecond) // a drain that does not wait is over by then
						close(gate)
					}()
				} else {
					want = 1
					r.patience = 300 * time.Millisecond
					defer close(gate)
				}
				if report := r.end(t); report.Unserved != want {
					t.Errorf("%d connections unserved, want %d", report.Unserved, want)
				}
			})
		}
	}
}
