package stat

import (
	"math"

	"github.com/aclements/go-moremath/mathx"
)

// ShareError is the standard error of a share that n independent samples found,
// 0.5 without any. It is taken from the share with one more sample on either
// side (Laplace's rule), as 250 samples out of 250 do not prove a share of
// exactly one.
func ShareError(share, n float64) float64 {
	if !(n > 0) {
		return 0.5
	}
	p := (share*n + 1) / (n + 2)
	return min(0.5, math.Sqrt(p*(1-p)/n))
}

// Share is k of n and where the true share lies, by Clopper and Pearson (1934):
// the shares of which neither k or more nor k or fewer of n would be as rare as
// one in forty. It covers 95 % at least, whatever the share is, so that none of n
// still says how many there may be. NaN without any.
func Share(k, n int) Interval {
	if n <= 0 {
		return Interval{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	const tail = (1 - confidence) / 2
	// k or more of n come with the chance BetaInc(share, k, n-k+1).
	beyond := func(k int) func(share float64) float64 {
		return func(share float64) float64 { return mathx.BetaInc(share, float64(k), float64(n-k+1)) }
	}
	iv := Interval{Center: float64(k) / float64(n), Lo: 0, Hi: 1, N: n, Confidence: confidence}
	if k > 0 {
		iv.Lo = risesTo(tail, beyond(k))
	}
	if k < n {
		iv.Hi = risesTo(1-tail, beyond(k+1))
	}
	return iv
}

// risesTo is where in [0, 1] an f that rises there has the value y.
func risesTo(y float64, f func(x float64) float64) float64 {
	lo, hi := 0.0, 1.0
	for range 60 {
		if mid := (lo + hi) / 2; f(mid) < y {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}
