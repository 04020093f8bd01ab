package stat

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// confidence is the least that an Interval called "95 %" has.
const confidence = 0.95

// An Interval is a median and where it lies.
type Interval struct {
	Center, Lo, Hi float64
	N              int
	// Confidence that the true median lies between Lo and Hi, by order
	// statistics: at least 0.95, except for a Range.
	Confidence float64
	// Range says that N is too small for a 95 % interval (that takes six) and
	// that Lo and Hi are the least and the greatest value.
	Range bool
}

// Median summarises values. Without any, Center, Lo and Hi are NaN.
func Median(values []float64) Interval {
	v := finite(values)
	if len(v) == 0 {
		return Interval{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(v, &benchmath.DefaultThresholds), confidence)
	iv := Interval{Center: s.Center, Lo: s.Lo, Hi: s.Hi, N: len(v), Confidence: s.Confidence}
	if math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) {
		iv.Lo, iv.Hi, iv.Range = slices.Min(v), slices.Max(v), true
		iv.Confidence = 1 - math.Pow(0.5, float64(len(v)-1)) // all but the chance that every value fell on one side
	}
	return iv
}

// HalfWidth is half the interval as a fraction of the median.
func (iv Interval) HalfWidth() float64 { return (iv.Hi - iv.Lo) / 2 / iv.Center }

// Method names what Lo and Hi are.
func (iv Interval) Method() string {
	if iv.Range {
		return fmt.Sprintf("least and greatest of %s", Count(iv.N))
	}
	return fmt.Sprintf("95 %% interval of the median of %s", Count(iv.N))
}

func finite(values []float64) []float64 {
	v := make([]float64, 0, len(values))
	for _, x := range values {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			v = append(v, x)
		}
	}
	return v
}
