package workloads_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/workloads"
)

// checkBackpressure: a client that only sends is held back, and what the server
// keeps for it is bounded by its buffers. All of it arrives in the end.
func checkBackpressure(s *server) {
	before := s.state()
	c := s.dial()
	want := flood()
	sent := stuff(s.t, c, want)
	want = want[:min(len(want), sent+1<<20)]
	st := s.state()
	held := int(st.Counters[backends.BytesIn]-before.Counters[backends.BytesIn]) - int(st.Counters[backends.BytesOut]-before.Counters[backends.BytesOut])
	// What was on its way before may count now. What comes before the receive is
	// called off is as much as the loop has buffers, beside what is copied from them.
	if most := 2 * s.cfg.Bufs * s.cfg.BufSize; held < -(4<<10) || held > most {
		s.t.Errorf("the server holds %d bytes of one client, more than %d", held, most)
	}
	if grown := st.RSS - before.RSS; grown > 6<<10 && !underRace {
		s.t.Errorf("the server grew by %d KiB while its client did not read", grown)
	}
	rest := make(chan error, 1)
	go func() {
		_, err := c.Write(want[sent:])
		rest <- errors.Join(err, c.CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err != nil || len(got) != len(want) {
		s.t.Fatalf("%d of %d bytes came back: %v", len(got), len(want), err)
	}
	if err := <-rest; err != nil {
		s.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		s.t.Fatal("the bytes came back changed or in another order")
	}
	c.Close()
}

// flood is more than a server and the kernel take while nothing is read: TCP's
// buffers grow with what a proxy takes from them at a time, up to the limits of
// net.ipv4.tcp_rmem and tcp_wmem, 32 MiB and 4 MiB by default.
var flood = sync.OnceValue(func() []byte { return randomBytes(77, 40<<20) })

// smallBuffer is a client's socket buffer: so small that the server is soon held
// back, not so small that TCP falls into waiting for delayed acknowledgements.
const smallBuffer = 64 << 10

// stuff sends all that the server and the kernel will take while nothing is
// read, with small socket buffers of the client's own.
func stuff(t testing.TB, c stream, b []byte) (sent int) {
	t.Helper()
	if err := errors.Join(c.SetReadBuffer(smallBuffer), c.SetWriteBuffer(smallBuffer)); err != nil {
		t.Fatal(err)
	}
	for sent < len(b) {
		c.SetWriteDeadline(time.Now().Add(30 * time.Millisecond))
		n, err := c.Write(b[sent:min(len(b), sent+1<<20)])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if n == 0 {
				break
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.SetWriteDeadline(time.Now().Add(deadline))
	if sent == len(b) {
		t.Fatalf("the server and the kernel took all of %d bytes although nothing was read", sent)
	}
	return sent
}

// Clients that send and do not read beside one that does: it is served.
func TestSlowReadersDoNotStarveOthers(t *testing.T) {
	t.Parallel()
	for _, backend := range families {
		for _, slow := range []int{1, 24} {
			t.Run(fmt.Sprintf("%s/%d", backend, slow), func(t *testing.T) {
				t.Parallel()
				// Each of them may hold maxQueued buffers and what arrived
				// before its receive was called off: the kernel serves one
				// connection up to 32 times in a row (MULTISHOT_MAX_RETRY in
				// io_uring/net.c). Fewer buffers than that would all be theirs.
				s := serve(t, workloads.Config{Backend: backend, Network: "unix", Bufs: max(256, 64*slow), BufSize: 4096})
				bulk := flood()[:4<<20]
				var wg sync.WaitGroup
				stuck := make([]stream, slow)
				sent := make([]int, slow)
				for i := range slow {
					stuck[i] = s.dial()
					wg.Add(1)
					go func() { defer wg.Done(); sent[i] = stuff(t, stuck[i], bulk) }()
				}
				wg.Wait()
				fast := s.dial()
				fast.SetDeadline(time.Now().Add(60 * time.Second))
				for i := range 100 {
					pingPong(t, fast, uint64(i), 100)
				}
				for i, c := range stuck { // and none of the others has lost anything
					if err := c.CloseWrite(); err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(c)
					if err != nil || !bytes.Equal(got, bulk[:sent[i]]) {
						t.Fatalf("slow client %d sent %d bytes and got %d: %v", i, sent[i], len(got), err)
					}
				}
			})
		}
	}
}
