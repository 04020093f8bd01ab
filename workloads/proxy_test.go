package workloads_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

// passing are the backends, and those of them that leave the bytes in the kernel.
var passing = append(slices.Clip(families), "epoll+splice", "threadpool+splice", "uring+splice")

// proxies are they and the variants that pass bytes on in ways of their own.
var proxies = append(slices.Clip(passing),
	"uring+fixedfile", "uring+fixedfile+splice", "uring+fixedfile+recvbundle", "uring+sendbundle", "uring+zc", "uring+link", "uring+skip", "uring+oneshot", "uring+poll", "epoll+readwrite")

// An origin is the server behind a proxy, by package net.
type origin struct {
	net.Listener
	t     *testing.T
	conns chan stream
}

// newOrigin listens; what each connection does is up to the test.
func newOrigin(t *testing.T, network string) *origin {
	t.Helper()
	l, err := net.Listen(network, workloads.LoopbackAddress(network))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	o := &origin{l, t, make(chan stream, 4096)}
	go func() {
		defer close(o.conns)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.conns <- c.(stream)
		}
	}()
	return o
}

// next is the connection that the proxy dialled next.
func (o *origin) next() stream {
	o.t.Helper()
	select {
	case c, ok := <-o.conns:
		if !ok {
			o.t.Fatal("the origin was closed")
		}
		c.SetDeadline(time.Now().Add(deadline))
		o.t.Cleanup(func() { c.Close() })
		return c
	case <-time.After(deadline):
		o.t.Fatal("the proxy did not dial")
	}
	return nil
}

// echoes has all connections echo.
func (o *origin) echoes() {
	go func() {
		for c := range o.conns {
			go func() {
				defer c.Close()
				if _, err := io.Copy(c, c); err == nil {
					c.CloseWrite()
				}
			}()
		}
	}()
}

// proxy starts a proxy of that origin.
func proxy(t *testing.T, cfg workloads.Config, origin string) *server {
	t.Helper()
	return start(t, "proxy", cfg, func(cfg workloads.Config) any {
		return workloads.ProxyConfig{Config: cfg, Origin: origin}
	})
}

// With an origin that echoes, a proxy passes for an echo server.
func TestProxy(t *testing.T) {
	t.Parallel()
	small := workloads.Config{Bufs: 4, BufSize: 513}
	for _, c := range []struct {
		name, network string
		cfg           workloads.Config
		backends      []string
	}{
		{"default", "tcp", workloads.Config{}, proxies},
		{"small", "tcp", small, append(slices.Clip(passing), "uring+fixedfile+recvbundle")},
		{"default", "unix", workloads.Config{}, families},
		{"default", "tcp6", workloads.Config{}, []string{"uring", "epoll"}},
		{"loops", "tcp", workloads.Config{Loops: 2}, families},
	} {
		for _, backend := range c.backends {
			t.Run(backend+"/"+c.network+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				if c.network == "tcp6" {
					testenv.Need(t, "ipv6", ipv6())
				}
				o := newOrigin(t, c.network)
				o.echoes()
				cfg := c.cfg
				cfg.Backend, cfg.Network = backend, c.network
				proxy(t, cfg, o.Addr().String()).pass(echoChecks)
			})
		}
	}
}

// Many connections at once: none gets another's bytes.
func TestProxyConnections(t *testing.T) {
	for _, backend := range passing {
		conns := 100
		if backend == "uring" || backend == "epoll" {
			conns = 1000
		}
		t.Run(fmt.Sprintf("%s/%d", backend, conns), func(t *testing.T) {
			o := newOrigin(t, "unix")
			o.echoes()
			s := proxy(t, workloads.Config{Backend: backend, Network: "unix"}, o.Addr().String())
			before := s.state()
			var wg sync.WaitGroup
			var cs []stream
			for i := range conns {
				c := s.dial()
				cs = append(cs, c)
				wg.Go(func() { pingPong(t, c, uint64(i), 10, 100, 5000) })
			}
			wg.Wait()
			for _, c := range cs {
				c.Close()
			}
			s.backTo(before.Files)
		})
	}
}

