package workloads_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ringbench/ringbench/internal/pattern"
	"github.com/ringbench/ringbench/workloads"
)

// Exchanges of all kinds, cut anywhere on their way, are answered in order with
// what was asked for; a wrong byte or a place that is none ends the connection.
func TestBulk(t *testing.T) {
	const seed, most = 5, 600_000
	p, err := pattern.New(seed, most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Free() })
	for _, backend := range families {
		t.Run(backend, func(t *testing.T) {
			s := start(t, "bulk", workloads.Config{Backend: backend, Network: "tcp"}, func(cfg workloads.Config) any {
				return workloads.BulkConfig{Config: cfg, Seed: seed}
			})
			before := s.state()
			c := s.dial()
			r := rand.New(rand.NewPCG(1, 2))
			asks := []pattern.Ask{{}, {Up: 1}, {Down: 1}, {Up: most, UpAt: pattern.Period - 1}, {Down: most, DownAt: pattern.Period - 1}, {Up: 70_000, Down: 300_000}}
			for range 20 {
				asks = append(asks, pattern.Ask{Up: r.Uint32N(9000), Down: r.Uint32N(9000), UpAt: r.Uint32N(pattern.Period), DownAt: r.Uint32N(pattern.Period)})
			}
			var out, want []byte
			for _, a := range asks {
				var head [pattern.AskSize]byte
				a.Put(&head)
				out = append(append(out, head[:]...), p.Mem[a.UpAt:a.UpAt+a.Up]...)
				want = append(want, p.Mem[a.DownAt:int(a.DownAt)+a.Answer()]...)
			}
			go func() {
				for len(out) > 0 {
					n := min(len(out), 1+r.IntN(20_000))
					if _, err := c.Write(out[:n]); err != nil {
						return
					}
					out = out[n:]
				}
				c.CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes of %d came, or others: %v", len(got), len(want), err)
			}
			c.Close()
			wrong := bytes.Clone(p.Mem[100:200])
			wrong[50] ^= 1
			for _, bad := range []struct {
				pattern.Ask
				body []byte
			}{{pattern.Ask{Up: 100, UpAt: 100}, wrong}, {pattern.Ask{Down: 1, DownAt: pattern.Period}, nil}} {
				c := s.dial()
				var head [pattern.AskSize]byte
				bad.Put(&head)
				if _, err := c.Write(append(head[:], bad.body...)); err != nil {
					t.Fatal(err)
				}
				demandEnd(t, c)
			}
			s.backTo(before.Files)
		})
	}
}
