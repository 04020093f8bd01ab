package load

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

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

func (ignore) Complete(*backends.Completion) {}

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
