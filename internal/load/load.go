package load

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
	"github.com/ringbench/ringbench/internal/result"
)

// Config is one load on one server.
type Config struct {
	Backend string `json:"backend"` // of the generator itself
	Network string `json:"network"`
	Address string `json:"address"`
	Conns   int    `json:"conns"`
	Size    int    `json:"size"` // bytes of a message
	// Shares are the sizes of messages, each drawn; then Size is the largest. Not of
	// datagrams, nor of what a bulk server is asked for.
	Shares   []result.Share `json:"shares,omitempty"`
	Pipeline int            `json:"pipeline"`           // messages outstanding a connection, at most
	Rate     float64        `json:"rate"`               // messages a second over all connections; 0: closed loop
	Arrivals Arrivals       `json:"arrivals,omitempty"` // of an open loop
	Loops    int            `json:"loops"`
	Seed     uint64         `json:"seed"`
	Spin     bool           `json:"spin"` // an open loop may burn its CPU to be on time
	// Asks is set for a bulk server (see pattern.Ask): messages go to it, come from
	// it, or both, and half of a connection's are asked for at a time.
	Asks Direction `json:"asks,omitempty"`
	// RequestsPerConn makes connections short: each ends after so many messages,
	// one at a time, and another takes its place. Then Conns is how many there
	// are at a time, Rate is of connections, and what is counted and timed as a
	// message is a connection, from its connect to the end of its last reply.
	// 0: connections last as long as the load.
	RequestsPerConn int `json:"requests_per_connection,omitempty"`
	// FileBytes makes connections short that ask for nothing: each is sent a file
	// of so many bytes, which pattern.Content of the seed has filled, and then its
	// end. What is counted and timed as a message is a file, from the connect to
	// its last byte; RequestsPerConn is 1 and Size is of no account. Bytes count
	// when they come, whether or not the rest of their file does within the window.
	FileBytes int64 `json:"file_bytes,omitempty"`
	// Get makes each connection ask for the file RequestsPerConn times by a GET of
	// this path, of HTTP/1.1, and then close. A file that is not the first of its
	// connection is timed from its request. The end of the load ends connections
	// after the file that is on its way.
	Get string `json:"get,omitempty"`
	// AllServed: the server has taken every connection from its backlog, so one
	// that is never answered has lost a message.
	AllServed bool `json:"all_served,omitempty"`
}

// A Window is when a run starts and which part of it is recorded, in
// nanoseconds of CLOCK_MONOTONIC, which all processes share.
type Window struct {
	Start int64 `json:"start"` // the first message is due
	Open  int64 `json:"open"`  // recording begins
	Close int64 `json:"close"` // recording ends; the load goes on until Stop
}

