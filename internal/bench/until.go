package bench

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// untilLeast and untilMost are what --until may be: the least takes thousands of
// pairs, the greatest says nothing.
const (
	untilLeast = 0.001
	untilMost  = 0.5
)

// checkUntil checks a plan that may end before its last block.
func (o *Options) checkUntil() error {
	switch {
	case o.Until == 0:
		return nil
	case o.Until < untilLeast || o.Until > untilMost:
		return fmt.Errorf("--until=%g%% is out of range: %g%% to %g%%", 100*o.Until, 100*untilLeast, 100*untilMost)
	case o.Sessions > 1:
		return errors.New("--until looks at one session, and with --sessions each is to have as many pairs as the others; leave one of them out")
	case o.FindMax:
		return errors.New("--until is of comparisons; it does not go with --find-max")
	}
	return nil
}

// settled reports whether the blocks that are whole suffice: whether every ratio of CPU
// is known. Of a match without a Threshold what the ratio is is not asked.
func settled(set *result.Set) bool {
	matches := set.Plan.Comparisons()
	return len(matches) > 0 && !slices.ContainsFunc(matches, func(m result.Match) bool { return !suffices(set, m) })
}

// finished are the cells that need no more blocks though others do: those of matches
// with a Threshold that are known, with all that their B is compared with.
func finished(set *result.Set) (cells []int) {
	p := &set.Plan
	for _, m := range p.Matches {
		var group []int
		for _, of := range p.Matches {
			if of.A != m.B && of.B != m.B {
				continue
			}
			if m.Threshold == 0 || !suffices(set, of) {
				group = nil
				break
			}
			group = append(group, of.A, of.B)
		}
		cells = append(cells, group...)
	}
	return cells
}

// ending says why a run ended when it did, if that was for more than its last block.
func ending(set *result.Set) string {
	p, blocks := &set.Plan, 0
	for i := range set.Trials {
		blocks = max(blocks, set.Trials[i].Block+1)
	}
	unknown := func(m result.Match) bool { return !until(p).Enough(cpuRatios(set, m)) }
	switch {
	case p.Until == 0 || blocks == p.Trials || set.Interrupted:
		return ""
	case !settled(set):
		return "when its time was over"
	case slices.ContainsFunc(p.Comparisons(), unknown):
		return "when it was plain on which side of the threshold CPU lies"
	}
	return fmt.Sprintf("when the intervals of all ratios of CPU were within ±%.2g %%", 100*p.Until)
}

// suffices reports whether the interval of a ratio of CPU is as narrow as the plan asks,
// or it is known on which side of its Threshold it lies. What is beside itself need not
// be known better than that which it is the noise of.
func suffices(set *result.Set, m result.Match) bool {
	p := &set.Plan
	switch {
	case p.Until == 0:
		return false
	case m.Threshold > 0:
		ratios, floor := cpuRatios(set, m), floorOf(set, m)
		return until(p).Plain(ratios, m.Threshold, floor) || until(p).Settled(ratios, m.Threshold, floor)
	case until(p).Enough(cpuRatios(set, m)):
		return true
	case !m.Same:
		return false
	}
	all := false
	for _, of := range p.Matches {
		if !of.Same && of.B == m.A {
			if all = of.Threshold > 0 && until(p).Plain(cpuRatios(set, of), of.Threshold, floorOf(set, of)); !all {
				return false
			}
		}
	}
	return all
}

// floorOf is the noise of B beside itself.
func floorOf(set *result.Set, m result.Match) (floor float64) {
	for _, same := range set.Plan.Matches {
		if same.Same && same.A == m.B {
			floor = stat.Floor(stat.CompareRatios(cpuRatios(set, same)))
		}
	}
	return floor
}

func until(p *result.Plan) stat.Until { return stat.Until{HalfWidth: p.Until, Max: p.Trials} }

func cpuRatios(set *result.Set, m result.Match) (ratios []float64) {
	for _, pairs := range set.PairsOf(m) {
		for _, pair := range pairs {
			ratios = append(ratios, pair.A.ServerCPUPerMessage()/pair.B.ServerCPUPerMessage())
		}
	}
	return ratios
}
