package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/testenv"
)

// TestSoak echoes -soak messages through each of uring and epoll and demands
// every one back, in order and unchanged: the generator compares each byte with
// what belongs at that place of that connection, and at the end nothing is owed.
func TestSoak(t *testing.T) {
	messages := *soak
	if messages == 0 {
		messages = 200_000
	}
	for _, backend := range []string{"uring", "epoll"} {
		t.Run(backend, func(t *testing.T) {
			b, err := backends.Lookup(backend)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, backend, b.Probe())
			o := options(backend)
			o.echo().Conns, o.echo().Pipelines = []int{64}, []int{16}
			p := planOf(t, o)
			c, err := (&runner{plan: p}).start(t.Context(), p.Cells[0])
			if err != nil {
				t.Fatal(err)
			}
			defer c.stop()
			began := time.Now()
			startLoad(t, c)
			for said := began; ; {
				time.Sleep(50 * time.Millisecond)
				var now progress
				if err := c.client.Call(t.Context(), "progress", nil, &now); err != nil {
					t.Fatal(err)
				}
				if now.Answered >= float64(messages) {
					break
				}
				select {
				case <-c.server.Done():
					t.Fatalf("the server ended: %v", c.server.Exit())
				default:
				}
				if time.Since(said) > 30*time.Second {
					t.Logf("%.0f of %d", now.Answered, messages)
					said = time.Now()
				}
			}
			var r load.Report
			if err := c.client.Call(t.Context(), "stop", nil, &r); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			if r.Sent != r.Answered || r.Answered < messages || r.Unserved != 0 {
				t.Errorf("%d sent, %d answered, %d connections unserved", r.Sent, r.Answered, r.Unserved)
			}
			want := r.Sent * 64
			eventually(t, fmt.Sprintf("the server has counted %d bytes in and out", want), func() bool {
				n := counters(t, c)
				return n[backends.BytesIn] == want && n[backends.BytesOut] == want
			})
			t.Logf("%s: %d messages of 64 bytes on 64 connections, pipeline 16, sent, echoed and verified in %v: none lost, repeated or corrupt",
				backend, r.Answered, took.Round(time.Millisecond))
		})
	}
}