// Report is what a run yielded. Counts and histograms cover messages whose
// answer was complete within the window.
type Report struct {
	Messages uint64            `json:"messages"`
	Offered  uint64            `json:"offered,omitempty"`  // open loop: messages that were due within the window
	Bytes    uint64            `json:"bytes"`              // verified, by either side; of files also those of which not all came within the window
	Service  result.Histogram  `json:"service"`            // from the send
	Response *result.Histogram `json:"response,omitempty"` // open loop: from when it was due
	SendLag  *result.Histogram `json:"send_lag,omitempty"` // open loop: from when it was due to the send
	// FirstAnswer is from the start of the load, a value a connection that asked;
	// of the Unserved, which never were answered, how long they had waited.
	FirstAnswer result.Histogram `json:"first_answer"`
	Unserved    int              `json:"unserved"`
	Clipped     uint64           `json:"clipped"`  // values of the histograms above that were greater than they can hold
	Sent        uint64           `json:"sent"`     // whole run; of files, those too that the end of the load cut short
	Answered    uint64           `json:"answered"` // whole run
	// Lost are datagrams that were not answered within LossAfter, and Late the
	// answers that came after that or a second time, in the whole run. Sent is
	// Answered and Lost together.
	Lost uint64 `json:"lost,omitempty"`
	Late uint64 `json:"late,omitempty"`
	// Series is what came over time, in messages, or of files in bytes.
	Series result.Series `json:"series"`
	// SpinSeconds is how long an open loop polled in vain, within the window,
	// because a message was soon due: CPU that is no cost of a message. It is
	// wall time, for a worker that spins has a CPU of its own.
	SpinSeconds float64           `json:"spin_seconds"`
	Counters    backends.Counters `json:"counters"` // of the generator's own loops, whole run
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

// BufSize is the receive buffer that suits messages of size bytes: whole pages,
// a power of two, 4 to 64 KiB, and larger than the message where that can be,
// because a receive that fills its buffer leaves a reader to ask whether that
// was all: at 1,000 connections of 4 KiB it cost epoll 6 % of its CPU.
func BufSize(size int) int {
	n := 4096
	for n <= size && n < 64<<10 {
		n *= 2
	}
	return n
}

func (c Config) bufSize() int {
	if c.FileBytes > 0 {
		return BufSize(int(min(c.FileBytes, 64<<10)))
	}
	return BufSize(c.Size * c.Pipeline)
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

// worker drives a share of the connections on one loop.
type worker struct {
	g        *Generator
	index    int
	backend  backends.Backend
	memory   bool
	conns    []*conn
	visits   []*visit // in place of conns, where connections are short
	window   Window   // on backends.Nanotime's clock
	loop     backends.Loop
	wake     [2]int // a socket pair; a byte in [1] ends a Wait on [0]
	stopping atomic.Bool
	draining bool // nothing more is sent
	progress atomic.Uint64
	done     chan struct{}
	err      error

	now      int64
	series   Series
	messages uint64 // in the window
	offered  uint64 // in the window
	bytes    uint64 // of files, and of messages whose sizes differ, in the window
	answered uint64
	received uint64 // bytes of files
	sent     uint64
	lost     uint64 // of datagrams, as all that follows up to outs
	late     uint64
	sweep    uint64
	outs     []*outgoing // to use again
	arenas   []*backends.Arena
	service  result.Histogram
	response result.Histogram
	lag      result.Histogram
	clipped  uint64
	spun     int64 // nanoseconds
	pace     pacer
	counters backends.Counters

	visited int      // connections that visits have opened
	free    []*visit // open loop: places for the next
	waiting int64    // connections that were due and have no place yet
}

func newWorker(g *Generator, b backends.Backend, index, of int, fds []int32) *worker {
	k := &worker{g: g, index: index, backend: b, memory: b.Traits().Memory, done: make(chan struct{}), service: result.NewHistogram()}
	if g.cfg.Rate > 0 {
		k.response, k.lag = result.NewHistogram(), result.NewHistogram()
	}
	for i := index; i < len(fds); i += of {
		if g.cfg.RequestsPerConn > 0 {
			k.visits = append(k.visits, newVisit(k, i))
		} else {
			k.conns = append(k.conns, newConn(k, i, fds[i]))
		}
	}
	k.free = make([]*visit, 0, len(k.visits))
	return k
}

// stop makes run return, also when it is blocked.
func (k *worker) stop() {
	k.stopping.Store(true)
	if !k.memory {
		unix.Write(k.wake[1], []byte{0})
	}
}

// run is the loop's goroutine.
func (k *worker) run() {
	defer close(k.done)
	if k.err = k.drive(); k.err == nil || k.stopping.Load() {
		return // Stop tells
	}
	select {
	case k.g.failed <- k.err:
	default:
	}
}

// LoopConfig sizes a loop that drives so many of the connections.
func (c Config) LoopConfig(conns int) backends.Config {
	bufs := max(64, 2*conns)
	size := c.bufSize()
	if Datagrams(c.Network) {
		bufs, size = max(64, 2*conns*min(c.Pipeline, 16)), backends.DatagramHead+c.Size
	}
	for bufs > 64 && bufs*size > 256<<20 {
		bufs /= 2
	}
	return backends.Config{BufSize: size, Bufs: bufs}
}

func (k *worker) drive() error {
	// The default slack of 50 µs would make every time-out that late.
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	loop, err := k.backend.Open(k.g.cfg.LoopConfig(k.places()))
	if err != nil {
		return err
	}
	k.loop = loop
	defer func() { loop.Close(); k.counters = loop.Counters() }() // what the last Wait did is published by now
	if !k.memory {
		loop.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: int32(k.wake[0]), Done: ignore{}})
	}
	time.Sleep(time.Duration(k.window.Start - backends.Nanotime()))
	k.now = backends.Nanotime()
	for _, c := range k.conns {
		c.begin()
	}
	if Datagrams(k.g.cfg.Network) {
		k.startSweeps()
	}
	for _, v := range k.visits {
		if k.g.cfg.Rate > 0 {
			k.free = append(k.free, v)
		} else {
			v.begin(0)
		}
	}
	if k.err != nil { // with nothing in flight nothing would tell
		return k.err
	}
	if k.g.cfg.Rate > 0 {
		k.pace = newPacer(k)
		err = k.openLoop()
	} else {
		err = k.closedLoop()
	}
	if err != nil {
		return err
	}
	return k.drain()
}

