package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// What a comparison takes is what it takes here, too.
const (
	threshold        = compare.Threshold
	falseDiscoveries = compare.FalseDiscoveries
	pairsLeast       = compare.Least
)

// A finding is a ratio with what it says.
type finding struct {
	stat.Effect
	verdict stat.Verdict
	floor   float64 // of the noise: what a thing differs by from itself in this run
	// why there is no verdict; verdict is then Inconclusive.
	why string
}

// judge gives the effects of one report their verdicts: against the noise that
// the pair of like things under the same load shows, and together, so that of many
// comparisons those that differ by chance are few; pairs of like things apart from the
// others, whose differences would vouch for theirs.
func judge(s *result.Set, all []effect) {
	floors := map[result.Load]effect{}
	for _, e := range all {
		if e.match.Same {
			floors[e.load] = e
		}
	}
	type family struct {
		members []*finding
		p       []float64
	}
	families := map[bool]*family{true: {}, false: {}}
	for i := range all {
		e := &all[i]
		same, ok := floors[e.load]
		for _, of := range []struct {
			f    *finding
			same stat.Effect
		}{{&e.cpu, same.cpu.Effect}, {&e.rate, same.rate.Effect}, {&e.p99, same.p99.Effect}} {
			if ok && !e.match.Same && of.f.Known() {
				if of.f.floor = stat.Floor(of.same); math.IsNaN(of.f.floor) { // which is not that there is no noise
					of.f.why = "the A/A pair was not measured often enough to know the noise"
				}
			}
			of.f.verdict = of.f.Verdict(threshold, of.f.floor)
			if of.f.Known() {
				like := families[e.match.Same]
				like.members, like.p = append(like.members, of.f), append(like.p, of.f.P())
			}
		}
		e.withhold(s)
	}
	for _, like := range families {
		for i, q := range stat.QValues(like.p) {
			if f := like.members[i]; q > falseDiscoveries && f.differs() {
				f.verdict, f.why = stat.Inconclusive, fmt.Sprintf("of so many comparisons some differ by this by chance (q = %.2g)", q)
			}
		}
	}
}

// withhold takes back verdicts that rest on too little.
func (e *effect) withhold(s *result.Set) {
	why := ""
	switch {
	case e.pairs < pairsLeast:
		why = fewPairs(e.pairs, s.Plan.Trials*max(1, s.Plan.Sessions))
	case e.disturbed > 0:
		why = fmt.Sprintf("%s of %s pairs were disturbed", stat.Count(e.disturbed), stat.Count(e.pairs))
	}
	for _, f := range []*finding{&e.cpu, &e.rate, &e.p99} {
		switch {
		case why != "":
			f.verdict, f.why = stat.Inconclusive, why
		case f.Pairs > 0 && f.Pairs < pairsLeast: // the others lack this figure
			f.verdict, f.why = stat.Inconclusive, fewPairs(f.Pairs, e.pairs)
		}
	}
	if e.unequalWhy != "" {
		e.rate.verdict, e.rate.why = stat.Inconclusive, e.unequalWhy
	}
}

func fewPairs(pairs, of int) string {
	return fmt.Sprintf("%s of %s pairs count, and a verdict takes %d", stat.Count(pairs), stat.Count(of), pairsLeast)
}

func (f finding) differs() bool { return f.verdict == stat.Less || f.verdict == stat.Greater }

// inverse is the finding of the ratio the other way round.
func (f finding) inverse() finding {
	f.Center, f.Lo, f.Hi = 1/f.Center, 1/f.Hi, 1/f.Lo
	switch f.verdict {
	case stat.Less:
		f.verdict = stat.Greater
	case stat.Greater:
		f.verdict = stat.Less
	}
	return f
}

// detectable is the least difference that the run would have found.
func (f finding) detectable() float64 { return f.Detectable(threshold, f.floor) }

// String says what was found of what: "9.2 % less CPU a message".
func (f finding) words(of string) string {
	by := percent(math.Abs(f.Center-1)) + " %"
	switch {
	case f.why != "":
		return of + ": no verdict, " + f.why
	case f.verdict == stat.Less:
		return by + " less " + of
	case f.verdict == stat.Greater:
		return by + " more " + of
	case f.verdict == stat.NoDifference:
		return of + " the same within " + percent(threshold) + " %"
	case !f.Known():
		return of + ": not known"
	}
	return of + ": no difference detectable, one of " + percent(f.detectable()) + " % would have been"
}

// findings is a line on what an effect says.
func (e effect) findings(unit string) string {
	parts := []string{e.cpu.words("CPU a " + unit), e.rate.words("throughput"), e.p99.words("p99")}
	if e.cpu.why != "" && e.cpu.why == e.rate.why { // alike for all
		return e.a + " / " + e.b + ": no verdict, " + e.cpu.why
	}
	return e.a + " / " + e.b + ": " + strings.Join(parts, "; ")
}
