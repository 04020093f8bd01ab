package stat

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// Changes finds where the level of a series changes for good: E-divisive means
// (Matteson and James, "A nonparametric approach for multiple change point analysis
// of multivariate data", JASA 2014) in windows, with Student's t in place of its
// permutations (Fleming et al., "Hunter: using change point detection to hunt for
// performance regressions", ICPE 2023), which makes it deterministic. Zero values
// are the defaults.
type Changes struct {
	// Window is how many values are looked at together, 50: a long series hides the
	// changes that were undone.
	Window int
	// Least is how many values lie between two changes, and after the last, 3: a
	// single value that is off is no level.
	Least int
	// P is what the p of a change is below, 0.001. Ten times as much lets it
	// be a candidate: what is weak by itself may be strong once the next one is seen.
	P float64
	// Magnitude is the fraction by more than which the levels differ, 0.
	Magnitude float64

	// spread of a segment, in place of its variance: for comparison with programs
	// that take another.
	spread func([]float64) float64
}

// A Change is where one begins.
type Change struct {
	Index int // of the first value of the new level
	// Before and After are the means of the levels, from the change before to the
	// change after.
	Before, After float64
	// P of there being no change, by Student's t. The point was looked for, so it is
	// less than it would be of a point that was known before.
	P float64
	// Effect is after/before, the ratio of geometric means, with its interval; NaN
	// where a value is not positive.
	Effect Interval
}

// Magnitude is by which fraction the greater level exceeds the lesser.
func (c Change) Magnitude() float64 {
	switch {
	case c.Before == c.After:
		return 0
	case c.Before == 0 || c.After == 0:
		return math.Inf(1)
	}
	return max(math.Abs(c.After/c.Before-1), math.Abs(c.Before/c.After-1))
}

// Find lists the changes of a series in its order. Values must be finite.
func (o Changes) Find(series []float64) []Change {
	o = o.defaults()
	var at []int
	for start := 0; start < len(series); {
		window := series[start:min(start+o.Window, len(series))]
		last := 0
		for _, i := range o.divide(window) {
			last = start + i
			at = append(at, last)
		}
		start = max(last, start+o.Window/2)
	}
	slices.Sort(at)
	return o.merge(series, slices.Compact(at))
}

func (o Changes) defaults() Changes {
	if o.Window == 0 {
		o.Window = 50
	}
	if o.Least == 0 {
		o.Least = 3
	}
	if o.P == 0 {
		o.P = 0.001
	}
	if o.spread == nil {
		o.spread = func(x []float64) float64 {
			_, sd := moments(x)
			return sd * sd
		}
	}
	return o
}

// divide cuts a window at the strongest candidate of all its segments, again and
// again, until that is not significant, and returns where, in order.
func (o Changes) divide(window []float64) (at []int) {
	within := distances(window)
	for {
		best, strongest := -1, math.Inf(-1)
		bounds := slices.Concat([]int{0}, at, []int{len(window)})
		var p float64
		for i, from := range bounds[:len(bounds)-1] {
			to := bounds[i+1]
			if tau, q := o.candidate(within, from, to); tau >= 0 && q > strongest {
				best, strongest = tau, q
				p = o.p(window[from:tau], window[tau:to])
			}
		}
		if best < 0 || !(p <= o.weakP()) {
			return at
		}
		at = append(at, best)
		slices.Sort(at)
	}
}

// weakP is the most that the p of a candidate may be.
func (o Changes) weakP() float64 {
	switch {
	case o.P < 0.05:
		return 10 * o.P
	case o.P < 0.5:
		return 2 * o.P
	}
	return o.P
}

// distances has at [i][j] the sum of the distances of all pairs of x[i:j].
func distances(x []float64) [][]float64 {
	n := len(x)
	within := make([][]float64, n+1)
	cells := make([]float64, (n+1)*(n+1))
	for i := range within {
		within[i] = cells[i*(n+1) : (i+1)*(n+1)]
	}
	for j := range n {
		ofJ := 0.0
		for i := j; i >= 0; i-- {
			ofJ += math.Abs(x[i] - x[j])
			within[i][j+1] = within[i][j] + ofJ
		}
	}
	return within
}

