package reports

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// steadyShare is how many of a cell's trials must have been steady throughout for
// nothing to be said: the test itself takes up to 7 % of steady ones for others.
const steadyShare = 0.75

// steadinessNotes say which cells had trials whose throughput did not stay what it
// was within the window.
func steadinessNotes(s *result.Set) (n []note) {
	x := s.Index()
	for cell, c := range s.Plan.Cells {
		found := map[stat.Steadiness]int{}
		known := 0
		for _, t := range x.Valid(cell) {
			if t.Series == nil || t.Series.WarmUp < 0 || t.Series.WarmUp > len(t.Series.Counts) {
				continue
			}
			var values []float64
			for _, x := range t.Series.Counts[t.Series.WarmUp:] {
				values = append(values, float64(x))
			}
			if class, _ := stat.Steady(values); class != stat.Unknown {
				known++
				found[class]++
			}
		}
		if float64(found[stat.Flat]) >= steadyShare*float64(known) {
			continue
		}
		var parts []string
		for _, class := range []stat.Steadiness{stat.WarmUp, stat.Slowdown, stat.NoSteadyState} {
			if k := found[class]; k > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", stat.Count(k), class))
			}
		}
		n = append(n, note{"steadiness", fmt.Sprintf("%s (%s): %s of %s trials not steady within the window (%s); a longer --warmup or --duration may help", x.Name(cell), c.Load, stat.Count(known-found[stat.Flat]), stat.Count(known), strings.Join(parts, ", ")), true})
	}
	return n
}
