package bench

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// Names of the roles that a child of this program can take.
const (
	roleEcho   = "echo"
	roleProxy  = "proxy"
	roleBulk   = "bulk"
	roleClient = "client"
	roleRead   = "read"
	roleStream = "stream"

	roleHiccups = "hiccups"
)

// Roles is what child.Main needs: every process of a trial that is ours.
func Roles() map[string]func(*child.Control) error {
	return map[string]func(*child.Control) error{
		roleEcho:   server(workloads.StartEcho),
		roleProxy:  server(workloads.StartProxy),
		roleBulk:   server(workloads.StartBulk),
		roleClient: client,
		roleRead:   reads,
		roleStream: server(startStream),

		roleHiccups: hiccupsRole,
	}
}

// listening is what a server says of itself when it is ready.
type listening struct {
	Addr     string   `json:"addr"`
	Tier     string   `json:"tier"`
	Features []string `json:"features"`
	Table    string   `json:"descriptor_table"`
	Heap     bool     `json:"heap"` // it answers "allocations", which older versions do not

	Buffers *result.Buffers `json:"buffers"` // nil of older versions
}

// server is the role of a server that start starts.
func server[Config any](start func(Config) (*workloads.Server, error)) func(*child.Control) error {
	return func(c *child.Control) error {
		var cfg Config
		if err := c.Config(&cfg); err != nil {
			return err
		}
		s, err := start(cfg)
		if err != nil {
			return err
		}
		return serve(c, s)
	}
}

func serve(c *child.Control, s *workloads.Server) error {
	go func() {
		fmt.Fprintln(os.Stderr, <-s.Failed())
		os.Exit(1)
	}()
	c.Serve(answers(s, func() any { return s.Counters() }))
	return nil
}

// answers are those of a server to calls.
func answers(s *workloads.Server, counters func() any) map[string]func(json.RawMessage) (any, error) {
	t := s.Traits()
	return map[string]func(json.RawMessage) (any, error){
		"ready": func(json.RawMessage) (any, error) {
			return listening{s.Addr(), t.Tier, t.Features, s.Descriptors(), true, s.Buffers()}, nil
		},
		"allocations": func(json.RawMessage) (any, error) { return allocations(), nil },
		"accepted":    func(json.RawMessage) (any, error) { return s.Accepted(), nil },
		"counters":    func(json.RawMessage) (any, error) { return counters(), nil },
		"slowed":      func(json.RawMessage) (any, error) { return s.Slowed(), nil },
	}
}

// progress is how many messages a client has had answered at a moment.
type progress struct {
	Now      int64   `json:"now"` // load.Monotonic
	Answered float64 `json:"answered"`
}

func client(c *child.Control) error {
	var cfg load.Config
	if err := c.Config(&cfg); err != nil {
		return err
	}
	g, err := load.Connect(cfg)
	if err != nil {
		return err
	}
	handlers := driving(g)
	handlers["ready"] = func(json.RawMessage) (any, error) { return nil, nil }
	handlers["open idle"] = func(raw json.RawMessage) (any, error) {
		var n int
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, err
		}
		return nil, g.OpenIdle(n)
	}
	c.Serve(handlers)
	return nil
}

// reads is the role of a load on a file, server and client in one.
func reads(c *child.Control) error {
	var cfg readRole
	if err := c.Config(&cfg); err != nil {
		return err
	}
	r, err := startReads(cfg)
	if err != nil {
		return err
	}
	t := r.Traits()
	handlers := driving(r)
	handlers["ready"] = func(json.RawMessage) (any, error) {
		return listening{Tier: t.Tier, Features: t.Features, Table: r.Descriptors(), Buffers: r.Buffers()}, nil
	}
	handlers["counters"] = func(json.RawMessage) (any, error) { return r.Counters(), nil }
	c.Serve(handlers)
	return nil
}

// A driver is a load: a generator's, or a server's that drives itself.
type driver interface {
	Start(load.Window)
	Progress() float64
	Stop() (*load.Report, error)
	Close()
	Failed() <-chan error
}

// driving answers the commands that are about the load.
func driving(g driver) map[string]func(json.RawMessage) (any, error) {
	go func() { // a trial that is void already need not last to its end
		fmt.Fprintln(os.Stderr, <-g.Failed())
		os.Exit(1)
	}()
	return map[string]func(json.RawMessage) (any, error){
		"start": func(raw json.RawMessage) (any, error) {
			var w load.Window
			if err := json.Unmarshal(raw, &w); err != nil {
				return nil, err
			}
			g.Start(w)
			return nil, nil
		},
		"progress": func(json.RawMessage) (any, error) { return progress{load.Monotonic(), g.Progress()}, nil },
		"stop":     func(json.RawMessage) (any, error) { return g.Stop() },
		"hang up": func(json.RawMessage) (any, error) {
			g.Close()
			return nil, nil
		},
	}
}
