package gonet

import "github.com/ringbench/ringbench/backends"

func init() {
	backends.Register(backends.Family{
		Name: "net",
		Doc:  "package net, a goroutine a connection",
		Rank: 4,
		Features: map[string]backends.Feature{
			"sendfile": {Doc: backends.SendfileDoc + ", as io.Copy does by itself; the default", On: backends.Kinds(0, backends.Sendfile)},
			"cork": {Doc: "what is followed by more waits for it, and a file goes out in full segments (TCP_CORK)", On: []backends.Kind{
				{Code: backends.Send, Flags: backends.Followed}, {Code: backends.Sendfile}}},
		},
		New: func(v backends.Variant) (backends.Backend, error) {
			return backend{v.String(), v.Has("sendfile", true), v.Has("cork", false)}, nil
		},
		Capabilities: func() []backends.Capability {
			return []backends.Capability{
				{Name: "netpoll", Doc: "the runtime's own edge-triggered epoll set, one for the process", Since: "EPOLLET, Linux 2.6", Supported: true, Usable: true, Default: true},
				{Name: "splice", Doc: "io.Copy between connections", Since: backends.SpliceSince, Supported: true, Usable: true, Default: true},
				{Name: "sendfile", Doc: "io.Copy from files", Since: backends.SendfileSince, Supported: true, Usable: true, Default: true, Variant: "net-sendfile"},
				{Name: "TCP_CORK", Doc: "a head and its file in one segment", Since: "TCP_CORK, Linux 2.2", Supported: true, Usable: true, Variant: "net+cork"},
			}
		},
	})
}

type backend struct {
	name      string
	sendfiles bool
	corks     bool
}

func (b backend) Name() string { return b.name }

// Probe is always nil: package net works wherever Go does.
func (b backend) Probe() error { return nil }

func (b backend) Traits() backends.Traits {
	t := backends.Traits{Blocking: true, Spawn: true, Sendfile: true, Copies: true, Sendfiling: b.sendfiles}
	if b.corks {
		t.Features = []string{"cork"}
	}
	return t
}

// Open costs a small allocation, for there is one loop a connection. What only
// some loops need is made at its first use: the buffers to choose from, the
// channel, the timer.
func (b backend) Open(c backends.Config) (backends.Loop, error) {
	return &loop{config: c.WithDefaults(), corks: b.corks}, nil
}