// More bytes on their way up than there are buffers, to an origin that reads no
// more than it can answer: the answers find buffers all the same.
func TestProxyFewBuffers(t *testing.T) {
	t.Parallel()
	for _, backend := range append(slices.Clip(families), "uring+sendbundle", "uring+zc", "uring+link", "epoll+readwrite") {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, "unix")
			o.echoes()
			s := proxy(t, workloads.Config{Backend: backend, Network: "unix", Bufs: 8, BufSize: 4096}, o.Addr().String())
			before := s.state()
			const size = 1 << 20
			all := make([]stream, 12)
			for i := range all {
				all[i] = s.dial()
			}
			var wg sync.WaitGroup
			for i, c := range all {
				wg.Go(func() { pingPong(t, c, uint64(i), size, size) })
			}
			wg.Wait()
			for _, c := range all {
				c.Close()
			}
			s.backTo(before.Files)
		})
	}
}

// Small messages do not wait for delayed acknowledgements (tcp(7), TCP_NODELAY).
// The second of two, sent when the first has come and is not answered, would wait
// 40 ms for the first one's acknowledgement in each round but the first; a busy
// machine is as late in some. So a quarter of the rounds is to be quicker.
func TestProxyDoesNotStall(t *testing.T) {
	t.Parallel()
	const rounds, late = 40, 35 * time.Millisecond
	for _, backend := range proxies {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/up=%v", backend, up), func(t *testing.T) {
				t.Parallel()
				o := newOrigin(t, "tcp")
				s := proxy(t, workloads.Config{Backend: backend, Network: "tcp"}, o.Addr().String())
				from, to := s.dial(), o.next()
				if !up {
					from, to = to, from
				}
				b := make([]byte, 1)
				pass := func(from, to stream) time.Duration {
					began := time.Now()
					if _, err := from.Write(b); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(to, b); err != nil {
						t.Fatal(err)
					}
					return time.Since(began)
				}
				quick := 0
				for range rounds {
					pass(from, to)
					if pass(from, to) < late {
						quick++
					}
					pass(to, from)
				}
				if quick < rounds/4 {
					t.Errorf("the second of two messages takes less than %v in %d of %d rounds", late, quick, rounds)
				}
			})
		}
	}
}

// Each side may end first, and is still sent what the other has to say.
func TestProxyHalfClose(t *testing.T) {
	t.Parallel()
	for _, backend := range proxies {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, "tcp")
			s := proxy(t, workloads.Config{Backend: backend, Network: "tcp"}, o.Addr().String())
			before := s.state()
			for i := range 6 {
				client := s.dial()
				first, second := client, o.next()
				if i%2 == 1 {
					first, second = second, first
				}
				say := func(from, to stream, n int) {
					t.Helper()
					want := randomBytes(uint64(i), n)
					go func() {
						from.Write(want)
						from.CloseWrite()
					}()
					got, err := io.ReadAll(to)
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("%d bytes and the end sent: %d bytes came, error %v", n, len(got), err)
					}
				}
				say(first, second, 100_000*(i/2))
				say(second, first, 70_000*(i/2))
				first.Close()
				second.Close()
			}
			s.backTo(before.Files)
		})
	}
}

// The pipe of a connection that has ended is forgotten by a loop that has registered
// it: the next has its numbers.
func TestProxyForgetsPipes(t *testing.T) {
	o := newOrigin(t, "tcp")
	o.echoes()
	s := proxy(t, workloads.Config{Backend: "uring+splice+regfiles", Network: "tcp"}, o.Addr().String())
	sizes := make([]int, 100) // each by a splice or more
	for i := range sizes {
		sizes[i] = 1000
	}
	for i := range 3 {
		c := s.dial()
		pingPong(t, c, uint64(i), sizes...)
		c.Close()
	}
	if s.state().Counters[backends.FileSlots] == 0 {
		t.Error("no descriptor was registered")
	}
}

