package stat

import (
	"math"

	"github.com/aclements/go-moremath/stats"
)

// An Effect is a geometric mean of ratios and the 95 % confidence interval of
// it, by Student's t on their logarithms. Those it takes for independent, alike
// and normal. Where they have heavy tails or a few are far off it covers 95 to 97 %;
// where they are skewed to one side (exponential) 89 % with 6, 90 % with 10 and
// 93 % with 30.
//
// Of sessions it covers 95 % with any number, and 91 % if what they differ by is
// skewed; with two it is wide. To draw sessions again, and pairs within them, as a
// hierarchical bootstrap does, covers but 71 % with two, 81 % with three and 87 %
// with four and five; a bootstrap of Student's t needs four.
type Effect struct {
	Center, Lo, Hi float64
	Pairs          int
	// Sessions that the pairs come from. With two or more the interval is that
	// of the sessions' means, so it carries what differs between sessions; with
	// one it does not.
	Sessions int
	// freedom is of the interval, where it is not one less than what it rests on.
	freedom float64
}

// Compare estimates a/b from pairs of values taken at the same moment, in groups
// by session. A pair of which a value is not a positive number is left out, and
// so is a session without pairs. Lo and Hi are NaN where there are fewer than
// two of what is averaged, and all is NaN without pairs.
func Compare(sessions ...[][2]float64) Effect {
	values, pairs, sessionsUsed := units(sessions)
	e := Effect{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Pairs: pairs, Sessions: sessionsUsed}
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

// CompareRatios is Compare of ratios, or of any figure, of one session.
func CompareRatios(values []float64) Effect {
	pairs := make([][2]float64, len(values))
	for i, x := range values {
		pairs[i] = [2]float64{x, 1}
	}
	return Compare(pairs)
}

// units are what varies independently: the means of the sessions' log-ratios
// where two or more have pairs, else the log-ratios of the one that has.
func units(sessions [][][2]float64) (values []float64, pairs, used int) {
	var only []float64
	for _, s := range sessions {
		logs := logRatios(s)
		if len(logs) == 0 {
			continue
		}
		mean, _ := moments(logs)
		values, only = append(values, mean), logs
		pairs += len(logs)
	}
	if len(values) == 1 {
		return only, pairs, 1
	}
	return values, pairs, len(values)
}

// units is how many values the interval rests on.
func (e Effect) units() int {
	if e.Sessions > 1 {
		return e.Sessions
	}
	return e.Pairs
}

// free is how many degrees of freedom the interval has.
func (e Effect) free() float64 {
	if e.freedom > 0 {
		return e.freedom
	}
	return float64(e.units() - 1)
}

// half is half of the interval of the logarithm, NaN if there is none.
func (e Effect) half() float64 { return math.Log(e.Hi/e.Lo) / 2 }

// standard is the standard error of the logarithm, NaN if there is no interval.
func (e Effect) standard() float64 {
	if !e.Known() {
		return math.NaN()
	}
	return e.half() / student(e.free())
}

// P is the two-sided p of there being no effect, by the Student's t of the
// interval: below 0.05 where 1 lies outside. NaN if there is no interval.
func (e Effect) P() float64 {
	se, at := e.standard(), math.Log(e.Center)
	if at == 0 && se == 0 {
		return 1
	}
	return 2 * stats.TDist{V: e.free()}.CDF(-math.Abs(at)/se)
}

// Differs reports whether 1, which is no effect, lies outside the interval. It
// does so for one in twenty of things that have no effect.
func (e Effect) Differs() bool { return e.Lo > 1 || e.Hi < 1 }

// Known reports whether there is an interval.
func (e Effect) Known() bool { return !math.IsNaN(e.Lo) }

// student is the 0.975 quantile of Student's distribution.
func student(freedom float64) float64 { return studentQuantile(freedom, 1-(1-confidence)/2) }

// studentQuantile is for p above a half. Newton's method starts at the normal
// quantile, which is less, and comes ever closer from below as the distribution
// is concave there; stats.InvCDF takes several times as long, which simulations
// feel.
func studentQuantile(freedom, p float64) float64 {
	t, x := stats.TDist{V: freedom}, normalQuantile(p)
	for range 100 {
		step := (p - t.CDF(x)) / t.PDF(x)
		x += step
		if !(step > 1e-12*x) {
			break
		}
	}
	return x
}
