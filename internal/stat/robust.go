package stat

import "math"

// CompareRobust is the ratio of the same pairs as Compare by Hodges and Lehmann's
// estimate, with the interval of Wilcoxon's signed-rank test: at least 95 % for
// logarithms that are symmetric, as those of two things that are disturbed alike are,
// however far off a few of them lie. Like an Effect it rests on the sessions' geometric
// means where there are two or more, and on the pairs where there is one; N counts them,
// and Lo and Hi are NaN below six.
func CompareRobust(sessions ...[][2]float64) Interval {
	values, _, _ := units(sessions)
	iv := hodgesLehmann(values)
	iv.Center, iv.Lo, iv.Hi = math.Exp(iv.Center), math.Exp(iv.Lo), math.Exp(iv.Hi)
	return iv
}
