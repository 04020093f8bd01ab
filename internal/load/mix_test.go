package load

import (
	"math"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/fifo"
	"github.com/ringbench/ringbench/internal/result"
)

// Sizes come as often as their weights say, by the χ² of two degrees of freedom,
// and the same ones again for the same seed and connection.
func TestMixIsDrawnByWeight(t *testing.T) {
	cfg := Config{Seed: 3, Pipeline: 4, Shares: []result.Share{{Bytes: 64, Weight: 90}, {Bytes: 1024, Weight: 9}, {Bytes: 16384, Weight: 1}}}
	m, again, other := newMix(&cfg, 5), newMix(&cfg, 5), newMix(&cfg, 6)
	const n = 200_000
	count := map[int]float64{}
	same := 0
	for range n {
		size := m.draw()
		count[size]++
		if again.draw() != size {
			t.Fatal("the same connection has other sizes")
		}
		if other.draw() == size {
			same++
		}
	}
	var distance float64
	for _, s := range cfg.Shares {
		want := n * float64(s.Weight) / 100
		distance += math.Pow(count[s.Bytes]-want, 2) / want
	}
	if distance > 13.8 || len(count) != 3 { // one in a thousand is farther off
		t.Errorf("sizes came up %v, χ² %v", count, distance)
	}
	if share := float64(same) / n; math.Abs(share-(0.9*0.9+0.09*0.09+0.01*0.01)) > 0.01 {
		t.Errorf("another connection has the same sizes in %v of its messages", share)
	}
}

// A wrong byte is said to be where it is in its message.
func TestWrongByteOfAMix(t *testing.T) {
	c := &conn{worker: &worker{}, index: 3, partial: 2, mix: &mix{out: fifo.New[int32](3)}}
	for _, n := range []int32{3, 4, 100} {
		c.mix.out.Push(n)
	}
	for at, want := range []string{"at byte 2 of", "at byte 0 of", "at byte 1 of", "at byte 2 of", "at byte 3 of", "at byte 0 of"} {
		got := make([]byte, 10)
		got[at] = 1
		if err := c.wrong(got, make([]byte, 10)); !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d: %v, want %s", at, err, want)
		}
	}
}
