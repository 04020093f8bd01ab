package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples of a bootstrap interval, whose ends then vary with the seed by about
// a twentieth of its width.
const resamples = 2000

// bootstrap is the 95 % interval of the mean by Efron's bias-corrected and
// accelerated bootstrap, of resamples drawn from seed, with the ends as far out as
// Student's distribution and the √(n/(n-1)) that resamples vary too little ask for
// (Hesterberg, "What teachers should know about the bootstrap", The American
// Statistician 2015): of few values the plain one covers too little. It assumes
// values that are independent and alike, of any shape. Robust says what it covers.
// NaN for fewer than six, of which hardly anything is left to resample.
func bootstrap(seed uint64, values []float64) Interval {
	n := float64(len(values))
	if n < 6 {
		iv := Interval{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), N: len(values)}
		if n > 0 {
			iv.Center, _ = moments(values)
		}
		return iv
	}
	return bca(seed, values, student(n-1)*math.Sqrt(n/(n-1)))
}

// bca has its ends at far standard deviations of the normal distribution, 1.96 in
// Efron's.
func bca(seed uint64, values []float64, far float64) Interval {
	n := len(values)
	mean, _ := moments(values)
	iv := Interval{Center: mean, Lo: mean, Hi: mean, N: n, Confidence: confidence}
	var squares, cubes float64
	for _, x := range values {
		d := x - mean
		squares, cubes = squares+d*d, cubes+d*d*d
	}
	if squares == 0 {
		return iv // all are the same
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	means := make([]float64, resamples)
	less := 0.0
	for i := range means {
		var sum float64
		for range n {
			sum += values[rng.IntN(n)]
		}
		means[i] = sum / float64(n)
		switch {
		case means[i] < mean:
			less++
		case means[i] == mean:
			less += 0.5
		}
	}
	slices.Sort(means)
	bias := normalQuantile(less / resamples)
	acceleration := cubes / (6 * math.Pow(squares, 1.5)) // the jackknife's, of a mean
	end := func(far float64) float64 {
		z := bias + far
		return quantile(means, normalBelow(bias+z/(1-acceleration*z)))
	}
	iv.Lo, iv.Hi = end(-far), end(far)
	return iv
}

// quantile of sorted values, linear between two of them.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-2)
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
