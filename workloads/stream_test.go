package workloads_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/workloads"
)

// streams are the backends and variants that send a file in ways of their own.
var streams = append(append([]string{}, families...), "epoll+sendfile", "threadpool+sendfile", "net-sendfile",
	"epoll+splice", "threadpool+splice", "uring+splice", "uring+link", "uring+fixedbufs", "uring+zc", "uring+link+zc",
	"uring+fixedbufs+fixedfile+zcfixed", "uring+fixedfile+splice", "epoll+readwrite", "uring+sqpoll")

// ways are one of each way, for what differs by the way and not by the variant.
var ways = []string{"uring", "epoll", "threadpool", "net", "epoll+sendfile", "uring+splice", "uring+link"}

// fileOf makes a file of that size that no test shares.
func fileOf(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = randomBytes(uint64(size), size)
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// stuckSize is more than the sockets of a client that does not read hold: by default
// a sender's takes 4 MiB at most (tcp_wmem, tcp(7)), and reading is by smallBuffer.
const stuckSize = 7 << 20

// serveFile starts a server of the first bytes of a file; all of them for -1.
func serveFile(t *testing.T, cfg workloads.Config, path string, size int64) *server {
	t.Helper()
	return start(t, "stream", cfg, func(cfg workloads.Config) any {
		return workloads.StreamConfig{Config: cfg, Path: path, Bytes: size}
	})
}

// download demands the file whole, and then the end.
func (s *server) download(want []byte) error {
	c := s.dial()
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%d of %d bytes came, or others: %w", len(got), len(want), err)
	}
	return nil
}

