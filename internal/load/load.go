package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
	"github.com/ringbench/ringbench/internal/result"
)

// A Window is when a run starts and which part of it is recorded, in
// nanoseconds of CLOCK_MONOTONIC, which all processes share.
type Window struct {
	Start int64 `json:"start"` // the first message is due
	Open  int64 `json:"open"`  // recording begins
	Close int64 `json:"close"` // recording ends; the load goes on until Stop
	// Turn is which this is, from 0 on, of the loads of one moment, of which there are
	// Turns, or one if that is 0. Open loops take turns: if what they offer were due at
	// once, a duet's every message would meet one of the other's on the same CPU.
	Turn  int `json:"turn,omitempty"`
	Turns int `json:"turns,omitempty"`
}

// Monotonic is CLOCK_MONOTONIC in nanoseconds.
func Monotonic() int64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail for this clock
	return ts.Nano()
}

// A Generator is a load that is connected and ready to start.
type Generator struct {
	cfg     Config
	pattern *pattern.Pattern
	workers []*worker
	source  source // of short connections
	asks    *asks  // nil: files are not asked for
	// openers are connections that are there before a load of short ones: by
	// them the server is known to accept, and a pool has grown to its size. The
	// start of the load ends them.
	openers []int32
	idle    []int32 // connections that are silent while the load is on
	// patience is how long Stop waits for the next answer to come, and a tenth
	// of it where only connections that may be in the backlog are waited for:
	// those of a pool with fewer workers stay there until the others hang up.
	patience time.Duration
	failed   chan error
}

// Connect opens all connections.
func Connect(cfg Config) (*Generator, error) {
	b, err := backends.Lookup(cfg.Backend)
	if err != nil {
		return nil, err
	}
	if err := b.Probe(); err != nil {
		return nil, err
	}
	g := &Generator{cfg: cfg, patience: 5 * time.Second, failed: make(chan error, 1)}
	bufSize := cfg.bufSize()
	if g.pattern, err = pattern.New(cfg.Seed, max(bufSize, cfg.Size*cfg.Pipeline)); err != nil {
		return nil, err
	}
	var fds []int32
	if b.Traits().Memory {
		for i := range cfg.Conns {
			fds = append(fds, int32(i)) // it knows no sockets
		}
	} else if fds, err = dial(cfg.Network, cfg.Address, 0, cfg.Conns); err != nil {
		return nil, err
	}
	if cfg.RequestsPerConn > 0 && !b.Traits().Memory {
		g.openers = fds
		if g.source, err = newSource(cfg.Network, cfg.Address); err != nil {
			g.Close()
			return nil, err
		}
		g.source.resets = cfg.FileBytes > 0 && cfg.Get == ""
	}
	if cfg.Get != "" {
		if g.asks, err = newAsks(cfg.Get, cfg.FileBytes); err != nil {
			g.Close()
			return nil, err
		}
	}
	loops := max(1, min(cfg.Loops, cfg.Conns))
	for i := range loops {
		k := newWorker(g, b, i, loops, fds)
		g.workers = append(g.workers, k)
		if !k.memory {
			if k.wake, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
				g.Close()
				return nil, fmt.Errorf("open a socket pair: %w", err)
			}
		}
	}
	return g, nil
}

// Start begins the load; the window lies in the future.
func (g *Generator) Start(w Window) {
	offset := Monotonic() - backends.Nanotime()
	w.Start, w.Open, w.Close = w.Start-offset, w.Open-offset, w.Close-offset
	g.endOpeners()
	for _, k := range g.workers {
		k.window, k.series = w, NewSeries(w)
		go k.run()
	}
}

// Failed receives the first error that ends the load before Stop is called.
func (g *Generator) Failed() <-chan error { return g.failed }

// Progress is how many messages have been answered so far, of files the bytes of
// one, at most one batch a loop ago. Any goroutine may call it.
func (g *Generator) Progress() float64 {
	var n uint64
	for _, k := range g.workers {
		n += k.progress.Load()
	}
	if g.cfg.FileBytes > 0 {
		return float64(n) / float64(g.cfg.FileBytes)
	}
	return float64(n)
}

// Stop ends the load, waits for the answers that are outstanding, and returns
// what it yielded. An error is a wrong byte, a message that was never answered
// on a connection that is served, a connection that was lost, idle ones too, or a
// loop that broke.
func (g *Generator) Stop() (*Report, error) {
	r := &Report{Service: result.NewHistogram(), FirstAnswer: result.NewHistogram()}
	if g.cfg.Rate > 0 {
		response, lag := result.NewHistogram(), result.NewHistogram()
		r.Response, r.SendLag = &response, &lag
	}
	for _, k := range g.workers {
		k.stop()
	}
	for _, k := range g.workers {
		<-k.done
		if k.err != nil {
			return nil, k.err
		}
		k.report(r)
	}
	return r, g.askIdle("after the load")
}

func (g *Generator) endOpeners() {
	for _, fd := range g.openers {
		unix.Close(int(fd))
	}
	g.openers = nil
}

// Close hangs up all connections. The load has not been started or has been
// stopped.
func (g *Generator) Close() {
	g.endOpeners()
	for _, fd := range g.idle {
		hangUp(fd)
	}
	for _, k := range g.workers {
		for _, a := range k.arenas {
			a.Free()
		}
		if k.memory {
			continue
		}
		for _, c := range k.conns {
			hangUp(c.recv.FD)
		}
		for _, v := range k.visits {
			if v.fd >= 0 { // the load ended with an error
				hangUp(v.fd)
			}
		}
		unix.Close(k.wake[0])
		unix.Close(k.wake[1])
	}
	g.pattern.Free()
	if g.asks != nil {
		g.asks.arena.Free()
	}
}