// candidate is the tau at which the divergence of [from:tau] and [tau:kappa] is
// greatest for any kappa up to to, and that divergence: Matteson and James's Q̂ of
// the means of distances, with their exponent of 1. It is -1 if there is none.
func (o Changes) candidate(within [][]float64, from, to int) (at int, q float64) {
	at, q = -1, math.Inf(-1)
	mean := func(sum float64, n int) float64 {
		if n < 2 {
			return 0
		}
		return sum / float64(n*(n-1)/2)
	}
	for tau := from + o.Least; tau <= to-o.Least; tau++ {
		n, left := tau-from, within[from][tau]
		for kappa := tau + o.Least; kappa <= to; kappa++ {
			m, right := kappa-tau, within[tau][kappa]
			nm := float64(n * m)
			across := (within[from][kappa] - left - right) / nm
			if d := nm / float64(n+m) * (2*across - mean(left, n) - mean(right, m)); d > q {
				at, q = tau, d
			}
		}
	}
	return at, q
}

// merge takes back what is too close to another, then the weakest by p and then by
// magnitude, one after the other, for each that goes changes what its neighbours are.
func (o Changes) merge(series []float64, at []int) []Change {
	for {
		found := make([]Change, len(at))
		for i, tau := range at {
			from, to := 0, len(series)
			if i > 0 {
				from = at[i-1]
			}
			if i+1 < len(at) {
				to = at[i+1]
			}
			found[i] = o.change(series, from, tau, to)
		}
		weakest := o.weakest(found, len(series))
		if weakest < 0 {
			for i := range found {
				found[i].Effect = effectOf(series, found, i)
			}
			return found
		}
		at = slices.Delete(at, weakest, weakest+1)
	}
}

func (o Changes) change(series []float64, from, tau, to int) Change {
	before, after := series[from:tau], series[tau:to]
	c := Change{Index: tau, P: o.p(before, after)}
	c.Before, _ = moments(before)
	c.After, _ = moments(after)
	return c
}

// weakest is the one to be taken back, or -1.
func (o Changes) weakest(found []Change, n int) int {
	worst := -1
	for i, c := range found { // of two that are too close the weaker
		next := n
		if i+1 < len(found) {
			next = found[i+1].Index
		}
		if next-c.Index >= o.Least {
			continue
		}
		if i+1 < len(found) && found[i+1].P > c.P {
			return i + 1
		}
		return i
	}
	for i, c := range found {
		if worst < 0 || c.P > found[worst].P {
			worst = i
		}
	}
	if worst >= 0 && found[worst].P >= o.P {
		return worst
	}
	for i, c := range found {
		if c.Magnitude() < found[worst].Magnitude() {
			worst = i
		}
	}
	if worst >= 0 && found[worst].Magnitude() <= o.Magnitude {
		return worst
	}
	return -1
}

// p of two segments having one mean, by Student's t with pooled variance; 1 if there
// are too few values to tell.
func (o Changes) p(a, b []float64) float64 {
	n, m := float64(len(a)), float64(len(b))
	if n+m <= 2 {
		return 1
	}
	meanA, _ := moments(a)
	meanB, _ := moments(b)
	variance := pooled(n, o.spreadOf(a), m, o.spreadOf(b))
	switch {
	case meanA == meanB:
		return 1
	case variance == 0:
		return 0
	}
	return 2 * stats.TDist{V: n + m - 2}.CDF(-math.Abs(meanA-meanB)/math.Sqrt(variance*(1/n+1/m)))
}

func (o Changes) spreadOf(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	return o.spread(x)
}

func pooled(n, a, m, b float64) float64 { return ((n-1)*a + (m-1)*b) / (n + m - 2) }

// effectOf is that of a change between its neighbours, by Student's t on logarithms.
func effectOf(series []float64, found []Change, i int) Interval {
	from, to := 0, len(series)
	if i > 0 {
		from = found[i-1].Index
	}
	if i+1 < len(found) {
		to = found[i+1].Index
	}
	logs := make([]float64, to-from)
	for j := range logs {
		logs[j] = math.Log(series[from+j])
	}
	before, after := logs[:found[i].Index-from], logs[found[i].Index-from:]
	n, m := float64(len(before)), float64(len(after))
	meanA, sdA := moments(before)
	meanB, sdB := moments(after)
	iv := Interval{Center: math.Exp(meanB - meanA), Lo: math.NaN(), Hi: math.NaN(), N: len(logs), Confidence: confidence}
	if math.IsInf(meanA, 0) || math.IsInf(meanB, 0) || math.IsNaN(meanA+meanB) {
		iv.Center = math.NaN()
		return iv
	}
	if n > 1 && m > 1 {
		half := student(n+m-2) * math.Sqrt(pooled(n, sdA*sdA, m, sdB*sdB)*(1/n+1/m))
		iv.Lo, iv.Hi = math.Exp(meanB-meanA-half), math.Exp(meanB-meanA+half)
	}
	return iv
}
