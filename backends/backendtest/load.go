package backendtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ringbench/ringbench/backends"
)

var loadChecks = []check{
	{"many-small-arrivals", false, smallArrivals},
	{"many-echoes", false, manyEchoes},
}

// smallArrivals sends very many small pieces to one multishot receive: they
// arrive in order, and it goes on until the end of the stream.
func smallArrivals(t *testing.T, b backends.Backend) {
	const pieces = 2000
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := open(t, b, backends.Config{Entries: 8, Bufs: 4, BufSize: 256})
			fd, p := r.pair(network)
			op := r.recvOp(fd, multishot, 0)
			r.submit(op)
			total := make(chan int, 1)
			go func() {
				rng := rand.New(rand.NewPCG(1, 2))
				msg := make([]byte, 100)
				offset := 0
				for range pieces {
					n := 1 + rng.IntN(len(msg))
					pattern(msg[:n], 20, offset)
					if _, err := p.Write(msg[:n]); err != nil {
						break
					}
					offset += n
				}
				p.CloseWrite()
				total <- offset
			}()
			got := 0
			for {
				c := r.nextOf(op)
				if c.Res == 0 {
					if c.More {
						t.Fatal("more after the end of the stream")
					}
					break
				}
				if c.Res < 0 || !c.More {
					t.Fatalf("after %d bytes: result %d (%v), more %v", got, c.Res, c.Res.Err(), c.More)
				}
				got += r.keep(c, multishot, 20, got)
			}
			if n := <-total; got != n {
				t.Errorf("%d bytes were sent and %d arrived", n, got)
			}
		})
	}
}

// manyEchoes serves many connections on one loop, accepted by a multishot, each
// with bursts of its own, few buffers and a queue smaller than their number.
func manyEchoes(t *testing.T, b backends.Backend) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			const conns = 24
			r := open(t, b, backends.Config{Entries: 8, Bufs: 16, BufSize: 1024})
			l, addr := r.listen()
			s := &echoServer{rig: r, mode: m}
			s.accept = backends.Op{Code: backends.Accept, FD: l, Flags: backends.Multishot, Done: s}
			r.submit(&s.accept)
			done := make(chan error, conns)
			for i := range conns {
				p := r.dial(addr)
				go func() { done <- burst(p, i) }()
			}
			err := backends.Run(r.loop, func() bool { return s.ended(conns) })
			if err != nil {
				t.Fatal(err)
			}
			for range conns {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			c := r.loop.Counters()
			if c[backends.BytesIn] != uint64(s.total()) || c[backends.BytesOut] != uint64(s.total()) {
				t.Errorf("%d bytes were echoed; the counters say %d in and %d out",
					s.total(), c[backends.BytesIn], c[backends.BytesOut])
			}
		})
	}
}

type echoServer struct {
	*rig
	mode   mode
	accept backends.Op
	echoes []*echo
}

func (s *echoServer) Complete(c *backends.Completion) {
	fd := s.adopt(*c)
	var own []byte
	if s.mode == ownBuffer {
		own = s.buf(1024)
	}
	s.echoes = append(s.echoes, newEcho(s.loop, fd, s.mode, own))
}

func (s *echoServer) ended(conns int) bool {
	for _, e := range s.echoes {
		if !e.ended {
			return false
		}
	}
	return len(s.echoes) == conns
}

func (s *echoServer) total() (n int) {
	for _, e := range s.echoes {
		n += e.total
	}
	return n
}

// burst sends messages in pieces that do not match any buffer.
func burst(p peer, stream int) error {
	offset := 0
	for i := range 4 {
		n := 1 + (stream*7919+i*104729)%7000
		if err := exchange(p, stream, offset, n, 1+(stream*31+i*17)%3000); err != nil {
			p.Close()
			return fmt.Errorf("connection %d: %w", stream, err)
		}
		offset += n
	}
	return p.CloseWrite()
}
