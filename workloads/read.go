package workloads

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
)

// What is done to a file.
const (
	OpRead   = "read"
	OpWrite  = "write"  // over what is there
	OpFsync  = "fsync"  // the same, each followed by an fdatasync
	OpAppend = "append" // behind what is there, each followed by an fdatasync
)

// ReadConfig is one load on one file. Blocks of Size bytes lie side by side from
// the beginning of the file; an operation is on a whole one.
type ReadConfig struct {
	Backend string `json:"backend"` // variant
	Op      string `json:"op"`
	Path    string `json:"path"`
	// Foreign: nobody knows what is in the file, which is only read. What some
	// of the reads brought is compared, after the load, with what pread finds.
	Foreign bool   `json:"foreign,omitempty"`
	Bytes   int64  `json:"bytes"`  // of the file that are used; of a log, that it may have
	Size    int    `json:"size"`   // bytes of an operation, a multiple of 512
	Depth   int    `json:"depth"`  // operations in flight, over all loops
	Loops   int    `json:"loops"`  // event loops; others are one for each operation in flight
	Random  bool   `json:"random"` // else from the beginning to the end, again and again
	Direct  bool   `json:"direct"` // O_DIRECT
	Seed    uint64 `json:"seed"`   // of the file's Pattern, and of the order
	CPUs    []int  `json:"cpus"`   // where a loop's kernel threads may be pinned
	// Rate is operations a second, over all loops: each is due at a moment of its own
	// and waits for its turn while Depth are in flight. 0: closed loop.
	Rate     float64       `json:"rate,omitempty"`
	Arrivals load.Arrivals `json:"arrivals,omitempty"` // of an open loop
}

// loops is how many there are.
func (cfg ReadConfig) loops(t backends.Traits) int {
	if t.Blocking {
		return cfg.Depth
	}
	return max(1, min(cfg.Loops, cfg.Depth))
}

// share is how many operations the loop of that index has in flight.
func (cfg ReadConfig) share(index int, t backends.Traits) int {
	n := cfg.loops(t)
	return (cfg.Depth + n - 1 - index) / n
}

// LoopConfig sizes the loop of that index.
func (cfg ReadConfig) LoopConfig(index int, t backends.Traits) backends.Config {
	n := cfg.share(index, t)
	c := backends.Config{Entries: max(2*n, 8), Threads: n, BufSize: cfg.Size, Bufs: n}
	if cfg.Op != OpRead {
		c.BufSize, c.Bufs = 4096, 1 // they write from buffers of their own
	}
	if len(cfg.CPUs) > 0 {
		c.CPU = 1 + cfg.CPUs[index%len(cfg.CPUs)]
	}
	return c
}

// Procs is the GOMAXPROCS that suits a process with nothing but this load; 0 is
// Go's own choice. See Config.Procs. A thread of a loop's pool keeps its P while
// it blocks, as the loop does.
func (cfg ReadConfig) Procs(t backends.Traits) int {
	n := cfg.loops(t)
	switch {
	case t.Spawn:
		return 0
	case t.FilePool:
		n += cfg.Depth
	}
	return min(n, maxProcs) + 1
}

// EventLoops is how many loops there are that are more than one blocking call at
// a time.
func (cfg ReadConfig) EventLoops(t backends.Traits) int {
	if t.Blocking {
		return 0
	}
	return cfg.loops(t)
}

// A Reader is a load on a file. It drives itself: without a rate Depth operations
// are in flight from its start to its end.
type Reader struct {
	cfg     ReadConfig
	traits  backends.Traits
	memory  bool
	file    *os.File // nil: null
	table   string
	blocks  int64
	holds   Pattern // what is in the file
	writes  Pattern // what is written
	begin   chan struct{}
	window  load.Window // on the clock of backends.Nanotime, set before begin closes
	loops   []*fileLoop
	next    atomic.Int64 // block, where they are taken in order
	bell    *bell        // ends the naps of loops that block
	stopped atomic.Bool
	failed  chan error
}

