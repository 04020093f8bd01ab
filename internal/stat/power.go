package stat

import "math"

// Detectable is the least effect, as a fraction, of which four in five runs like
// this one would say Less or Greater by this threshold and floor (two-sided 5 %, power
// 80 %), if the logarithms of the ratios are normal. It takes the sum of Student's
// 0.975 and 0.8 quantiles for that of the noncentral distribution: within 1 % of it
// from six pairs on, 1 % too small with five, 5 % with three, 14 % with two. NaN if
// there is no interval, or if an argument is.
func (e Effect) Detectable(threshold, floor float64) float64 {
	return detectable(e.standard(), e.free(), math.Log1p(max(threshold, floor)))
}

// detectable has a center beyond alarm to find, too; se is the standard error.
func detectable(se, freedom, alarm float64) float64 {
	if !(freedom > 0) {
		return math.NaN()
	}
	usual := studentQuantile(freedom, 0.8)
	return math.Expm1(max(alarm, student(freedom)*se) + usual*se)
}
