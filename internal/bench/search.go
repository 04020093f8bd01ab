package bench

import "math"

// A search brackets the highest rate that one contestant sustains: it doubles or
// halves the rate until one is sustained and one is not, then takes the geometric
// middle, each with one trial, until they are close. Then both ends are confirmed
// by more trials, and where these say otherwise it goes on.
type search struct {
	start       float64
	least, most float64 // rates that may be tried
	ratio       float64 // of the ends, at most
	confirm     int     // trials of each end

	tried []tried
}

// A tried is a rate with what its trials, all together, said.
type tried struct {
	rate   float64
	trials int
	missed string // "": sustained
}

// next is the rate to be tried, and false when the search is over.
func (s *search) next() (rate float64, ok bool) {
	lo, hi := s.bracket()
	switch {
	case lo == nil && hi == nil:
		return min(max(s.start, s.least), s.most), true
	case hi == nil && lo.rate < s.most:
		return min(2*lo.rate, s.most), true
	case lo == nil && hi.rate > s.least:
		return max(hi.rate/2, s.least), true
	case lo != nil && hi != nil && hi.rate > lo.rate*s.ratio:
		return threeDigits(math.Sqrt(lo.rate * hi.rate)), true
	case lo != nil && lo.trials < s.confirm:
		return lo.rate, true
	case hi != nil && hi.trials < s.confirm:
		return hi.rate, true
	}
	return 0, false
}

// bracket is the highest rate below all that were not sustained, and the lowest of
// these; nil where there is none.
func (s *search) bracket() (lo, hi *tried) {
	for i := range s.tried {
		if t := &s.tried[i]; t.missed != "" && (hi == nil || t.rate < hi.rate) {
			hi = t
		}
	}
	for i := range s.tried {
		if t := &s.tried[i]; (hi == nil || t.rate < hi.rate) && (lo == nil || t.rate > lo.rate) {
			lo = t
		}
	}
	return lo, hi
}

// took notes one more trial of a rate, and what all of its trials miss.
func (s *search) took(rate float64, missed string) {
	for i := range s.tried {
		if t := &s.tried[i]; t.rate == rate {
			t.trials++
			t.missed = missed
			return
		}
	}
	s.tried = append(s.tried, tried{rate: rate, trials: 1, missed: missed})
}
