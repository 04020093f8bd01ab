package workloads_test

import (
	"io"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/workloads"
)

// sending are the variants with which an echo server sends in another way, and
// the counters that show it.
var sending = map[string][]backends.Counter{
	"uring+zc":         {backends.Notifications},
	"uring+zcfixed":    {backends.Notifications, backends.FixedSends},
	"uring+link":       {backends.Links},
	"uring+link+zc":    {backends.Links, backends.Notifications},
	"uring+skip":       {backends.Links, backends.Skipped},
	"uring+sendbundle": {backends.SendBundles, backends.SendBundleBufs},
}

// Each of them acts in the echo server, by the counters of its loop, and gives
// all that it took back to its client; where it does not act there is nothing
// counted.
func TestSendingVariants(t *testing.T) {
	t.Parallel()
	all := map[backends.Counter]bool{}
	for _, cs := range sending {
		for _, c := range cs {
			all[c] = true
		}
	}
	for _, backend := range append([]string{"uring"}, keys(sending)...) {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			s := serve(t, workloads.Config{Backend: backend, Network: "tcp"})
			c := s.dial()
			pingPong(t, c, 1, 64, 64, 64, 4096, 100_000)
			// A client that reads late makes the server gather what it has received.
			want := randomBytes(5, 4<<20)
			go func() {
				_, _ = c.Write(want)
				_ = c.CloseWrite()
			}()
			time.Sleep(50 * time.Millisecond)
			got, err := io.ReadAll(c)
			if err != nil || string(got) != string(want) {
				t.Fatalf("%d of %d bytes came back, or others: %v", len(got), len(want), err)
			}
			counted := s.state().Counters
			for _, c := range sending[backend] {
				if counted[c] == 0 {
					t.Errorf("%v is 0", c)
				}
			}
			for c := range all {
				if backend == "uring" && counted[c] != 0 {
					t.Errorf("%v is %d", c, counted[c])
				}
			}
			if n := counted[backends.Copied]; n != counted[backends.Notifications] {
				t.Errorf("%d of %d zero-copy sends were copied, on loopback", n, counted[backends.Notifications])
			}
		})
	}
}

func keys(m map[string][]backends.Counter) (names []string) {
	for n := range m {
		names = append(names, n)
	}
	return names
}
