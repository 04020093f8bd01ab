package bench

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// Capabilities asks every family of servers what it can do on this machine.
func Capabilities(families []backends.Family) (list []result.Backend) {
	for _, f := range families {
		if f.Rank == 0 {
			continue // no server: the harness's own
		}
		b := result.Backend{Name: f.Name, Doc: f.Doc, Capabilities: []result.Capability{}}
		if f.Capabilities != nil {
			for _, c := range f.Capabilities() {
				b.Capabilities = append(b.Capabilities, result.Capability(c))
			}
		}
		if backend, err := f.New(backends.Variant{Family: f.Name}); err != nil {
			b.Unavailable = err.Error()
		} else if err := backend.Probe(); err != nil {
			b.Unavailable = err.Error()
		} else {
			t := backend.Traits()
			b.Tier, b.Features = t.Tier, t.Features
		}
		list = append(list, b)
	}
	return list
}
