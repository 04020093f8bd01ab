package stat

import "math"

// A Verdict on a/b.
type Verdict int

const (
	// Inconclusive: the interval allows for more than one of the others, or
	// there is none.
	Inconclusive Verdict = iota
	// NoDifference: the whole interval is within the threshold.
	NoDifference
	// Less: the interval lies below 1 and its center beyond threshold and floor.
	Less
	// Greater: the interval lies above 1 and its center beyond threshold and floor.
	Greater
)

func (v Verdict) String() string {
	return [...]string{"inconclusive", "no difference", "less", "greater"}[v]
}

// Floor is the noise of a run, from the Effect of a thing against itself in the
// same blocks: the end of its interval that is farther from 1, as a fraction, so
// 0.02 for 0.99 to 1.02. NaN if there is no interval.
func Floor(same Effect) float64 { return math.Expm1(max(-math.Log(same.Lo), math.Log(same.Hi))) }

// Verdict judges by a practical threshold, the least fraction by which a ratio
// matters (0.01: from 1/1.01 to 1.01 is no difference), and the Floor of the run,
// zero if there is none to heed. The floor holds a difference back but makes
// none of no account: what is noisy is inconclusive, not the same.
// Any NaN, of the effect or of the arguments, is Inconclusive.
func (e Effect) Verdict(threshold, floor float64) Verdict {
	far := math.Abs(math.Log(e.Center))
	switch alarm := math.Log1p(max(threshold, floor)); {
	case !e.Known() || math.IsNaN(alarm):
		return Inconclusive
	case max(-math.Log(e.Lo), math.Log(e.Hi)) <= math.Log1p(threshold):
		return NoDifference
	case far <= alarm:
		return Inconclusive
	case e.Hi < 1:
		return Less
	case e.Lo > 1:
		return Greater
	}
	return Inconclusive
}

// Beyond judges as Verdict does, but what differs does so with its whole interval
// beyond threshold and floor: not only is there a difference, it is one that matters
// and that is not of the run's noise.
func (e Effect) Beyond(threshold, floor float64) Verdict {
	v, alarm := e.Verdict(threshold, floor), 1+max(threshold, floor)
	if v == Less && e.Hi*alarm >= 1 || v == Greater && e.Lo <= alarm {
		return Inconclusive
	}
	return v
}

// More is how many more pairs, or sessions where there are two or more, would
// settle what Beyond leaves inconclusive if the center and the spread stay what they
// are: the interval narrows until all of it is within the threshold or beyond, and
// the floor with it. Of samples taken apart it is how many more of each. Zero if it is
// settled; not ok if there is no interval, or if 100,000 would not do, as with a
// center on the threshold.
func (e Effect) More(threshold, floor float64) (more int, ok bool) {
	const most = 100_000
	if !e.Known() || math.IsNaN(threshold) || math.IsNaN(floor) {
		return 0, false
	}
	if e.Beyond(threshold, floor) != Inconclusive {
		return 0, true
	}
	n, se, at := e.units(), e.standard(), math.Log(e.Center)
	settled := func(m int) bool {
		larger := float64(m) / float64(n)
		freedom := float64(m - 1)
		if e.freedom > 0 {
			freedom = e.freedom * larger
		}
		half := student(freedom) * se / math.Sqrt(larger)
		then := Effect{Center: e.Center, Lo: math.Exp(at - half), Hi: math.Exp(at + half)}
		return then.Beyond(threshold, floor/math.Sqrt(larger)) != Inconclusive
	}
	if !settled(n + most) {
		return 0, false
	}
	no, yes := 0, most
	for yes-no > 1 {
		if mid := (no + yes) / 2; settled(n + mid) {
			yes = mid
		} else {
			no = mid
		}
	}
	return yes, true
}