// places is how many connections the worker drives at a time.
func (k *worker) places() int { return len(k.conns) + len(k.visits) }

type ignore struct{}

func (ignore) Complete(backends.Completion) {}

// batch is how many completions are taken at a time.
const batch = 128

func (k *worker) closedLoop() error {
	dst := make([]backends.Completion, batch)
	for !k.stopping.Load() {
		n, err := k.loop.Wait(dst, 1, -1)
		if err != nil {
			return err
		}
		backends.Dispatch(dst[:n])
		k.progresses()
		if k.err != nil {
			return k.err
		}
	}
	return nil
}

// progresses publishes what Progress tells.
func (k *worker) progresses() {
	if k.g.cfg.FileBytes > 0 {
		k.progress.Store(k.received)
		return
	}
	k.progress.Store(k.answered)
}

// drain waits for the answers that are outstanding: a message that was lost with
// nothing behind it on its connection shows in nothing else.
func (k *worker) drain() error {
	dst := make([]backends.Completion, batch)
	k.draining = true
	const step = 10 * time.Millisecond
	for waited := time.Duration(0); ; { // since something last arrived
		late := k.owed(waited)
		if late == nil {
			k.now = backends.Nanotime()
			return k.silent()
		}
		if waited > k.g.patience {
			return fmt.Errorf("%s; nothing has arrived for %v", late.debt(), k.g.patience)
		}
		from := backends.Nanotime()
		n, err := k.loop.Wait(dst, 1, step)
		if err != nil {
			return err
		}
		waited += min(time.Duration(backends.Nanotime()-from), 2*step) // what is more was spent off the CPU, not waiting
		if n > 0 {
			waited = 0
		}
		backends.Dispatch(dst[:n])
		k.progresses()
		if k.err != nil {
			return k.err
		}
	}
}

// A debtor can say what it waits for.
type debtor interface{ debt() string }

// owed is a connection that waits for an answer or for the completion of its
// send, which may come after the answer; nil when there is none that is worth
// more waiting.
func (k *worker) owed(waited time.Duration) debtor {
	for _, c := range k.conns {
		if (c.pending > 0 || c.sending || c.dgrams != nil && c.dgrams.outs > 0) && (c.served() || waited <= k.g.patience/10) {
			return c
		}
	}
	for _, v := range k.visits {
		if v.fd >= 0 {
			return v
		}
	}
	return nil
}

// unitBytes is how many bytes are verified of what is counted as a message.
func (c Config) unitBytes() uint64 {
	n := uint64(c.Size * max(1, c.RequestsPerConn))
	if c.Asks == Both {
		return 2 * n // here and by the server, which acknowledges what has come
	}
	return n
}

// report adds what this worker saw; run has returned, and now is when.
func (k *worker) report(r *Report) {
	r.Messages += k.messages
	r.Offered += k.offered
	if r.Bytes += k.bytes; k.g.cfg.FileBytes == 0 && len(k.g.cfg.Shares) == 0 {
		r.Bytes += k.messages * k.g.cfg.unitBytes()
	}
	r.Service.Merge(k.service.Histogram)
	if r.Response != nil {
		r.Response.Merge(k.response.Histogram)
		r.SendLag.Merge(k.lag.Histogram)
	}
	k.series.AddTo(&r.Series)
	r.Sent += k.sent
	r.Answered += k.answered
	r.Lost += k.lost
	r.Late += k.late
	r.Counters.Add(k.counters)
	for _, c := range k.conns {
		switch {
		case c.firstAnswer > 0:
			k.record(r.FirstAnswer, c.firstAnswer)
		case c.pending > 0: // else it never asked: an open loop may be that slow
			r.Unserved++
			k.record(r.FirstAnswer, k.now-k.window.Start)
		}
	}
	r.Clipped += k.clipped
	r.SpinSeconds += float64(k.spun) / 1e9
}
