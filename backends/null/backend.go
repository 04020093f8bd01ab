package null

import "github.com/ringbench/ringbench/backends"

func init() {
	backends.Register(backends.Family{
		Name: "null",
		Doc:  "completes at once in memory: the floor of the harness itself",
		New:  func(v backends.Variant) (backends.Backend, error) { return backend{}, nil },
	})
}

type backend struct{}

func (backend) Name() string            { return "null" }
func (backend) Probe() error            { return nil }
func (backend) Traits() backends.Traits { return backends.Traits{Memory: true} }

func (backend) Open(cfg backends.Config) (backends.Loop, error) {
	cfg = cfg.WithDefaults()
	pool, err := backends.NewPool(cfg.Bufs, cfg.BufSize, cfg.Poison)
	if err != nil {
		return nil, err
	}
	return newLoop(pool, cfg), nil
}
