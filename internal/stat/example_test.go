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

func ExampleEffect_Verdict() {
	// Pairs of one session: a contestant beside another, and another beside itself.
	effect := stat.Compare([][2]float64{{109, 100}, {108, 101}, {107, 99}, {110, 100}, {108, 98}, {107, 100}})
	same := stat.Compare([][2]float64{{100, 101}, {99, 100}, {101, 100}, {100, 99}, {102, 100}, {98, 100}})
	floor := stat.Floor(same)
	fmt.Printf("%.3f, %.3f to %.3f, p = %.6f: %v\n", effect.Center, effect.Lo, effect.Hi, effect.P(), effect.Verdict(0.01, floor))
	fmt.Printf("floor %.1f %%, detectable %.1f %%\n", 100*floor, 100*effect.Detectable(0.01, floor))
	// Output:
	// 1.085, 1.070 to 1.100, p = 0.000023: greater
	// floor 1.6 %, detectable 2.2 %
}
