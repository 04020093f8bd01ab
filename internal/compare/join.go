package compare

import "slices"

// Join makes one comparison of several that are decided on together, as of several
// runs or contestants: what they found is one family, and judged as that.
func Join(o Options, parts ...*Comparison) *Comparison {
	joined := &Comparison{}
	for i, c := range parts {
		if i == 0 {
			joined.Base, joined.Head = c.Base, c.Head
		}
		joined.Findings = append(joined.Findings, c.Findings...)
		joined.Shifts = append(joined.Shifts, c.Shifts...)
		joined.Unmatched = append(joined.Unmatched, c.Unmatched...)
		for _, d := range c.Differences {
			if !slices.Contains(joined.Differences, d) {
				joined.Differences = append(joined.Differences, d)
			}
		}
		for _, w := range c.Warnings {
			if !slices.Contains(joined.Warnings, w) {
				joined.Warnings = append(joined.Warnings, w)
			}
		}
	}
	joined.conclude(o.threshold())
	return joined
}
