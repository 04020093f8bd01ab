package stat_test

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/stat"
)

func ExampleMedian() {
	m := stat.Median([]float64{118, 121, 116, 119, 117, 120, 118})
	fmt.Printf("%.0f, %.0f to %.0f: %s\n", m.Center, m.Lo, m.Hi, m.Method())
	// Output: 118, 116 to 121: 95 % interval of the median of 7
}

func ExampleLogRatio() {
	r := stat.LogRatio([][2]float64{{103, 100}, {105, 100}, {101, 100}})
	fmt.Printf("%.3f ± %.3f, n = %d\n", r.Center, r.SE, r.N)
	// Output: 1.030 ± 0.012, n = 3
}
