package load

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Servers that echo almost rightly, each wrong in its own way.
func TestVerificationCatches(t *testing.T) {
	const size = 64
	const bad = 100 * size // where in its stream a server goes wrong
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
			r := begin(t, Config{Address: s.addr(), Conns: c.conns, Size: size, Pipeline: c.pipeline})
			r.patience = 300 * time.Millisecond
			if c.want == "never answered" { // which only shows in the end
				r.until(t, uint64(c.conns*bad/size))
			} else {
				select {
				case <-r.Failed():
				case <-time.After(time.Minute):
				}
			}
			_, err := r.Stop()
			r.Close()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the load ended with %v, want an error with %q", err, c.want)
			}
		})
	}
}
