package stat

import (
	"math"

	"github.com/aclements/go-moremath/stats"
)

// An Effect is a geometric mean of ratios and the 95 % confidence interval of
// it, by Student's t on their logarithms.
type Effect struct {
	Center, Lo, Hi float64
	Pairs          int
	// Sessions that the pairs come from. With two or more the interval is that
	// of the sessions' means, so it carries what differs between sessions; with
	// one it does not.
	Sessions int
}

// Compare estimates a/b from pairs of values taken at the same moment, in groups
// by session. A pair of which a value is not a positive number is left out, and
// so is a session without pairs. Lo and Hi are NaN where there are fewer than
// two of what is averaged, and all is NaN without pairs.
func Compare(sessions ...[][2]float64) Effect {
	var means, pairs []float64
	for _, s := range sessions {
		logs := logRatios(s)
		if len(logs) == 0 {
			continue
		}
		mean, _ := moments(logs)
		means = append(means, mean)
		pairs = append(pairs, logs...)
	}
	e := Effect{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Pairs: len(pairs), Sessions: len(means)}
	values := means
	if len(means) == 1 {
		values = pairs
	}
	if len(values) == 0 {
		return e
	}
	mean, sd := moments(values)
	e.Center = math.Exp(mean)
	if n := float64(len(values)); n > 1 {
		half := student(n-1) * sd / math.Sqrt(n)
		e.Lo, e.Hi = math.Exp(mean-half), math.Exp(mean+half)
	}
	return e
}

// Differs reports whether 1, which is no effect, lies outside the interval. It
// does so for one in twenty of things that have no effect.
func (e Effect) Differs() bool { return e.Lo > 1 || e.Hi < 1 }

// Known reports whether there is an interval.
func (e Effect) Known() bool { return !math.IsNaN(e.Lo) }

// student is the 0.975 quantile of Student's distribution.
func student(freedom float64) float64 {
	return stats.InvCDF(stats.TDist{V: freedom})(1 - (1-confidence)/2)
}
