package workloads_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

// deadline ends whatever a server leaves hanging.
const deadline = 3 * time.Minute

// A stream is a client's connection of package net, which shares no code with
// the server.
type stream interface {
	net.Conn
	CloseWrite() error
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
}

func (s *server) dial() stream {
	s.t.Helper()
	network := s.cfg.Network
	c, err := net.DialTimeout(network, s.addr, deadline)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c.(stream)
}

func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// pingPong sends each size as one message and demands it back before the next.
func pingPong(t testing.TB, c net.Conn, seed uint64, sizes ...int) {
	t.Helper()
	for i, n := range sizes {
		want := randomBytes(seed+uint64(i), n)
		sent := make(chan error, 1)
		go func() { _, err := c.Write(want); sent <- err }()
		got := make([]byte, n)
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatalf("message of %d bytes: read: %v", n, err)
		}
		if err := <-sent; err != nil {
			t.Fatalf("message of %d bytes: write: %v", n, err)
		}
		if sha256.Sum256(got) != sha256.Sum256(want) {
			t.Fatalf("message of %d bytes came back changed", n)
		}
	}
}

// The sockets under test: every backend with room to spare and with four buffers
// of odd size; each family of them on every network, too, and with two loops.
func TestEcho(t *testing.T) {
	t.Parallel()
	room, small, loops := workloads.Config{}, workloads.Config{Bufs: 4, BufSize: 513}, workloads.Config{Loops: 2}
	for _, c := range []struct {
		name, network string
		cfg           workloads.Config
		backends      []string
	}{
		{"default", "tcp", room, append(keys(sending), families...)},
		{"small", "tcp", small, append(keys(sending), families...)},
		{"small", "unix", small, append(keys(sending), families...)},
		{"default", "unix", room, families},
		{"default", "tcp6", room, families},
		{"loops", "tcp", loops, families},
		{"loops", "unix", loops, families},
	} {
		for _, backend := range c.backends {
			t.Run(backend+"/"+c.network+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				if c.network == "tcp6" {
					testenv.Need(t, "ipv6", ipv6())
				}
				cfg := c.cfg
				cfg.Backend, cfg.Network = backend, c.network
				checkEcho(t, cfg)
			})
		}
	}
}

// Variants that receive in another way, with few buffers, so that each is used
// again and again; and with ways to send that touch on it.
func TestEchoVariants(t *testing.T) {
	t.Parallel()
	for _, x := range [][2]string{
		{"uring+inc", "unix"}, {"uring+recvbundle", "tcp"}, {"uring+provide", "unix"}, {"uring+poll", "tcp"}, {"uring+poll", "unix"},
		{"uring+oneshot", "tcp"}, {"uring+pollfirst", "unix"}, {"uring+fixedfile+inc+recvbundle", "tcp"},
		{"uring+fixedfile+zcfixed", "tcp"}, {"uring+fixedfile+skip", "unix"}, {"uring+fixedfile+sendbundle", "tcp"},
		{"uring+link+provide", "tcp"}, {"uring+inc+sendbundle", "tcp"}, {"uring+regfiles", "tcp"},
	} {
		t.Run(x[0]+"/"+x[1], func(t *testing.T) {
			t.Parallel()
			checkEcho(t, workloads.Config{Backend: x[0], Network: x[1], Bufs: 4, BufSize: 513})
		})
	}
}

func checkEcho(t *testing.T, cfg workloads.Config) {
	checks := echoChecks
	if cfg.Loops < 2 && cfg.Network != "tcp6" { // one connection, on one loop
		checks = append(slices.Clip(checks), check{"backpressure", checkBackpressure})
	}
	serve(t, cfg).pass(checks)
}

// A check is a part of what a server is to do.
type check struct {
	name string
	run  func(*server)
}

// echoChecks are for whatever echoes, be it by another server's help.
var echoChecks = []check{{"sizes", checkSizes}, {"half-close", checkHalfClose}, {"reset", checkReset}, {"churn", checkChurn}}

// pass has the server pass checks, and have no descriptor more than before.
func (s *server) pass(checks []check) {
	before := s.state()
	for _, c := range checks {
		s.t.Run(c.name, func(t *testing.T) {
			inner := *s
			inner.t = t
			c.run(&inner)
		})
	}
	s.backTo(before.Files)
}

// Connections in the table of a ring take no descriptors.
func TestFixedFiles(t *testing.T) {
	for backend, each := range map[string]int{"uring+fixedfile": 0, "uring": 1} {
		s := serve(t, workloads.Config{Backend: backend, Network: "tcp"})
		const conns = 20
		before := s.state().Files
		for i := range conns {
			pingPong(t, s.dial(), uint64(i), 64)
		}
		if n := s.state().Files - before; n != each*conns {
			t.Errorf("%s: %d connections took %d descriptors", backend, conns, n)
		}
	}
}