// StartReads opens the file and the loops; the load begins with Start.
func StartReads(cfg ReadConfig) (*Reader, error) {
	b, err := backends.Lookup(cfg.Backend)
	if err != nil {
		return nil, err
	}
	if err := b.Probe(); err != nil {
		return nil, err
	}
	t := b.Traits()
	r := &Reader{
		cfg: cfg, traits: t, memory: t.Memory, blocks: cfg.Bytes / int64(cfg.Size),
		holds: NewPattern(cfg.Seed), writes: NewPattern(cfg.Seed ^ uint64(load.Monotonic())),
		begin: make(chan struct{}), failed: make(chan error, 1),
	}
	if r.blocks == 0 {
		return nil, fmt.Errorf("%d bytes of %s are less than one block of %d", cfg.Bytes, cfg.Path, cfg.Size)
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	if t.Blocking {
		debug.SetMaxThreads(1 << 22) // a thread each; Go would end the process at 10,000
	}
	if cfg.Rate > 0 && t.Blocking {
		if r.bell, err = newBell(); err != nil {
			return nil, err
		}
	}
	for i := range cfg.loops(t) {
		k, err := newFileLoop(r, i)
		if err != nil {
			return nil, err
		}
		r.loops = append(r.loops, k)
		ready := make(chan error)
		go k.run(b, ready)
		if err := <-ready; err != nil {
			return nil, err
		}
	}
	return r, nil
}

// open opens the file as the load wants it: a log is emptied.
func (r *Reader) open() (err error) {
	if r.memory {
		return nil // it knows no files
	}
	flags := os.O_RDONLY
	if r.cfg.Op != OpRead {
		flags = os.O_RDWR
	}
	if r.cfg.Direct {
		flags |= unix.O_DIRECT
	}
	if r.file, err = os.OpenFile(r.cfg.Path, flags, 0); err != nil {
		return err
	}
	if r.cfg.Op == OpAppend {
		if err := r.file.Truncate(0); err != nil {
			return err
		}
		return r.file.Sync()
	}
	if r.cfg.Random && !r.cfg.Direct {
		// Else the kernel might read more than was asked for.
		return unix.Fadvise(int(r.file.Fd()), 0, 0, unix.FADV_RANDOM)
	}
	return nil
}

// Traits are those of its loops.
func (r *Reader) Traits() backends.Traits { return r.traits }

// Descriptors is what Server.Descriptors is.
func (r *Reader) Descriptors() string { return r.table }

// Buffers are those of each loop.
func (r *Reader) Buffers() *result.Buffers { return buffers(r.cfg.LoopConfig(0, r.traits)) }

// Failed receives the first error that ends the load before Stop is called.
func (r *Reader) Failed() <-chan error { return r.failed }

// Counters is the sum over all loops since the start.
func (r *Reader) Counters() (sum backends.Counters) {
	for _, k := range r.loops {
		sum.Add(k.loop.Counters())
		sum[backends.SysWait] += k.naps.Load()
	}
	return sum
}

// Start begins the load; the window lies in the future.
func (r *Reader) Start(w load.Window) {
	offset := load.Monotonic() - backends.Nanotime()
	r.window = load.Window{Start: w.Start - offset, Open: w.Open - offset, Close: w.Close - offset}
	if r.cfg.Rate > 0 {
		r.pace()
	}
	close(r.begin)
}

// Progress is how many operations have ended so far, at most one batch a loop
// ago. Any goroutine may call it.
func (r *Reader) Progress() (n float64) {
	for _, k := range r.loops {
		n += float64(k.progress.Load())
	}
	return n
}

// Stop ends the load, waits for what is in flight, compares what was written, or
// read of a foreign file, with what pread finds now, and returns what the load
// yielded. An error is a wrong byte, an operation that failed or fell short, or a
// loop that broke.
func (r *Reader) Stop() (*load.Report, error) {
	r.stopped.Store(true)
	r.bell.ring()
	report := &load.Report{Service: result.NewHistogram()}
	if r.cfg.Rate > 0 {
		response, lag := result.NewHistogram(), result.NewHistogram()
		report.Response, report.SendLag = &response, &lag
	}
	for _, k := range r.loops {
		<-k.done
	}
	for _, k := range r.loops {
		if k.err != nil {
			return nil, k.err
		}
		k.report(report)
	}
	if r.memory {
		return report, nil
	}
	return report, r.compare()
}

// Close closes the file. The load has been stopped.
func (r *Reader) Close() {
	r.bell.close()
	if !r.memory {
		r.file.Close()
	}
}

func (r *Reader) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}
