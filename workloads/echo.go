package workloads

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// Echo is the configuration of an echo server: it sends back what it receives,
// byte for byte, and closes when the client does.
type Echo struct {
	Backend string `json:"backend"` // variant
	Network string `json:"network"`
	Address string `json:"address"`
	Loops   int    `json:"loops"`   // event loops, each with a listening socket of its own
	Workers int    `json:"workers"` // limit of a blocking backend's pool; 0: one a connection
	BufSize int    `json:"buf_size"`
	Bufs    int    `json:"bufs"` // a loop
	CPUs    []int  `json:"cpus"` // where a loop's kernel threads may be pinned
}

// Check says what is wrong with the configuration, as its user sees it.
func (cfg Echo) Check() error {
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

// LoopConfig sizes the loop of that index.
func (cfg Echo) LoopConfig(index int, t backends.Traits) backends.Config {
	c := backends.Config{BufSize: cfg.BufSize, Bufs: cfg.Bufs}
	if t.Blocking {
		c.Bufs, c.Entries = 1, 8 // it serves one connection at a time
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
func (cfg Echo) Procs(t backends.Traits, conns int) int {
	switch {
	case t.Spawn:
		return 0
	case t.Blocking && cfg.Workers > 0:
		return min(cfg.Workers, conns, maxProcs) + 1
	case t.Blocking:
		return min(conns, maxProcs) + 1
	}
	return cfg.Loops + 1
}

// An EchoServer is a running echo server.
type EchoServer struct {
	cfg     Echo
	backend backends.Backend
	traits  backends.Traits
	fds     []int
	addr    string
	table   string
	failed  chan error

	mu       sync.Mutex
	loops    []backends.Loop
	workers  int               // of a pool: those that run or are about to
	gone     backends.Counters // of loops that ended
	idle     atomic.Int32      // blocking loops that wait in accept
	accepted atomic.Int64
}

// StartEcho listens and starts the loops; it returns when all of them accept.
func StartEcho(cfg Echo) (*EchoServer, error) {
	b, err := backends.Lookup(cfg.Backend)
	if err != nil {
		return nil, err
	}
	if err := b.Probe(); err != nil {
		return nil, err
	}
	s := &EchoServer{cfg: cfg, backend: b, traits: b.Traits(), failed: make(chan error, 1)}
	listeners := max(cfg.Loops, 1)
	if s.traits.Blocking {
		listeners = 1                // the kernel hands each connection to one of those that wait
		debug.SetMaxThreads(1 << 22) // a thread a connection; Go would end the process at 10,000
	}
	if s.fds, s.addr, err = listen(cfg.Network, cfg.Address, listeners); err != nil {
		return nil, err
	}
	s.workers = len(s.fds)
	for i, fd := range s.fds {
		ready := make(chan error)
		go s.loop(fd, i, ready)
		if err := <-ready; err != nil {
			s.Remove()
			return nil, err
		}
	}
	return s, nil
}

// Addr is where the server listens.
func (s *EchoServer) Addr() string { return s.addr }

// Remove takes away what the server leaves in the file system.
func (s *EchoServer) Remove() {
	if s.cfg.Network == "unix" && s.addr[0] != '@' { // an abstract socket has no file
		os.Remove(s.addr)
	}
}

// Traits are those of its loops.
func (s *EchoServer) Traits() backends.Traits { return s.traits }

// Descriptors says whether event loops have a descriptor table of their own
// (see backends.OwnDescriptors), and if not, why; "" for blocking loops.
func (s *EchoServer) Descriptors() string { return s.table }

// Failed receives the error of the first loop that breaks.
func (s *EchoServer) Failed() <-chan error { return s.failed }

// Counters is the sum over all loops since the start.
func (s *EchoServer) Counters() backends.Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.gone
	for _, l := range s.loops {
		sum.Add(l.Counters())
	}
	return sum
}

// Accepted is how many connections have been taken from the backlog since the
// start.
func (s *EchoServer) Accepted() int { return int(s.accepted.Load()) }

// open makes a loop for the calling goroutine and counts it in.
func (s *EchoServer) open(index int) (backends.Loop, error) {
	l, err := s.backend.Open(s.cfg.LoopConfig(index, s.traits))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.loops = append(s.loops, l)
	s.mu.Unlock()
	return l, nil
}

func (s *EchoServer) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// loop runs an event loop, or the first worker of a pool, until the process ends.
func (s *EchoServer) loop(listener, index int, ready chan<- error) {
	table := "" // workers share one: they are not bound to threads
	if !s.traits.Blocking {
		table = "own"
		if err := backends.OwnDescriptors(); err != nil {
			table = "shared, " + err.Error()
		}
	}
	l, err := s.open(index)
	s.table = table
	if err == nil {
		s.accept(l, listener)
	}
	ready <- err
	if err == nil {
		s.run(l)
	}
}

// accept makes a loop serve what comes to the listener.
func (s *EchoServer) accept(l backends.Loop, listener int) {
	e := &echoLoop{server: s, loop: l, bufs: max(s.cfg.Bufs, 2)}
	e.accept = backends.Op{Code: backends.Accept, FD: int32(listener), Done: e}
	e.pause = backends.Op{Code: backends.Timeout, Off: 10e6, Done: e}
	if s.traits.Blocking && !s.traits.Spawn {
		e.worker = true
		s.idle.Add(1)
	} else {
		e.accept.Flags = backends.Multishot
	}
	e.accept.Flags |= e.fixed()
	l.Submit(&e.accept)
}

func (s *EchoServer) run(l backends.Loop) { s.fail(backends.Run(l, func() bool { return false })) }

// grow starts another worker if nobody is left to accept.
func (s *EchoServer) grow(listener int) {
	if s.idle.Add(-1) > 0 {
		return
	}
	s.mu.Lock()
	n := s.workers
	full := s.cfg.Workers > 0 && n >= s.cfg.Workers
	if !full {
		s.workers++ // before it has a loop: another connection may be accepted meanwhile
	}
	s.mu.Unlock()
	if full {
		return
	}
	go func() {
		l, err := s.open(n)
		if err != nil {
			s.fail(fmt.Errorf("start worker %d: %w", n+1, err))
			return
		}
		s.accept(l, listener)
		s.run(l)
	}()
}

// spawn serves one accepted connection on a goroutine of its own.
func (s *EchoServer) spawn(fd int32) {
	l, err := s.open(0)
	if err != nil {
		s.fail(fmt.Errorf("serve a connection: %w", err))
		return
	}
	e := &echoLoop{server: s, loop: l, bufs: max(s.cfg.Bufs, 2)}
	e.serve(fd)
	if err := backends.Run(l, func() bool { return e.served }); err != nil {
		s.fail(err)
	}
	s.mu.Lock()
	for i := range s.loops {
		if s.loops[i] == l {
			last := len(s.loops) - 1
			s.loops[i], s.loops[last] = s.loops[last], nil
			s.loops = s.loops[:last]
			break
		}
	}
	s.gone.Add(l.Counters())
	s.mu.Unlock()
	if err := l.Close(); err != nil {
		s.fail(err)
	}
}

// An echoLoop is what one loop serves.
type echoLoop struct {
	server *EchoServer
	loop   backends.Loop
	accept backends.Op
	pause  backends.Op
	free   *echoConn      // connections to use again
	sends  []*backends.Op // to use again
	held   int            // buffers of the loop's that connections have
	bufs   int            // and how many there are
	worker bool           // of a pool: one connection at a time
	served bool           // the last connection has ended
}

// Complete receives what became of accept and of the pause after a failed one.
func (e *echoLoop) Complete(c backends.Completion) {
	if c.Op == &e.pause {
		e.loop.Submit(&e.accept)
		return
	}
	if c.Res >= 0 {
		e.server.accepted.Add(1)
	}
	switch {
	case c.Res >= 0 && e.server.traits.Spawn:
		go e.server.spawn(int32(c.Res))
	case c.Res >= 0:
		if e.worker {
			e.server.grow(int(e.accept.FD))
		}
		e.serve(int32(c.Res))
	case transient(c.Res.Err()):
	default:
		// Out of descriptors or memory: connections wait in the backlog
		// until some have closed.
		if !c.More {
			e.loop.Submit(&e.pause)
		}
		return
	}
	if !c.More && !(e.worker && c.Res >= 0) {
		e.loop.Submit(&e.accept)
	}
}

// transient errors concern a connection that died before it was accepted.
func transient(err error) bool {
	return errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EPROTO) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN)
}

// fixed lets the loop keep its connections in a table of its own. A connection
// that another loop is to serve has to have a descriptor.
func (e *echoLoop) fixed() backends.Flags {
	if e.server.traits.Spawn {
		return 0
	}
	return backends.Fixed
}

func (e *echoLoop) giveBack(buf []byte) {
	e.held--
	e.loop.Recycle(buf)
}

func (e *echoLoop) serve(fd int32) {
	c := e.free
	if c != nil {
		e.free = c.spare
	} else {
		c = newEchoConn(e)
	}
	c.start(fd)
}

// release takes back a connection that has ended.
func (e *echoLoop) release(c *echoConn) {
	e.served = true
	c.spare, e.free = e.free, c
	if e.worker {
		e.server.idle.Add(1)
		e.loop.Submit(&e.accept)
	}
}
