package stat

import "math"

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
