package workloads_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/workloads"
)

// In steady state a message costs the server process no allocation. Package
// net's own goroutines are not ours to judge.
func TestNoAllocationPerMessage(t *testing.T) {
	t.Parallel()
	const conns, size, messages = 16, 64, 4_800
	run := func(name string, start func(*testing.T) *server, passes int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			var cs []net.Conn
			for range conns {
				cs = append(cs, s.dial())
			}
			talk := func(messages int) {
				var wg sync.WaitGroup
				for _, c := range cs {
					wg.Add(1)
					go func() {
						defer wg.Done()
						b := make([]byte, size)
						for range messages / conns {
							if _, err := c.Write(b); err != nil {
								t.Error(err)
								return
							}
							for n := 0; n < size; {
								k, err := c.Read(b[n:])
								if err != nil {
									t.Error(err)
									return
								}
								n += k
							}
						}
					}()
				}
				wg.Wait()
			}
			talk(messages / 4) // until every queue and pool has its size
			var before, after uint64
			s.call("mallocs", &before) // the first call allocates more than the next
			s.call("mallocs", &before)
			in := s.state().Counters[backends.BytesIn]
			s.call("mallocs", &before)
			talk(messages)
			s.call("mallocs", &after)
			// The last of it is told when the loop goes to sleep.
			for end := time.Now().Add(30 * time.Second); s.state().Counters[backends.BytesIn]-in < uint64(passes)*(messages/conns*conns*size); time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("the server received %d bytes, not %d messages", s.state().Counters[backends.BytesIn]-in, messages)
				}
			}
			if got := after - before; got > 40 {
				t.Errorf("%d allocations in %d messages", got, messages)
			}
		})
	}
	for _, backend := range []string{"uring", "epoll", "threadpool", "uring+zc", "uring+skip", "uring+sendbundle", "uring+link+zc", "uring+fixedfile+recvbundle", "uring+poll+provide", "uring+regfiles"} {
		run(backend, func(t *testing.T) *server { return serve(t, workloads.Config{Backend: backend, Network: "unix"}) }, 1)
	}
	for _, backend := range []string{"uring", "epoll", "threadpool", "uring+splice", "epoll+splice", "threadpool+splice", "uring+zc", "uring+sendbundle"} {
		run("proxy/"+backend, func(t *testing.T) *server {
			o := newOrigin(t, "unix")
			o.echoes()
			return proxy(t, workloads.Config{Backend: backend, Network: "unix"}, o.Addr().String())
		}, 2)
	}
}

// Nor does a connection that comes and goes, once a pool has its workers.
func TestNoAllocationPerConnection(t *testing.T) {
	t.Parallel()
	const conns = 400
	for _, backend := range []string{"uring", "epoll", "threadpool"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			s := serve(t, workloads.Config{Backend: backend, Network: "unix", Workers: 2})
			b := []byte{1}
			visit := func(times int) {
				for range times {
					c := s.dial()
					if _, err := c.Write(b); err != nil {
						t.Fatal(err)
					}
					if _, err := c.Read(b); err != nil {
						t.Fatal(err)
					}
					c.Close()
				}
			}
			visit(conns)
			var before, after uint64
			s.call("mallocs", &before) // the first call allocates more than the next
			s.call("mallocs", &before)
			visit(conns)
			s.call("mallocs", &after)
			if got := after - before; got > 40 {
				t.Errorf("%d allocations in %d connections", got, conns)
			}
		})
	}
}
