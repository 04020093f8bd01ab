package uring

import (
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// BenchmarkNop is what the loop itself costs an op, in batches of 64.
func BenchmarkNop(b *testing.B) {
	back := &Backend{variant: backends.Variant{Family: "uring"}}
	testenv.Need(b, "uring", back.Probe())
	l, err := back.Open(backends.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var ops [64]backends.Op
	dst := make([]backends.Completion, 64)
	for b.Loop() {
		for i := range ops {
			l.Submit(&ops[i])
		}
		for n := 0; n < len(ops); {
			k, err := l.Wait(dst, len(ops)-n, -1)
			if err != nil {
				b.Fatal(err)
			}
			n += k
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/nop")
}
