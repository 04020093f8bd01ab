package workloads

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/backends"
)

// Config is what every server is told.
type Config struct {
	Backend string `json:"backend"` // variant
	Network string `json:"network"`
	Address string `json:"address"`
	Loops   int    `json:"loops"`   // event loops, each with a listening socket of its own but for Traits.HandsOver
	Workers int    `json:"workers"` // limit of a blocking backend's pool; 0: one a connection
	BufSize int    `json:"buf_size"`
	Bufs    int    `json:"bufs"` // a loop
	CPUs    []int  `json:"cpus"` // where a loop's kernel threads may be pinned
	// Files: its loops read files, some by threads of their own (Traits.FilePool).
	Files bool `json:"files,omitempty"`
	Slow  Slow `json:"slow,omitzero"`
}

// Check says what is wrong with the configuration, as its user sees it.
func (cfg Config) Check() error {
	for _, c := range []struct {
		name      string
		v, lo, hi int
	}{
		{"--loops", cfg.Loops, 1, 1024},
		{"--workers", cfg.Workers, 0, 1_000_000},
		{"--buf-size", cfg.BufSize, 1, 16 << 20},
		{"--bufs", cfg.Bufs, 1, 1 << 15},
	} {
		if c.v < c.lo || c.v > c.hi {
			return fmt.Errorf("%s=%d is out of range: %d to %d", c.name, c.v, c.lo, c.hi)
		}
	}
	_, _, err := sockaddr(cfg.Network, cfg.Address)
	return err
}

// CheckLoops is an error for a backend whose loops hand connections to each other
// where there is one: it would be another than its name says.
func CheckLoops(b backends.Backend, loops int) error {
	if loops > 1 || !b.Traits().HandsOver {
		return nil
	}
	return fmt.Errorf("backend %s hands connections from loop to loop, and with --loops=%d there is no other: use --loops=2 or more, or leave the feature out", b.Name(), loops)
}

// connects says that the server, because of what it does, has no use for datagrams.
func (cfg Config) connects(because string) error {
	if !Datagrams(cfg.Network) {
		return nil
	}
	return fmt.Errorf("--network=%s: %s: %s", cfg.Network, because, strings.Join(Streams, ", "))
}

// LoopConfig sizes the loop of that index.
func (cfg Config) LoopConfig(index int, t backends.Traits) backends.Config {
	c := backends.Config{BufSize: cfg.BufSize, Bufs: cfg.Bufs}
	if Datagrams(cfg.Network) {
		c.BufSize, c.Bufs = datagramBuf, min(c.Bufs, datagramBufs)
	}
	if t.Blocking {
		c.Bufs, c.Entries = 2, 8 // it serves one connection at a time, both ways
	}
	if n := len(cfg.CPUs); n > 0 {
		c.CPU = 1 + cfg.CPUs[index%n]
	}
	return c
}

// maxProcs bounds what Procs asks for.
const maxProcs = 1024

// Procs is the GOMAXPROCS that suits a process with nothing but this server,
// for so many connections; 0 is Go's own choice. A loop keeps its P while it
// blocks, so one more is needed for control and signals. A worker of a pool
// gives its P up only when the runtime takes it away, 20 µs to 10 ms later: with
// one P for 64 workers their CPU was half idle, with one each the pool did three
// times as much.
func (cfg Config) Procs(t backends.Traits, conns int) int {
	switch {
	case t.Spawn:
		return 0
	case t.Blocking && Datagrams(cfg.Network):
		return min(cfg.receivers(t), maxProcs) + 1
	case t.Blocking && cfg.Workers > 0:
		return min(cfg.Workers, conns, maxProcs) + 1
	case t.Blocking:
		return min(conns, maxProcs) + 1
	case cfg.pooled(t):
		threads := backends.Config{}.WithDefaults().Threads
		return cfg.Loops*(1+threads) + 1 // a thread that waits for work keeps its P, too
	}
	return cfg.Loops + 1
}

// pooled reports whether a loop leaves reads to threads of its own, which use the
// descriptors of the process.
func (cfg Config) pooled(t backends.Traits) bool {
	return cfg.Files && t.FilePool && !t.Sendfiling && !t.Splicing
}
