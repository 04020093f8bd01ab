package load

import (
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
)

// What the generator takes for a message on the backend that costs next to nothing,
// within a window.
func BenchmarkMessage(b *testing.B) {
	g, err := Connect(Config{Backend: "null", Network: "tcp", Conns: 64, Size: 64, Pipeline: 1, Loops: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	begin := Monotonic()
	g.Start(Window{Start: begin, Open: begin, Close: begin + int64(time.Hour)})
	for g.Progress() == 0 {
		time.Sleep(time.Microsecond)
	}
	b.ResetTimer()
	for target := g.Progress() + float64(b.N); g.Progress() < target; {
		time.Sleep(10 * time.Microsecond)
	}
	b.StopTimer()
	if _, err := g.Stop(); err != nil {
		b.Fatal(err)
	}
}

// What counting a message by intervals adds to that.
func BenchmarkSeries(b *testing.B) {
	now := backends.Nanotime()
	s := NewSeries(Window{Start: now, Open: now, Close: now + int64(time.Hour)})
	for b.Loop() {
		s.Add(now, 1)
	}
}
