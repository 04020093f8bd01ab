package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/pattern"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/storage"
	"github.com/ringbench/ringbench/workloads"
)

// stream is a file that is sent to each client that connects, after which the server
// closes first, or that asks for it by HTTP, and closes.
var stream = workload{
	server: streamServer,
	client: func(c result.Cell, p *result.Plan, address string, _ bool) part {
		cfg := load.Config{Network: c.Network, Address: address, FileBytes: c.FileBytes, RequestsPerConn: 1, Pipeline: 1, Rate: c.Rate, Arrivals: load.Arrivals(c.Arrivals)}
		if c.Protocol == workloads.HTTP {
			cfg.Get, cfg.RequestsPerConn = "/"+fileName, c.Requests
		}
		return generator(roleClient, cfg, c, p)
	},
	foreign: []string{"{file}", "{dir}"},
	supply:  supplyStream,
	places:  echoPlaces, // for the connections that are there before the load
	ops: func(c result.Cell, t backends.Traits) []backends.Kind {
		asked := 0
		if c.Protocol == workloads.HTTP {
			asked = c.Requests
		}
		return workloads.StreamOps(t, int((c.FileBytes+int64(c.Buffer)-1)/int64(c.Buffer)), asked)
	},
	messages: func(c result.Cell, n backends.Counters) float64 {
		return float64(n[backends.BytesOut]) / c.CountedBytes()
	},
	files:   func(c result.Cell) int { return 3 * c.Conns }, // a pipe for each
	threads: echoPlaces,
}

// fileName is the file's in {dir}, and after a slash what is asked for by HTTP.
const fileName = "file"

// streamBufs is how many buffers a loop has: one a connection, and some for those
// that a client has yet to acknowledge.
func streamBufs(c result.Cell) int {
	bufs := max(64, c.Conns)
	for bufs > 64 && bufs*c.Buffer > 256<<20 {
		bufs /= 2
	}
	return bufs
}

func streamServer(c result.Cell, p *result.Plan, path string) (part, error) {
	cfg := workloads.Config{
		Backend: c.Backend, Network: c.Network, Address: workloads.LoopbackAddress(c.Network),
		Loops: c.Loops, Workers: echoPlaces(c), BufSize: c.Buffer, Bufs: streamBufs(c), CPUs: p.ServerCPUs, Files: true,
	}
	s, err := serverPart(roleStream, cfg, c)
	s.cfg = workloads.StreamConfig{Config: cfg, Path: path, Bytes: c.FileBytes, Protocol: c.Protocol}
	return s, err
}

// startStream makes sure that the file is in the page cache, and then serves it.
func startStream(cfg workloads.StreamConfig) (*workloads.Server, error) {
	f, err := os.Open(cfg.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := storage.Heat(f, cfg.Bytes); err != nil {
		return nil, err
	}
	return workloads.StartStream(cfg)
}

// supplyStream makes a file of each size, with a name if a server of others needs it.
func supplyStream(ctx context.Context, set *result.Set) (_ supplies, _ func(), err error) {
	named := slices.ContainsFunc(set.Plan.Cells, func(c result.Cell) bool {
		return strings.Contains(c.Command, "{dir}") || c.Command != "" && c.Protocol == workloads.HTTP
	})
	var open []*os.File
	release := func() {
		for _, f := range open {
			f.Close()
			if named {
				os.RemoveAll(filepath.Dir(f.Name()))
			}
		}
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	paths := supplies{}
	s := storage.Examine(set.Plan.Cells[0].Dir)
	for _, c := range set.Plan.Cells {
		if paths[c.FileBytes] != "" {
			continue
		}
		f, err := createStream(ctx, c, pattern.Content(set.Plan.Seed), named)
		if err != nil {
			return nil, nil, err
		}
		open = append(open, f)
		if err := storage.Heat(f, c.FileBytes); err != nil {
			return nil, nil, err
		}
		if paths[c.FileBytes] = storage.Path(f); named {
			paths[c.FileBytes] = f.Name()
		}
		s.Bytes = max(s.Bytes, c.FileBytes)
	}
	s.Own = true
	set.Storage = &s
	return paths, release, nil
}

func createStream(ctx context.Context, c result.Cell, content func([]byte, int64), named bool) (*os.File, error) {
	if named {
		return storage.CreateNamed(ctx, c.Dir, fileName, c.FileBytes, content)
	}
	return storage.Create(ctx, c.Dir, c.FileBytes, content)
}

// StreamGrid is every combination of its values.
type StreamGrid struct {
	Networks        []string
	Protocols       []string
	RequestsPerConn []int // where files are asked for
	Conns           []int
	FileSizes       []int
	BufSizes        []int // of a server that reads, at a time
	Dir             string
	Pace            // of files, each on a connection of its own
}

// Limits of what can be asked for.
const (
	maxFile    = 4 << 30
	maxStreams = 10_000
)

// Loads implements Grid.
func (g *StreamGrid) Loads() (loads []result.Load, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	for _, network := range g.Networks {
		for _, conns := range g.Conns {
			for _, size := range g.FileSizes {
				for _, buf := range g.BufSizes {
					l := result.Load{Workload: "stream", Network: network, Conns: conns, FileBytes: int64(size), Buffer: buf, Dir: g.Dir}
					for _, l := range g.paced(l) {
						loads = append(loads, g.asked(l)...)
					}
				}
			}
		}
	}
	return loads, nil
}

// asked is the load by each protocol.
func (g *StreamGrid) asked(l result.Load) (loads []result.Load) {
	for _, protocol := range g.Protocols {
		if protocol == workloads.Raw {
			loads = append(loads, l)
			continue
		}
		for _, n := range g.RequestsPerConn {
			by := l
			by.Protocol, by.Requests, by.HeadBytes = protocol, n, len(workloads.HTTPHead(l.FileBytes))
			loads = append(loads, by)
		}
	}
	return loads
}

func (g *StreamGrid) check() error {
	if err := inRange(
		bounded{"--conns", g.Conns, 1, maxStreams},
		bounded{"--file-size", g.FileSizes, 1, maxFile},
		bounded{"--buf-size", g.BufSizes, 512, maxBlock},
		bounded{"--requests-per-conn", g.RequestsPerConn, 1, 1_000_000},
	); err != nil {
		return err
	}
	if err := g.checkProtocols(); err != nil {
		return err
	}
	if err := g.checkPace(); err != nil {
		return err
	}
	if err := knownNetworks(g.Networks); err != nil {
		return err
	}
	var sum int64
	for i, n := range g.FileSizes {
		if !slices.Contains(g.FileSizes[:i], n) {
			sum += int64(n)
		}
	}
	if err := storage.Room(g.Dir, sum); err != nil {
		return err
	}
	return nil
}

// checkPace refuses what has no file that is due at a moment of its own.
func (g *StreamGrid) checkPace() error {
	if n := slices.Max(g.RequestsPerConn); n > 1 && len(g.Rates) > 0 {
		return fmt.Errorf("--rate offers files that each have a connection of their own, and with --requests-per-conn=%d most have not; use --requests-per-conn=1", n)
	}
	return g.Pace.check()
}

func (g *StreamGrid) checkProtocols() error {
	if len(g.Protocols) == 0 {
		return errors.New("--protocol names no value")
	}
	for _, p := range g.Protocols {
		if err := workloads.CheckProtocol(p); err != nil {
			return err
		}
	}
	if !slices.Contains(g.Protocols, workloads.HTTP) && !slices.Equal(g.RequestsPerConn, []int{1}) {
		return errors.New("--requests-per-conn is for --protocol=http: by raw a connection has one file")
	}
	return nil
}
