package workloads_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

// Datagrams of every size come back whole, to who sent them, from every backend
// and by each of several sockets.
func TestEchoDatagrams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		network string
		cfg     workloads.Config
		list    []string
	}{
		{"udp", workloads.Config{}, append([]string{"uring-multishot", "uring-bufring", "uring+provide", "epoll+syscall", "epoll+mmsg"}, families...)},
		{"udp6", workloads.Config{}, families},
		{"udp", workloads.Config{Loops: 2, Workers: 3}, families},
	} {
		for _, backend := range c.list {
			name := backend + "/" + c.network
			if c.cfg.Loops > 1 {
				name += "/loops"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if c.network == "udp6" {
					testenv.Need(t, "ipv6", ipv6())
				}
				cfg := c.cfg
				cfg.Backend, cfg.Network = backend, c.network
				s := serve(t, cfg)
				for i := range 12 { // some to each socket
					s.exchange(s.dialDatagrams(), uint64(i), i%4 == 0)
				}
			})
		}
	}
}

func (s *server) dialDatagrams() net.Conn {
	s.t.Helper()
	c, err := net.Dial(s.cfg.Network, s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends one datagram after the other, each again for as long as it is
// not answered: it may be lost.
func (s *server) exchange(c net.Conn, seed uint64, large bool) {
	s.t.Helper()
	sizes := []int{1, 0, 64, 1400, 0, 0, 4096, 9000}
	if large {
		sizes = append(sizes, backends.MaxDatagram-1, backends.MaxDatagram)
	}
	got := make([]byte, 1<<16)
	for i, n := range sizes {
		want := randomBytes(seed+uint64(i), n)
		for end := time.Now().Add(deadline); ; {
			if _, err := c.Write(want); err != nil {
				s.t.Fatal(err)
			}
			c.SetReadDeadline(time.Now().Add(2 * time.Second))
			k, err := c.Read(got)
			if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end) {
				continue
			}
			if err != nil {
				s.t.Fatalf("datagram of %d bytes: %v", n, err)
			}
			if bytes.Equal(got[:k], want) {
				break
			}
			if i == 0 || !bytes.Equal(got[:k], randomBytes(seed+uint64(i)-1, sizes[i-1])) { // else the one before, sent twice
				s.t.Fatalf("a datagram of %d bytes came back as %d others", n, k)
			}
		}
	}
}

// The server's answers allocate nothing.
func TestDatagramsAllocateNothing(t *testing.T) {
	for _, backend := range families {
		t.Run(backend, func(t *testing.T) {
			s := serve(t, workloads.Config{Backend: backend, Network: "udp"})
			c := s.dialDatagrams()
			var before, after uint64
			for range 20 {
				s.exchange(c, 1, false)
			}
			s.call("mallocs", &before) // the first call allocates more than the next
			s.call("mallocs", &before)
			const rounds = 100
			for range rounds {
				s.exchange(c, 1, false)
			}
			s.call("mallocs", &after)
			if n := after - before; n > 40 {
				t.Errorf("%d allocations in %d datagrams", n, 8*rounds)
			}
		})
	}
}