// Every client gets the file, byte for byte, whatever its size, how small the
// buffers are and how many clients there are; and nothing is left of them.
func TestStream(t *testing.T) {
	t.Parallel()
	for _, backend := range streams {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			sizes := []int{300_003}
			if slices.Contains(ways, backend) {
				sizes = append(sizes, 0, 64<<10)
			}
			for _, size := range sizes {
				path, content := fileOf(t, size)
				s := serveFile(t, workloads.Config{Backend: backend, Network: "tcp", Bufs: 4, BufSize: 64 << 10}, path, -1)
				if err := s.download(content); err != nil {
					t.Fatal(err)
				}
				before := s.state()
				const rounds, most = 2, 3
				var wg sync.WaitGroup
				for range most {
					wg.Go(func() {
						for range rounds {
							if err := s.download(content); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				s.backTo(before.Files + keptPipes(backend, most))
				s.counts(backends.BytesOut, uint64((rounds*most+1)*size))
			}
		})
	}
}

// counts waits until a counter of the server's says so.
func (s *server) counts(c backends.Counter, want uint64) {
	s.t.Helper()
	var now uint64
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if now = s.state().Counters[c]; now == want {
			return
		}
	}
	s.t.Errorf("the server counts %d %v, not %d", now, c, want)
}

// keptPipes is how many pipes a server keeps for the next connections, when so many
// were there at a time.
func keptPipes(backend string, conns int) int {
	if strings.Contains(backend, "+splice") {
		return conns
	}
	return 0
}

// A client that vanishes in the middle of the file, in order or by a reset, leaves
// nothing behind, and the others are served on.
func TestStreamClientsThatVanish(t *testing.T) {
	t.Parallel()
	path, content := fileOf(t, stuckSize)
	for _, backend := range append(slices.Clip(ways), "uring+fixedfile+splice", "uring+fixedbufs+fixedfile+zcfixed") {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			s := serveFile(t, workloads.Config{Backend: backend, Network: "tcp", Bufs: 16, BufSize: 64 << 10}, path, -1)
			if err := s.download(content); err != nil {
				t.Fatal(err)
			}
			before := s.state()
			const gone = 6
			for i := range gone {
				c := s.dial()
				if _, err := io.CopyN(io.Discard, c, int64(i)*200_000); err != nil {
					t.Fatal(err)
				}
				if i%2 == 0 {
					if err := c.(*net.TCPConn).SetLinger(0); err != nil {
						t.Fatal(err)
					}
				}
				c.Close()
			}
			s.backTo(before.Files + keptPipes(backend, gone))
			if err := s.download(content); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A pipe that is closed amid a file is forgotten by a loop that has registered it
// (after 64 uses, of 64 KiB each): the next has its numbers.
func TestStreamForgetsPipes(t *testing.T) {
	path, content := fileOf(t, 5<<20+stuckSize)
	s := serveFile(t, workloads.Config{Backend: "uring+splice+regfiles", Network: "tcp"}, path, -1)
	before := s.state()
	c := s.dial()
	if err := c.SetReadBuffer(smallBuffer); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, c, 5<<20); err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.backTo(before.Files)
	if err := s.download(content); err != nil {
		t.Fatal(err)
	}
	if s.state().Counters[backends.FileSlots] == 0 {
		t.Error("no descriptor was registered")
	}
}

// Clients that do not read cost the server the buffers that it has and no more,
// others are served meanwhile, and in the end they too have the file.
func TestStreamSlowClients(t *testing.T) {
	t.Parallel()
	path, content := fileOf(t, stuckSize)
	for _, backend := range append(slices.Clip(ways), "uring+zc", "uring+link+zc") {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			const slow = 2
			s := serveFile(t, workloads.Config{Backend: backend, Network: "tcp", Bufs: 64, BufSize: 16 << 10}, path, -1)
			if err := s.download(content); err != nil {
				t.Fatal(err)
			}
			before := s.state()
			var stuck []stream
			for range slow {
				c := s.dial()
				if err := c.SetReadBuffer(smallBuffer); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				stuck = append(stuck, c)
			}
			if err := s.download(content); err != nil {
				t.Fatal(err)
			}
			if grown := s.state().RSS - before.RSS; grown > 4<<10 && !underRace {
				t.Errorf("the server grew by %d KiB for %d clients that do not read", grown, slow)
			}
			var wg sync.WaitGroup
			for _, c := range stuck {
				wg.Go(func() {
					got, err := io.ReadAll(c)
					if err != nil || !bytes.Equal(got, content[1:]) {
						t.Errorf("%d of %d bytes came, or others: %v", len(got), len(content)-1, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// A file that becomes shorter is the end of the server, which says so, and of its
// connections: no client takes what it got for the whole.
func TestStreamFileMadeShorter(t *testing.T) {
	t.Parallel()
	for _, backend := range append(slices.Clip(ways), "net-sendfile", "uring+fixedbufs") {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			needBackend(t, backend)
			path, content := fileOf(t, stuckSize)
			cfg := workloads.Config{Backend: backend, Network: "tcp", Address: workloads.LoopbackAddress("tcp"), Loops: 1, Bufs: 16, BufSize: 16 << 10}
			p, err := child.Start(child.Spec{Role: "stream", Config: workloads.StreamConfig{Config: cfg, Path: path, Bytes: -1}, GoMaxProcs: 2})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Stop(2 * time.Second) })
			s := &server{t: t, cfg: cfg, proc: p}
			s.call("addr", &s.addr)
			c := s.dial()
			if err := c.SetReadBuffer(smallBuffer); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(c)
			if len(got)+1 >= len(content) {
				t.Fatalf("all %d bytes came of a file that had lost them", len(content))
			}
			<-p.Done()
			if e := p.Exit(); e.OK || !strings.Contains(e.Stderr, "it has been made shorter") {
				t.Errorf("the server ended with %s: %q", e.Status, e.Stderr)
			}
		})
	}
}

// In steady state a piece of the file costs the server no allocation.
func TestNoAllocationPerPiece(t *testing.T) {
	path, content := fileOf(t, 1<<20)
	for _, backend := range append(slices.Clip(ways), "uring+fixedbufs", "uring+link+zc") {
		if backend == "net" {
			continue
		}
		t.Run(backend, func(t *testing.T) {
			s := serveFile(t, workloads.Config{Backend: backend, Network: "tcp", Bufs: 16, BufSize: 4096}, path, -1)
			for range 3 {
				if err := s.download(content); err != nil {
					t.Fatal(err)
				}
			}
			var before, after uint64
			s.call("mallocs", &before)
			s.call("mallocs", &before)
			if err := s.download(content); err != nil {
				t.Fatal(err)
			}
			s.call("mallocs", &after)
			if got := after - before; got > 40 {
				t.Errorf("%d allocations for %d bytes", got, len(content))
			}
		})
	}
}
