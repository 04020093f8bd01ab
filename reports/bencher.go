package reports

import (
	"io"

	"github.com/ringbench/ringbench/internal/gate"
)

// A bencherMetric is a figure of Bencher Metric Format, whose schema is
// https://bencher.dev/bmf.json.
type bencherMetric struct {
	Value float64  `json:"value"`
	Lower *float64 `json:"lower_value,omitempty"`
	Upper *float64 `json:"upper_value,omitempty"`
}

// bencherNameMax is how long the name of a benchmark may be.
const bencherNameMax = 1024

// BencherMetrics writes head's figures in base units, by contestant and load, and
// under each by metric.
func BencherMetrics(w io.Writer, d *gate.Decision) error {
	all := map[string]map[string]bencherMetric{}
	for _, f := range figuresOf(d) {
		name := shortened(clean(f.Contestant+", "+f.Load.String()), bencherNameMax)
		if all[name] == nil {
			all[name] = map[string]bencherMetric{}
		}
		all[name][string(f.Metric)] = bencherMetric{f.Head.Center, known(f.Head.Lo), known(f.Head.Hi)}
	}
	return indented(w, all)
}
