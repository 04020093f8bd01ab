package stat

import "math"

// untilLeast is the least number of pairs whose spread is known well enough to stop.
const untilLeast = 8

// Until says when pairs suffice: their number is Min or more, at least 8, and the
// 95 % interval of their geometric mean, by Student's t, reaches at most HalfWidth
// to either side, as a fraction; or it is Max. Whether they differ is not asked,
// so looking after every pair finds few differences that are not there: as it
// stops more often where the spread happens to look small, the interval covers
// 93.3 % at worst, when it stops after 12 to 25; from 4 or 5 on it would be 92 %.
type Until struct {
	HalfWidth float64
	Min, Max  int
}

// Enough reports whether values, ratios of pairs or any positive figure of trials
// of one session, suffice. What is not a positive number is counted towards Max
// alone.
func (u Until) Enough(values []float64) bool {
	if len(values) >= u.Max {
		return true
	}
	var pairs [][2]float64
	for _, x := range values {
		pairs = append(pairs, [2]float64{x, 1})
	}
	e := Compare(pairs)
	return e.Pairs >= max(untilLeast, u.Min) && e.Known() && math.Log(e.Hi/e.Lo)/2 <= math.Log1p(u.HalfWidth)
}
