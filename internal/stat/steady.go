package stat

import (
	"math"
	"slices"
)

// A Steadiness says how a trial's throughput went, by the classes of Barrett et
// al., "Virtual machine warmup blows hot and cold", OOPSLA 2017.
type Steadiness int

const (
	// Unknown: the series is too short (fewer than 20), or has gaps.
	Unknown Steadiness = iota
	// Flat: no change that matters.
	Flat
	// WarmUp: it ends steady, and was never faster before.
	WarmUp
	// Slowdown: it ends steady, and was faster before.
	Slowdown
	// NoSteadyState: its last quarter is not steady.
	NoSteadyState
)

func (s Steadiness) String() string {
	return [...]string{"unknown", "flat", "warm-up", "slowdown", "no steady state"}[s]
}

const (
	steadyLeast = 20   // fewer values do not tell noise from steps
	steadyShare = 0.25 // of the series that must be steady at its end: the paper's 500 of 2,000
	// stepMatters is the fraction by which levels differ at all.
	stepMatters = 0.02
	// outlierFar is how many standard deviations a value may lie from its
	// neighbours' median.
	outlierFar = 3
)

// Steady classifies the throughput of a trial, given per second or per 100 ms.
// The series is cut into levels (see levels) and each is compared with the last:
// one that is within 2 % of it, or within two standard errors, is the same. It
// returns where the steady end begins, 0 if Flat, and len(series) if there is
// none. Single values that are far off, up to two in a row, are no level.
//
// Of steady series of 20 to 300 values whose noise, normal or with heavy tails, is
// correlated from value to value by up to 0.7, at most 7 % are called anything but
// Flat. A first quarter that is 20 % lower in noise of 5 % is found in 99 % of
// series of 100 values and in 56 % of those of 20; if the noise is correlated by
// 0.7, in half of those of 100. What is not found is called Flat.
func Steady(series []float64) (s Steadiness, from int) {
	n := len(series)
	if n < steadyLeast || len(finite(series)) < n {
		return Unknown, n
	}
	noise := noiseOf(series)
	x := withoutOutliers(series, noise.sd)
	starts := levels(x, noise)
	last := starts[len(starts)-1]
	level := func(i int) (mean float64, length int) {
		end := n
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		mean, _ = moments(x[starts[i]:end])
		return mean, end - starts[i]
	}
	end, endLength := level(len(starts) - 1)
	from, s = last, Flat
	same := true
	for i := len(starts) - 2; i >= 0; i-- {
		mean, length := level(i)
		standard := noise.sd * math.Sqrt(noise.inflation()*(1/float64(length)+1/float64(endLength)))
		switch {
		case math.Abs(mean-end) <= max(stepMatters*math.Abs(end), 2*standard):
			if same {
				from = starts[i]
			}
			continue
		case mean > end:
			s = Slowdown
		case s == Flat:
			s = WarmUp
		}
		same = false
	}
	if float64(n-from) < steadyShare*float64(n) {
		return NoSteadyState, n
	}
	return s, from
}

// A serial is noise of which each value keeps a part of the one before.
type serial struct{ sd, kept float64 }

// noiseOf estimates noise from the squared differences between neighbours and
// between next neighbours: the latter are greater by the part kept (Chakar et al.,
// "A robust approach for estimating change-points in the mean of an AR(1)
// process", Bernoulli 2017). The greatest fifth of them is left out, so that steps
// of level and stalls are not taken for noise.
func noiseOf(x []float64) serial {
	one, two := squaredSteps(x, 1), squaredSteps(x, 2)
	kept := 0.0
	if one > 0 {
		kept = min(max(two/one-1, 0), 0.9)
	}
	sd := math.Sqrt(one / 2 / (1 - kept))
	middle := slices.Clone(x)
	partition(middle, len(x)/2)
	return serial{max(sd, stepMatters/4*math.Abs(middle[len(x)/2])), kept}
}

// inflation is by how much the variance of a mean exceeds that of independent
// values.
func (s serial) inflation() float64 { return (1 + s.kept) / (1 - s.kept) }

// squaredSteps is the mean squared difference of values so far apart, from the
// least four fifths.
func squaredSteps(x []float64, apart int) float64 {
	steps := make([]float64, len(x)-apart)
	for i := range steps {
		d := x[i+apart] - x[i]
		steps[i] = d * d
	}
	const normal = 0.4377 // of the mean of all, where they are normal
	some := len(steps) * 4 / 5
	partition(steps, some)
	mean, _ := moments(steps[:some])
	return mean / normal
}

// partition moves the k least values of x to its beginning, in any order, and the next
// after them to x[k] (Hoare, "Algorithm 65: find", CACM 1961): less work than sorting.
func partition(x []float64, k int) {
	for lo, hi := 0, len(x)-1; lo < hi; {
		at, i, j := x[(lo+hi)/2], lo, hi
		for i <= j {
			for x[i] < at {
				i++
			}
			for x[j] > at {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return
		}
	}
}

// withoutOutliers moves what is far from the median of its five nearest to where
// far begins.
func withoutOutliers(x []float64, sd float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		near := [5]float64(x[min(max(i-2, 0), len(x)-5):])
		slices.Sort(near[:])
		y[i] = min(max(x[i], near[2]-outlierFar*sd), near[2]+outlierFar*sd)
	}
	return y
}
