//go:build race || !(amd64 || arm64)

package backends

import "sync/atomic"

func publish(pub *[NumCounters]atomic.Uint64, c *Counters) {
	for i, v := range c {
		if pub[i].Load() != v {
			pub[i].Store(v)
		}
	}
}