// A side that does not read holds the other back, and the proxy's memory is
// bounded; all arrives in the end.
func TestProxyBackpressure(t *testing.T) {
	t.Parallel()
	for _, backend := range append(slices.Clip(passing), "uring+fixedfile+recvbundle", "uring+zc") {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/up=%v", backend, up), func(t *testing.T) {
				t.Parallel()
				o := newOrigin(t, "tcp")
				s := proxy(t, workloads.Config{Backend: backend, Network: "tcp"}, o.Addr().String())
				from, to := s.dial(), o.next()
				if !up {
					from, to = to, from
				}
				if err := to.SetReadBuffer(smallBuffer); err != nil {
					t.Fatal(err)
				}
				before := s.state()
				want := flood()
				sent := stuff(t, from, want)
				if grown := s.state().RSS - before.RSS; grown > 4<<10 && !underRace {
					t.Errorf("the proxy grew by %d KiB while nothing was read", grown)
				}
				if backend != "net" { // which counts a Copy when it ends
					n := s.state().Counters
					if held := int(n[backends.BytesIn] - n[backends.BytesOut]); held < 0 || held > 1<<20 {
						t.Errorf("the proxy holds %d bytes", held)
					}
				}
				from.CloseWrite()
				got, err := io.ReadAll(to)
				if err != nil || !bytes.Equal(got, want[:sent]) {
					t.Fatalf("%d of %d bytes came, or others: %v", len(got), sent, err)
				}
			})
		}
	}
}

// An origin that refuses or resets costs the connection that it concerns and
// nothing else.
func TestProxyOriginFails(t *testing.T) {
	t.Parallel()
	for _, backend := range proxies {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, "tcp")
			s := proxy(t, workloads.Config{Backend: backend, Network: "tcp"}, o.Addr().String())
			before := s.state()
			client, peer := s.dial(), o.next()
			talk := func() {
				t.Helper()
				go io.CopyN(peer, peer, 1000)
				pingPong(t, client, 9, 1000)
			}
			talk()
			for i := range 10 { // reset while bytes are on their way in both directions
				c, p := s.dial(), o.next()
				go c.Write(randomBytes(uint64(i), 300_000))
				if i%2 == 0 {
					if _, err := io.ReadFull(p, make([]byte, 1000)); err != nil {
						t.Fatal(err)
					}
					go p.Write(randomBytes(uint64(i), 300_000))
				}
				p.(*net.TCPConn).SetLinger(0)
				p.Close()
				demandEnd(t, c)
				talk()
			}
			o.Close()
			for range 10 {
				demandEnd(t, s.dial())
				talk()
			}
			client.Close()
			peer.Close()
			s.backTo(before.Files)
		})
	}
}

// demandEnd reads until the server closes or resets the connection.
func demandEnd(t *testing.T, c stream) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	c.Close()
}

// A connection that its client resets is reset at the origin, which need not
// answer it any more.
func TestProxyClientFails(t *testing.T) {
	t.Parallel()
	for _, backend := range proxies {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, "tcp")
			s := proxy(t, workloads.Config{Backend: backend, Network: "tcp"}, o.Addr().String())
			before := s.state()
			for range 10 {
				c := s.dial()
				c.(*net.TCPConn).SetLinger(0)
				c.Close() // perhaps while the proxy dials
			}
			for range 3 {
				c := s.dial()
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				var p stream
				for n := 0; n == 0; { // the others' connections end, if they came to be
					p = o.next()
					n, _ = p.Read(make([]byte, 1))
				}
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
				if _, err := p.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Fatalf("the origin was not reset: %v", err)
				}
			}
			s.backTo(before.Files)
		})
	}
}
