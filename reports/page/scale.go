package page

import (
	"math"
	"slices"
	"strconv"

	"github.com/ringbench/ringbench/reports/chart"
)

// A scale places the values of an axis on the pixels from a to b. What page.js does
// when a reader changes it is the same, and a test in the browser holds the two
// together.
type scale struct {
	kind   chart.Scale
	lo, hi float64 // the ends, as even makes them
	a, b   float64
	ticks  []tick
}

type tick struct {
	at   float64 // a value of the axis
	text string
}

// even is where a value stands on an axis of even steps, NaN if it has no place.
func even(kind chart.Scale, v float64) float64 {
	switch kind {
	case chart.Log:
		if v <= 0 {
			return math.NaN()
		}
		return math.Log10(v)
	case chart.Nines:
		if v >= 100 {
			return math.NaN()
		}
		return -math.Log10(1 - v/100)
	}
	return v
}

// px is where v stands, NaN if it has no place.
func (s *scale) px(v float64) float64 {
	return s.a + (even(s.kind, v)-s.lo)/(s.hi-s.lo)*(s.b-s.a)
}

// within is px held between the ends.
func (s *scale) within(v float64) float64 {
	if s.kind == chart.Log && v <= 0 {
		return s.a
	}
	return max(min(s.px(v), max(s.a, s.b)), min(s.a, s.b))
}

// newScale makes an axis that holds values, or lies between its own ends, with a
// label at most every apart pixels.
func newScale(a chart.Axis, values []float64, from, to, apart float64) *scale {
	s := &scale{kind: a.Scale, a: from, b: to}
	most := max(2, math.Floor(math.Abs(to-from)/apart))
	if a.Scale == chart.Category {
		s.lo, s.hi = -0.5, float64(len(a.Names))-0.5
		for i, n := range a.Names {
			s.ticks = append(s.ticks, tick{float64(i), n})
		}
		return s
	}
	fixed := (a.From != 0 || a.To != 0) && isFigure(a.From) && isFigure(a.To)
	if fixed {
		values = []float64{a.From, a.To}
	} else if a.Zero {
		values = append(values, 0)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if e := even(a.Scale, v); isFigure(e) {
			lo, hi = min(lo, e), max(hi, e)
		}
	}
	if lo > hi {
		lo, hi = 0, 1
	}
	if !fixed {
		lo, hi = widened(a.Scale, lo, hi, most)
	} else if lo == hi {
		hi++
	}
	s.lo, s.hi = lo, hi
	s.setTicks(most)
	return s
}

func isFigure(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// widened ends an axis at round values.
func widened(kind chart.Scale, lo, hi, most float64) (float64, float64) {
	switch kind {
	case chart.Nines:
		return lo, max(hi, lo+0.5) + 0.05
	case chart.Log:
		from, to := roundDown(lo), -roundDown(-hi)
		if least := math.Log10(4); hi-lo < least { // about that, so that 1.01 does not take it to 5
			mid := (lo + hi) / 2
			from, to = min(from, roundDown(mid-least/2+0.1)), max(to, -roundDown(-mid-least/2+0.1))
		}
		return from, to
	}
	if lo == hi {
		by := max(math.Abs(hi)/2, 1e-9)
		if lo == 0 {
			by = 1
		}
		if lo != 0 {
			lo -= by
		}
		hi += by
	}
	step := stepOf(lo, hi, most)
	return math.Floor(lo/step+1e-9) * step, math.Ceil(hi/step-1e-9) * step
}

// roundDown is the logarithm of 1, 2 or 5 times a power of ten that is not above x.
// Negated at both sides it rounds up, for the inverses of the three are 1, 5 and 2.
func roundDown(x float64) float64 {
	whole := math.Floor(x + 1e-9)
	for _, m := range []float64{5, 2} {
		if whole+math.Log10(m) <= x+1e-9 {
			return whole + math.Log10(m)
		}
	}
	return whole
}

// stepOf is 1, 2 or 5 times a power of ten, so that no more than most fit.
func stepOf(lo, hi, most float64) float64 {
	raw := (hi - lo) / most
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func (s *scale) setTicks(most float64) {
	var at []float64
	switch s.kind {
	case chart.Nines:
		at = []float64{0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999}
	case chart.Log:
		at = logTicks(s.lo, s.hi, most)
	default:
		at = linearTicks(s.lo, s.hi, most)
	}
	for _, v := range at {
		if e := even(s.kind, v); e < s.lo-1e-9 || e > s.hi+1e-9 {
			continue
		}
		text := short(v)
		if s.kind == chart.Nines {
			text = strconv.FormatFloat(v, 'f', -1, 64)
		}
		s.ticks = append(s.ticks, tick{v, text})
	}
}

func linearTicks(lo, hi, most float64) (at []float64) {
	step := stepOf(lo, hi, most)
	first, last := math.Ceil(lo/step-1e-9), math.Floor(hi/step+1e-9)
	for i := 0.0; i <= most+1 && first+i <= last; i++ { // values so great that one more is the same have few
		at = append(at, (first+i)*step)
	}
	return at
}

// logTicks are at 1, 2 and 5 where there is room, else at powers of ten, and where the
// axis holds less than that, at even steps.
func logTicks(lo, hi, most float64) (at []float64) {
	every := 1.0
	each := []float64{1, 2, 5}
	if (hi-lo)*3 > most {
		each = each[:1]
		every = max(1, math.Ceil((hi-lo)/most))
	}
	for e := math.Floor(lo); e <= hi+1e-9; e++ {
		if math.Mod(e, every) != 0 {
			continue
		}
		for _, m := range each {
			at = append(at, m*math.Pow(10, e))
		}
	}
	at = slices.DeleteFunc(at, func(v float64) bool { return math.Log10(v) < lo-1e-9 || math.Log10(v) > hi+1e-9 })
	if len(at) < 2 {
		at = linearTicks(math.Pow(10, lo), math.Pow(10, hi), most)
	}
	return at
}

// short prints the value of a tick: 0, 250, 20k, 1.5M, 40µ.
func short(x float64) string {
	abs := math.Abs(x)
	factor, name := 1.0, ""
	switch {
	case abs >= 1e9:
		factor, name = 1e9, "G"
	case abs >= 1e6:
		factor, name = 1e6, "M"
	case abs >= 1e3:
		factor, name = 1e3, "k"
	case abs == 0 || abs >= 0.9999e-3:
	case abs >= 0.9999e-6:
		factor, name = 1e-6, "µ"
	default:
		factor, name = 1e-9, "n"
	}
	return strconv.FormatFloat(x/factor+0, 'g', 4, 64) + name // + 0: never -0
}
