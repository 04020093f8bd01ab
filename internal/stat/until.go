package stat

import "math"

// untilLeast is the least number of pairs whose spread is known well enough to stop.
const untilLeast = 8

// plainHalves is how many half-widths of its interval a mean is from a threshold that
// more pairs would not take it across: 9.5 standard errors with 8 pairs, 8.2 with 30.
const plainHalves = 4

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
	e := CompareRatios(values)
	return u.many(e) && e.half() <= math.Log1p(u.HalfWidth)
}

// Plain reports whether it is beyond doubt on which side of a threshold, a fraction
// above 1, the mean of so many ratios lies, however wide its interval: above threshold
// and floor by four half-widths of it, or as many below the threshold, where the floor
// is below it too. To look for that after every pair is no harm: of 10,000 runs on the
// threshold, of normal ratios, 239 have an interval above it, as without that.
func (u Until) Plain(values []float64, threshold, floor float64) bool {
	e := CompareRatios(values)
	margin, at := plainHalves*e.half(), math.Log(e.Center)
	above := at-math.Log1p(max(threshold, floor)) >= margin
	below := floor <= threshold && math.Log1p(threshold)-at >= margin
	return u.many(e) && (above || below)
}

// Settled reports whether values suffice to say on which side of a threshold their mean
// lies. That is looked at when the interval is as narrow as HalfWidth, and where it is
// open then, whenever the interval is half as wide as the time before. Of 500 runs of
// normal ratios on the threshold 31 have an interval above it in the end, where of one
// look 19 have, and 441 one that covers it; of 0.75 % above it, by HalfWidth of 0.5 %,
// 499 have, where of one look 453.
func (u Until) Settled(values []float64, threshold, floor float64) bool {
	look := u
	for n := 1; n <= len(values); n++ {
		if !look.Enough(values[:n]) {
			continue
		}
		if n >= u.Max || CompareRatios(values[:n]).Beyond(threshold, floor) != Inconclusive {
			return true
		}
		look.HalfWidth /= 2
	}
	return false
}

// many reports whether there are pairs enough for their spread to be known.
func (u Until) many(e Effect) bool { return e.Pairs >= max(untilLeast, u.Min) && e.Known() }
