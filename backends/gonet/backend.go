package gonet

import "github.com/ringbench/ringbench/backends"

func init() {
	backends.Register(backends.Family{
		Name: "net",
		Doc:  "package net, a goroutine a connection",
		Rank: 4,
		New:  func(v backends.Variant) (backends.Backend, error) { return backend{v.String()}, nil },
		Capabilities: func() []backends.Capability {
			return []backends.Capability{
				{Name: "netpoll", Doc: "the runtime's own edge-triggered epoll set, one for the process", Since: "EPOLLET, Linux 2.6", Supported: true, Usable: true, Default: true},
				{Name: "splice, sendfile", Doc: "io.Copy between connections and from files", Since: "splice, Linux 2.6.17", Supported: true, Usable: true, Default: true},
			}
		},
	})
}

type backend struct{ name string }

func (b backend) Name() string { return b.name }

// Probe is always nil: package net works wherever Go does.
func (b backend) Probe() error { return nil }

func (b backend) Traits() backends.Traits {
	return backends.Traits{Blocking: true, Spawn: true, Sendfile: true, Copies: true}
}

// Open costs a small allocation, for there is one loop a connection. What only
// some loops need is made at its first use: the buffers to choose from, the
// channel, the timer.
func (b backend) Open(c backends.Config) (backends.Loop, error) {
	return &loop{config: c.WithDefaults()}, nil
}
