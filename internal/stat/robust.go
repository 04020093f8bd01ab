package stat

import "math"

// A Robust is what pairs say of a/b by means that assume no normal distribution.
// Like an Effect it rests on the sessions' geometric means where there are two or
// more, and on the pairs where there is one; N of each interval counts them.
type Robust struct {
	// Median of the ratios, with order statistics: at least 95 % for any
	// distribution from six on, a Range below.
	Median Interval
	// Shift is Hodges and Lehmann's estimate of the ratio, with the interval of
	// Wilcoxon's test: at least 95 % for logarithms that are symmetric, as those
	// of two things that are disturbed alike are. Lo and Hi are NaN below six.
	Shift Interval
	// Bootstrap is the geometric mean with a BCa interval, which assumes no
	// symmetry. Of normal logarithms it covers 93 % with 6, 94 % with 10 and 95 %
	// with 30; of skewed ones (exponential) 90, 92 and 94 %, where Student's of
	// Effect covers 89, 90 and 93 %; of symmetric ones with heavy tails 89 to 92 %,
	// where Student's covers 95 to 97 %, so that one is for verdicts. Lo and Hi are
	// NaN below six.
	Bootstrap Interval
	// SignedRank is Wilcoxon's two-sided p, exact up to 50 and with mean ranks
	// for ties and Pratt's rule for zeros. It cannot fall below 2/2ⁿ: fewer than
	// six never reach 0.05. NaN without pairs.
	SignedRank float64
}

// CompareRobust is for the same pairs as Compare; what Compare leaves out it does
// too. The same seed gives the same bootstrap. Swapping a and b gives the
// inverses, but for the chance in the bootstrap and for the ends of the median,
// which for some numbers of values are not as far in on either side.
func CompareRobust(seed uint64, sessions ...[][2]float64) Robust {
	values, _, _ := units(sessions)
	return Robust{
		Median:     Median(values).exp(),
		Shift:      hodgesLehmann(values).exp(),
		Bootstrap:  bootstrap(seed, values).exp(),
		SignedRank: signedRank(values),
	}
}

// exp is the interval of a ratio from that of its logarithm.
func (iv Interval) exp() Interval {
	iv.Center, iv.Lo, iv.Hi = math.Exp(iv.Center), math.Exp(iv.Lo), math.Exp(iv.Hi)
	return iv
}
