package workloads

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// A Server runs: it accepts connections on loops of a backend and has them served
// there.
type Server struct {
	cfg     Config
	serves  func(*acceptor) func(fd int32) // see start
	backend backends.Backend
	traits  backends.Traits
	fds     []int
	addr    string
	table   string
	failed  chan error

	mu       sync.Mutex
	loops    []backends.Loop
	spare    []*acceptor  // of loops spawned, to be used again
	workers  int          // of a pool: those that run or are about to
	idle     atomic.Int32 // blocking loops that wait in accept
	accepted atomic.Int64
}

// start listens and starts the loops; it returns when all of them accept. Serves
// is called once for each loop and returns what serves a connection there; that
// calls the acceptor's ended when the connection is closed.
func start(cfg Config, serves func(*acceptor) func(fd int32)) (*Server, error) {
	b, err := backends.Lookup(cfg.Backend)
	if err != nil {
		return nil, err
	}
	if err := b.Probe(); err != nil {
		return nil, err
	}
	if err := CheckLoops(b, cfg.Loops); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, serves: serves, backend: b, traits: b.Traits(), failed: make(chan error, 1)}
	if s.traits.Blocking {
		debug.SetMaxThreads(1 << 22) // a thread a connection; Go would end the process at 10,000
	}
	if s.fds, s.addr, err = s.sockets(); err != nil {
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

// sockets opens what the loops serve, by loop: listeners, or sockets that
// datagrams come to.
func (s *Server) sockets() (fds []int, addr string, err error) {
	n := max(s.cfg.Loops, 1)
	if Datagrams(s.cfg.Network) {
		return bindDatagrams(s.cfg, s.traits)
	}
	if s.traits.Blocking {
		n = 1 // the kernel hands each connection to one of those that wait
	}
	if s.traits.HandsOver {
		fds, addr, err = listen(s.cfg.Network, s.cfg.Address, 1)
		return slices.Repeat(fds, n), addr, err
	}
	return listen(s.cfg.Network, s.cfg.Address, n)
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.addr }

// Remove takes away what the server leaves in the file system.
func (s *Server) Remove() {
	if s.cfg.Network == "unix" && s.addr[0] != '@' { // an abstract socket has no file
		os.Remove(s.addr)
	}
}

// Traits are those of its loops.
func (s *Server) Traits() backends.Traits { return s.traits }

// Descriptors says whether event loops have a descriptor table of their own
// (see backends.OwnDescriptors), and if not, why; "" for blocking loops.
func (s *Server) Descriptors() string { return s.table }

// Buffers are those of each loop.
func (s *Server) Buffers() *result.Buffers { return buffers(s.cfg.LoopConfig(0, s.traits)) }

func buffers(c backends.Config) *result.Buffers {
	return &result.Buffers{Count: c.Bufs, Bytes: c.BufSize}
}

// Failed receives the error of the first loop that breaks.
func (s *Server) Failed() <-chan error { return s.failed }

// Counters is the sum over all loops since the start.
func (s *Server) Counters() backends.Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum backends.Counters
	for _, l := range s.loops {
		sum.Add(l.Counters())
	}
	return sum
}

// Accepted is how many connections have been taken from the backlog since the
// start.
func (s *Server) Accepted() int { return int(s.accepted.Load()) }

// open makes a loop for the calling goroutine and counts it in.
func (s *Server) open(index int) (backends.Loop, error) {
	l, err := s.backend.Open(s.cfg.LoopConfig(index, s.traits))
	if err != nil {
		return nil, err
	}
	if s.cfg.Slow.Nanos > 0 || s.cfg.Slow.Beside {
		l = newSlowLoop(l, s.cfg.Slow)
	}
	s.mu.Lock()
	s.loops = append(s.loops, l)
	s.mu.Unlock()
	return l, nil
}

func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// loop runs an event loop, or the first worker of a pool, until the process ends.
func (s *Server) loop(listener, index int, ready chan<- error) {
	table := "" // workers share one: they are not bound to threads
	if !s.traits.Blocking {
		table = lockLoop(s.traits, s.cfg.pooled(s.traits))
	}
	l, err := s.open(index)
	s.table = table
	switch {
	case err != nil:
	case Datagrams(s.cfg.Network):
		s.echoDatagrams(l, listener)
	default:
		s.accept(l, listener)
	}
	ready <- err
	if err == nil {
		s.run(l)
	}
}

// accept makes a loop serve what comes to the listener.
func (s *Server) accept(l backends.Loop, listener int) {
	a := s.acceptor(l)
	a.accept = backends.Op{Code: backends.Accept, FD: int32(listener), Done: a}
	a.pause = backends.Op{Code: backends.Timeout, Off: 10e6, Done: a}
	if s.traits.Blocking && !s.traits.Spawn {
		a.worker = true
		s.idle.Add(1)
	} else {
		a.accept.Flags = backends.Multishot
	}
	a.accept.Flags |= a.fixed()
	l.Submit(&a.accept)
}

func (s *Server) acceptor(l backends.Loop) *acceptor {
	a := &acceptor{server: s, loop: l}
	a.serve = s.serves(a)
	return a
}

func (s *Server) run(l backends.Loop) { s.fail(s.serveBy(l, func() bool { return false })) }

// serveBy runs a loop until stop. A blocking loop completes one op at a time, or
// two, and there may be thousands of them, so that it is not given room for more.
func (s *Server) serveBy(l backends.Loop, stop func() bool) error {
	if s.traits.Blocking {
		return backends.RunIn(l, make([]backends.Completion, 4), stop)
	}
	return backends.Run(l, stop)
}

// grow starts another worker if nobody is left to accept.
func (s *Server) grow(listener int) {
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

// spawn serves one accepted connection on a goroutine of its own, by a loop whose
// connection has ended if there is one: with it come its buffers, which a server
// of short connections would not make anew for each.
func (s *Server) spawn(fd int32) {
	a, err := s.unused()
	if err != nil {
		s.fail(fmt.Errorf("serve a connection: %w", err))
		return
	}
	a.serve(fd)
	if err := s.serveBy(a.loop, func() bool { return a.served }); err != nil {
		s.fail(err)
		return
	}
	a.served = false
	s.mu.Lock()
	s.spare = append(s.spare, a)
	s.mu.Unlock()
}

// unused is an acceptor that serves no connection.
func (s *Server) unused() (*acceptor, error) {
	s.mu.Lock()
	if last := len(s.spare) - 1; last >= 0 {
		a := s.spare[last]
		s.spare = s.spare[:last]
		s.mu.Unlock()
		return a, nil
	}
	s.mu.Unlock()
	l, err := s.open(0)
	if err != nil {
		return nil, err
	}
	return s.acceptor(l), nil
}
