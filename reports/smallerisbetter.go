package reports

import (
	"fmt"
	"io"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/stat"
)

// A smallerIsBetter is a figure for github-action-benchmark's tool of that name.
// https://github.com/benchmark-action/github-action-benchmark#tool-required
type smallerIsBetter struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"`
	Extra string  `json:"extra"`
}

// SmallerIsBetter writes head's figures. Of what is better the more there is, it
// writes the inverse: the time a message takes, not the messages a second.
func SmallerIsBetter(w io.Writer, d *gate.Decision) error {
	list := []smallerIsBetter{}
	for _, f := range figuresOf(d) {
		unit, of, iv := amountUnit(f.Metric, f.Load.Unit()), f.Metric.Words(f.Load.Unit().One), f.Head
		switch f.Metric {
		case compare.Throughput:
			unit, of, iv = "ns", "time a "+f.Load.Unit().One, inverse(iv, 1e9)
		case compare.CQEs:
			unit, of, iv = "", "enters a completion", inverse(iv, 1)
		case compare.RSS:
			unit = "bytes"
		case compare.P50, compare.P99, compare.P999:
			unit = "ns"
		}
		if known(iv.Center) == nil {
			continue
		}
		s := smallerIsBetter{Name: clean(fmt.Sprintf("%s: %s, %s", f.Contestant, of, f.Load)), Unit: unit, Value: iv.Center,
			Extra: fmt.Sprintf("head/base %s (%s): %s", changeOf(f), changeRangeOf(f), verdictOf(f))}
		if known(iv.Lo) != nil && known(iv.Hi) != nil {
			s.Range = figure(iv.Lo) + " to " + figure(iv.Hi)
		}
		list = append(list, s)
	}
	return indented(w, list)
}

// figuresOf are the findings of which head has a figure.
func figuresOf(d *gate.Decision) (list []*compare.Finding) {
	if d.Comparison == nil {
		return nil
	}
	for i := range d.Comparison.Findings {
		if f := &d.Comparison.Findings[i]; known(f.Head.Center) != nil {
			list = append(list, f)
		}
	}
	return list
}

// inverse is of/x.
func inverse(iv stat.Interval, of float64) stat.Interval {
	return stat.Interval{Center: of / iv.Center, Lo: of / iv.Hi, Hi: of / iv.Lo, N: iv.N}
}
