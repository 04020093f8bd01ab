package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/storage"
	"github.com/ringbench/ringbench/workloads"
)

var read = workload{
	server: readServer,
	ready: func(c result.Cell, path string) error {
		return ready(readRole{workloads.ReadConfig{Op: c.Op, Path: path, Foreign: c.File != "", Bytes: c.FileBytes}, c.Cache})
	},
	supply: supplyFile,
	ops:    func(c result.Cell, t backends.Traits) []backends.Kind { return workloads.ReadOps(t, c.Op, c.Direct) },
	messages: func(c result.Cell, n backends.Counters) float64 {
		moved := n[backends.BytesOut]
		if c.Op == workloads.OpRead {
			moved = n[backends.BytesIn]
		}
		return float64(moved) / float64(c.Size)
	},
	files:   func(c result.Cell) int { return 2 * c.Depth }, // net has one of its own for each
	threads: func(c result.Cell) int { return c.Depth },
	floor: func(c result.Cell) result.Cell {
		c.Backend, c.Rate, c.Arrivals = "null", 0, ""
		return c
	},
}

// A readRole is what the process under test is told.
type readRole struct {
	workloads.ReadConfig
	Cache string `json:"cache"` // what the page cache is to have of the file; "": it is gone around, and has nothing
}

func readServer(c result.Cell, p *result.Plan, path string) (part, error) {
	b, err := backends.Lookup(c.Backend)
	if err != nil {
		return part{}, err
	}
	cfg := workloads.ReadConfig{
		Backend: c.Backend, Op: c.Op, Path: path, Foreign: c.File != "", Bytes: c.FileBytes, Size: c.Size, Depth: c.Depth, Loops: c.Loops,
		Random: c.Pattern == Random, Direct: c.Direct, Seed: p.Seed, CPUs: p.ServerCPUs,
		Rate: c.Rate, Arrivals: load.Arrivals(c.Arrivals),
	}
	t := b.Traits()
	s := part{role: roleRead, cfg: readRole{cfg, c.Cache}, procs: cfg.Procs(t)}
	if n := cfg.EventLoops(t); n > 0 {
		s.loops = cast{c.Backend, cfg.LoopConfig(0, t), n}
	}
	return s, nil
}

// supplyFile makes the file of a run, or looks at the one that is there.
func supplyFile(ctx context.Context, set *result.Set) (supplies, func(), error) {
	l := set.Plan.Cells[0].Load
	if l.File != "" {
		s := storage.Examine(l.File)
		s.Bytes = l.FileBytes
		set.Storage = &s
		return supplies{l.FileBytes: l.File}, func() {}, nil
	}
	s := storage.Examine(l.Dir)
	s.Own, s.Bytes = true, l.FileBytes
	set.Storage = &s
	if storage.InMemory(s) {
		set.Warnings = append(set.Warnings, fmt.Sprintf("the file is in memory (%s is on %s): no device is behind it; name a --dir on one", l.Dir, s.FileSystem))
	}
	size := l.FileBytes
	if l.Op == workloads.OpAppend {
		size = 0
	}
	f, err := storage.Create(ctx, l.Dir, size, workloads.NewPattern(set.Plan.Seed).Fill)
	if err != nil {
		return nil, nil, err
	}
	return supplies{l.FileBytes: storage.Path(f)}, func() { f.Close() }, nil
}

// startReads readies the page cache, and then the load.
func startReads(cfg readRole) (*workloads.Reader, error) {
	b, err := backends.Lookup(cfg.Backend)
	if err != nil {
		return nil, err
	}
	if !b.Traits().Memory {
		if err := ready(cfg); err != nil {
			return nil, err
		}
	}
	return workloads.StartReads(cfg.ReadConfig)
}

// ready makes the page cache what the load wants it to be. What a trial before
// has written is on the device then.
func ready(cfg readRole) error {
	f, err := os.Open(cfg.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if !cfg.Foreign {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	switch {
	case cfg.Op == workloads.OpAppend:
		return nil // the file will be emptied
	case cfg.Cache == Hot:
		return storage.Heat(f, cfg.Bytes)
	}
	return storage.Cool(f, cfg.Bytes) // O_DIRECT, too: nothing in memory that could differ
}

// warmed warns of cold files that were not for long: trials that have read half as
// many bytes as the file has, or more.
func warmed(set *result.Set) (warnings []string) {
	var names []string
	worst := 0.0
	for i := range set.Trials {
		t := &set.Trials[i]
		c := set.Plan.Cells[t.Cell]
		share := float64(t.Messages) * float64(c.Size) / float64(c.FileBytes)
		if c.Cache != Cold || t.Void != "" || share < 0.5 {
			continue
		}
		worst = max(worst, share)
		if name := c.Contestant + " " + c.Load.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	return []string{fmt.Sprintf("a file that is cold at first was not for long: up to %.2g times its bytes were moved in one window, so figures are in part those of the page cache: %s; use a larger --file-size or a shorter --duration, or --direct", worst, strings.Join(names, "; "))}
}