// Of connections that one loop accepts, others are handed their share, whichever
// way; and nothing is left of them.
func TestHandover(t *testing.T) {
	for backend, network := range map[string]string{"uring+msgring": "tcp", "uring+fixedfile+msgring": "unix"} {
		cfg := workloads.Config{Backend: backend, Network: network, Loops: 1, Address: workloads.LoopbackAddress(network), BufSize: 1, Bufs: 1}
		if _, err := workloads.StartEcho(cfg); err == nil || !strings.Contains(err.Error(), "--loops=1") {
			t.Errorf("%s: one loop: %v", backend, err)
		}
		s := serve(t, workloads.Config{Backend: backend, Network: network, Loops: 3})
		before := s.state()
		const conns = 9
		var cs []stream
		for i := range conns {
			c := s.dial()
			pingPong(t, c, uint64(i), 64)
			cs = append(cs, c)
		}
		st := s.state()
		for end := time.Now().Add(deadline); st.Counters[backends.Handovers] < conns*2/3 && time.Now().Before(end); st = s.state() {
			time.Sleep(time.Millisecond) // the loop that accepts may yet have to hear of the last
		}
		if n := st.Counters[backends.Handovers]; n != conns*2/3 || st.Counters[backends.KeptConns] != 0 {
			t.Errorf("%s: %d of %d connections were handed over", backend, n, conns)
		}
		for _, c := range cs {
			c.Close()
		}
		s.backTo(before.Files)
	}
}

// ipv6 is nil where the loopback interface has an address of that kind.
func ipv6() error {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return err
	}
	return l.Close()
}

// backTo waits until the server has no more sockets and pipes open than that.
func (s *server) backTo(files int) {
	s.t.Helper()
	var now int
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if now = s.state().Files; now <= files {
			return
		}
	}
	s.t.Errorf("%d sockets and pipes before, %d when all clients were gone", files, now)
}

func checkSizes(s *server) {
	c := s.dial()
	pingPong(s.t, c, 1, 1, 2, 63, 64, 65, 512, 513, 514, 4095, 4096, 4097, 65535, 65537, 300_003)
	c.Close()
}

// checkHalfClose: what was sent before the end comes back after it.
func checkHalfClose(s *server) {
	for _, n := range []int{0, 1, 4096, 100_003} {
		c := s.dial()
		want := randomBytes(uint64(n), n)
		if _, err := c.Write(want); err != nil {
			s.t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			s.t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) {
			s.t.Fatalf("%d bytes and the end sent: %d bytes came back, error %v", n, len(got), err)
		}
		c.Close()
	}
}

// checkReset: connections that are reset while bytes are on their way in both
// directions harm no other.
func checkReset(s *server) {
	steady := s.dial()
	for i := range 20 {
		c := s.dial()
		if _, err := c.Write(randomBytes(uint64(i), 30_000)); err != nil {
			s.t.Fatal(err)
		}
		if i%2 == 0 { // some of the echo is there, else it may just start
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				s.t.Fatal(err)
			}
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.Close() // a Unix socket with unread bytes resets by itself
		pingPong(s.t, steady, uint64(i), 100)
	}
	steady.Close()
}

// checkChurn: connections come and go, so that descriptor numbers and the
// server's own connections are used again.
func checkChurn(s *server) {
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 25 {
				if err := oneVisit(s, uint64(worker*100+i)); err != nil {
					s.t.Errorf("visit %d of client %d: %v", i, worker, err)
					return
				}
			}
		}()
	}
	wg.Wait()
}

func oneVisit(s *server, seed uint64) error {
	c, err := net.DialTimeout(s.cfg.Network, s.addr, deadline)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(deadline))
	want := randomBytes(seed, 10+int(seed*37)%700)
	if _, err := c.Write(want); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("the bytes came back changed")
	}
	return nil
}

// Two workers and five connections: two are served, three wait; when one ends
// the next is served.
func TestWorkersLimit(t *testing.T) {
	s := serve(t, workloads.Config{Backend: "threadpool", Network: "tcp", Workers: 2})
	const conns = 5
	answered := make(chan int, conns)
	var cs []stream
	for i := range conns {
		c := s.dial()
		cs = append(cs, c)
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		go func() {
			var b [1]byte
			if _, err := io.ReadFull(c, b[:]); err == nil && b[0] == byte(i) {
				answered <- i
			}
		}()
	}
	served := map[int]bool{}
	next := func(what string) {
		t.Helper()
		select {
		case i := <-answered:
			served[i] = true
		case <-time.After(60 * time.Second):
			t.Fatalf("nobody was served %s", what)
		}
	}
	next("at first")
	next("second")
	for range conns - 2 {
		select {
		case i := <-answered:
			t.Fatalf("connection %d was served by a third worker", i)
		case <-time.After(100 * time.Millisecond):
		}
		for i := range served { // one of those being served goes
			cs[i].Close()
			delete(served, i)
			break
		}
		next("when another had gone")
	}
}
