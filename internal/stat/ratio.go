package stat

import "math"

// A Ratio is the geometric mean of the ratios of pairs.
type Ratio struct {
	Center float64 // a/b
	// SE is the standard error of Center, from the spread of the pairs: what
	// varies from pair to pair is in it, what all pairs of a session share
	// is not. NaN for fewer than two pairs.
	SE float64
	// SD is the standard deviation of the natural logarithm of one pair's
	// ratio: about the relative spread of one pair.
	SD float64
	N  int // pairs used
}

// LogRatio compares a with b, pairs of values taken at the same moment.
// Logarithms make it symmetric: b over a is the inverse. A pair of which a
// value is not a positive number is left out.
func LogRatio(pairs [][2]float64) Ratio {
	logs := logRatios(pairs)
	r := Ratio{Center: math.NaN(), SE: math.NaN(), SD: math.NaN(), N: len(logs)}
	if len(logs) == 0 {
		return r
	}
	mean, sd := moments(logs)
	r.Center, r.SD = math.Exp(mean), sd
	r.SE = r.Center * r.SD / math.Sqrt(float64(r.N)) // delta method: d exp(x) = exp(x) dx
	return r
}

func logRatios(pairs [][2]float64) (logs []float64) {
	for _, p := range pairs {
		if positive(p[0]) && positive(p[1]) {
			logs = append(logs, math.Log(p[0]/p[1]))
		}
	}
	return logs
}

// moments are the mean of values, at least one, and their standard deviation,
// which is NaN of one.
func moments(values []float64) (mean, sd float64) {
	n := float64(len(values))
	for _, x := range values {
		mean += x
	}
	mean /= n
	if n < 2 {
		return mean, math.NaN()
	}
	var squares float64
	for _, x := range values {
		squares += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(squares / (n - 1))
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
