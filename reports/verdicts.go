package reports

import (
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// verdicts say what was found, one line a load, without naming a winner: that
// takes a duet or several sessions.
func verdicts(s *result.Set, all []view, compared []effect) (lines []string) {
	if s.Plan.Purpose != "" {
		if s.Plan.Purpose == result.PurposeMaximum {
			return maximumVerdicts(s)
		}
		return purposeVerdicts(s, compared)
	}
	unit := s.Plan.Unit()
	for _, e := range compared {
		if !e.match.Same && e.pairs > 0 {
			lines = append(lines, e.load.String()+": "+e.findings(unit.One))
		}
	}
	for _, v := range all {
		var parts []string
		for _, r := range v.rows {
			if r.rate.N == 0 {
				parts = append(parts, r.name+" not measured")
				continue
			}
			part := r.name + " " + whole(r.rate.Center) + " " + unit.Many + "/s"
			if r.server.N > 0 {
				part += " at " + whole(r.server.Center) + " ns of server CPU each"
			}
			parts = append(parts, part+" ("+or(r.verdict, "saturation unknown")+")")
		}
		lines = append(lines, v.load.String()+": "+strings.Join(parts, "; "))
	}
	if len(lines) == 0 {
		return []string{"nothing was measured"}
	}
	return lines
}
