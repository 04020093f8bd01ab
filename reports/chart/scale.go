package chart

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// extent is the least and the greatest of values, without those that are none or
// farther out than any that can be measured.
type extent struct{ lo, hi float64 }

// farOut bounds axes: only a damaged file has values beyond it, or below its inverse.
const farOut = 1e30

func (r *extent) add(values ...float64) {
	for _, v := range values {
		if math.Abs(v) <= farOut {
			r.lo, r.hi = min(r.lo, v), max(r.hi, v)
		}
	}
}

// ends are those of an axis that shows values within r.
func (a Axis) ends(r extent) (lo, hi float64) {
	known := r.lo <= r.hi
	switch {
	case a.From < a.To && a.From >= -farOut && a.To <= farOut && (a.Scale != Log || a.From > 0):
		return a.From, a.To
	case a.Scale == Category:
		return -0.5, float64(max(len(a.Names), 1)) - 0.5
	case a.Scale == Nines:
		return 0, max(99, min(r.hi, 100-1e-9))
	case a.Scale == Log && !(r.hi >= 1/farOut):
		return 1, 10
	case a.Scale == Log:
		return logEnds(max(r.lo, 1/farOut), r.hi)
	case !known:
		return 0, 1
	case a.Zero || r.lo >= 0 && r.lo < r.hi/3:
		if hi = max(r.hi, 0); hi == 0 {
			return 0, 1
		}
		return 0, hi * 1.04
	}
	pad := (r.hi - r.lo) * 0.06
	if pad == 0 {
		pad = max(math.Abs(r.hi)*0.1, 1/farOut)
	}
	return r.lo - pad, r.hi + pad
}

// logEnds widens lo … hi to 1, 2 or 5 times a power of ten, at least a factor
// of four apart.
func logEnds(lo, hi float64) (float64, float64) {
	if hi < 4*lo {
		lo, hi = math.Sqrt(lo*hi)/2, math.Sqrt(lo*hi)*2
	}
	down := math.Pow(10, math.Floor(math.Log10(lo)))
	for _, m := range []float64{5, 2} {
		if down*m <= lo {
			down *= m
			break
		}
	}
	up := math.Pow(10, math.Ceil(math.Log10(hi)))
	for _, m := range []float64{5, 2} {
		if up/m >= hi {
			up /= m
			break
		}
	}
	return down, up
}

// ticks are those of an axis from lo to hi, of a linear one so many intervals apart
// at most.
func (a Axis) ticks(lo, hi float64, most float64) []plot.Tick {
	switch a.Scale {
	case Log:
		return logTicks(lo, hi)
	case Nines:
		return ninesTicks(hi)
	}
	return linearTicks(lo, hi, most)
}

// linearTicks are at multiples of 1, 2 or 5 times a power of ten; one alone would tell no
// distance, so that there are more rather than that.
func linearTicks(lo, hi, most float64) (ticks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/most)))
	finer := step
	for _, m := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if (hi-lo)/step <= most {
			break
		}
		finer, step = step, step*m
	}
	if math.Floor(hi/step+1e-9) <= math.Ceil(lo/step-1e-9) {
		step = finer
	}
	first := math.Ceil(lo/step - 1e-9)
	for i := 0.0; i <= 2*most; i++ { // not by value, which may be too great to grow by a step
		v := (first+i)*step + 0 // which makes -0 0
		if v > hi+step*1e-9 {
			break
		}
		ticks = append(ticks, plot.Tick{Value: min(max(v, lo), hi), Label: short(v)})
	}
	return ticks
}

// logTicks are at 1, 2 and 5 times every power of ten, or at powers alone where
// more would not fit.
func logTicks(lo, hi float64) (ticks []plot.Tick) {
	decades := math.Log10(hi / lo)
	every := int(math.Ceil(decades / 6))
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, float64(e))
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: min(max(v, lo), hi)}
			if m == 1 && e%every == 0 || decades < 2.5 && (m == 1 || m == 2 || m == 5) {
				t.Label = short(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// nines is where percentile p stands on an axis: one step for every nine.
func nines(p float64) float64 { return -math.Log10(1 - p/100) }

func ninesTicks(hi float64) (ticks []plot.Tick) {
	for _, p := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999} {
		if p <= hi+1e-9 {
			ticks = append(ticks, plot.Tick{Value: min(p, hi), Label: "p" + strconv.FormatFloat(p, 'f', -1, 64)})
		}
	}
	return ticks
}

// A logScale is a plot.Normalizer. A value that has no logarithm has no place.
type logScale struct{}

func (logScale) Normalize(lo, hi, x float64) float64 { return math.Log(x/lo) / math.Log(hi/lo) }

// A ninesScale is a plot.Normalizer.
type ninesScale struct{}

func (ninesScale) Normalize(lo, hi, x float64) float64 {
	return (nines(x) - nines(lo)) / (nines(hi) - nines(lo))
}

// A downScale is a plot.Normalizer that runs from the top.
type downScale struct{}

func (downScale) Normalize(lo, hi, x float64) float64 { return (hi - x) / (hi - lo) }
