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
	var logs []float64
	for _, p := range pairs {
		if positive(p[0]) && positive(p[1]) {
			logs = append(logs, math.Log(p[0]/p[1]))
		}
	}
	n := float64(len(logs))
	r := Ratio{Center: math.NaN(), SE: math.NaN(), SD: math.NaN(), N: len(logs)}
	if n == 0 {
		return r
	}
	var sum float64
	for _, x := range logs {
		sum += x
	}
	mean := sum / n
	r.Center = math.Exp(mean)
	if n < 2 {
		return r
	}
	var squares float64
	for _, x := range logs {
		squares += (x - mean) * (x - mean)
	}
	r.SD = math.Sqrt(squares / (n - 1))
	r.SE = r.Center * r.SD / math.Sqrt(n) // delta method: d exp(x) = exp(x) dx
	return r
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
