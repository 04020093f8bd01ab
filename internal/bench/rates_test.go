package bench

import (
	"math"
	"slices"
	"testing"
)

func TestParseRates(t *testing.T) {
	for _, c := range []struct {
		text string
		want []float64 // nil: refused
	}{
		{"1000", []float64{1000}},
		{"10000,2.5e4,20k,0.5M", []float64{10_000, 25_000, 20_000, 500_000}},
		{"1k..1M:4", []float64{1e3, 1e4, 1e5, 1e6}},
		{"1k..200k:8", []float64{1000, 2130, 4540, 9690, 20_600, 44_000, 93_800, 200_000}},
		{"7,100..123456:2", []float64{7, 100, 123_456}},
		{"1000..1003:9", []float64{1000, 1003}},
		{text: ""}, {text: "fast"}, {text: "1K"}, {text: "k"}, {text: "1,,2"},
		{text: "1k..2k"}, {text: "1k..2k:"}, {text: "1k..2k:1"}, {text: "2k..1k:8"}, {text: "0..1k:8"}, {text: "1..NaN:8"},
		{text: "1..2..3:4"}, {text: "1..Inf:4"}, {text: "1k..2k:1000000000"},
	} {
		got, err := ParseRates(c.text)
		if (err != nil) != (c.want == nil) || !slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a/b-1) < 1e-12 }) {
			t.Errorf("%q: %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}
