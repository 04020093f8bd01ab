package stat

import (
	"math"
	"slices"
)

// hodgesLehmann estimates where values lie that are spread symmetrically: the
// median of the means of all their pairs, each with itself too. Its interval is
// between those means that Wilcoxon's signed-rank test at 5 % does not reject,
// so that its Confidence is at least 0.95 for any symmetric distribution. Fewer
// than six values give no such interval: Lo and Hi are NaN. Without values all
// is. It takes memory for n²/2 numbers.
func hodgesLehmann(values []float64) Interval {
	n := len(values)
	iv := Interval{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), N: n}
	if n == 0 {
		return iv
	}
	means := make([]float64, 0, n*(n+1)/2)
	for i, x := range values {
		for _, y := range values[:i+1] {
			means = append(means, (x+y)/2)
		}
	}
	slices.Sort(means)
	m := len(means)
	iv.Center = (means[(m-1)/2] + means[m/2]) / 2
	if out, confidence := signedRankQuantile(n); out > 0 {
		iv.Lo, iv.Hi, iv.Confidence = means[out-1], means[m-out], confidence
	}
	return iv
}

// signedRankQuantile is how many of the means lie outside the interval at each
// end, counting its own end, and the confidence of it: out-1 is the greatest sum
// of ranks with a probability of at most 2.5 % for it or less.
func signedRankQuantile(n int) (out int, confident float64) {
	const tail = (1 - confidence) / 2
	if n > exactMax {
		f := float64(n)
		return int(f*(f+1)/4 + normalQuantile(tail)*math.Sqrt(f*(f+1)*(2*f+1)/24)), confidence
	}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	var cumulative float64
	for sum, p := range signSums(ranks) {
		if cumulative+p > tail {
			return sum, 1 - 2*cumulative
		}
		cumulative += p
	}
	return 0, 0
}

// normalQuantile is that of the standard normal distribution.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
