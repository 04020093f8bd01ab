package reports

import (
	"bufio"
	"fmt"
	"io"

	"github.com/ringbench/ringbench/internal/result"
)

// Benchmarks prints the trials that count in the Go benchmark format
// (https://golang.org/design/14313-benchmark-format), each a result of the
// benchmark that its cell is: benchstat -col /backend compares contestants, and
// benchstat OLD NEW two files. An op is what the load is counted in; the number
// after the name is the machine's CPUs.
func Benchmarks(w io.Writer, s *result.Set) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "goos: linux\ngoarch: %s\n", or(clean(s.Env.Arch), result.Unknown))
	if s.Env.CPUModel != "" {
		fmt.Fprintln(b, "cpu:", clean(s.Env.CPUModel))
	}
	for _, m := range metrics {
		better := "lower"
		if m.higher {
			better = "higher"
		}
		fmt.Fprintf(b, "Unit %s better=%s\n", m.bench, better)
	}
	x := s.Index()
	for cell := range s.Plan.Cells {
		name := fmt.Sprintf("Benchmark%s-%d", benchmark(s, x, cell), max(1, s.Env.CPUs))
		for _, t := range x.Valid(cell) {
			line := fmt.Sprintf("%s %d", name, max(1, t.Messages))
			values := ""
			for _, m := range metrics {
				if x := exact(m.value(s, t)); x != "" {
					values += " " + x + " " + m.bench
				}
			}
			if values != "" {
				fmt.Fprintln(b, line+values)
			}
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
