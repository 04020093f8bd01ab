package bench

import (
	"errors"
	"fmt"

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

// settled reports whether the blocks that are whole suffice: whether the interval of
// every ratio of CPU is as narrow as the plan asks. What the ratios are is not asked.
func settled(set *result.Set) bool {
	p := &set.Plan
	if p.Until == 0 {
		return false
	}
	rule := stat.Until{HalfWidth: p.Until, Max: p.Trials}
	for _, m := range p.Comparisons() {
		var ratios []float64
		for _, pairs := range set.PairsOf(m) {
			for _, pair := range pairs {
				ratios = append(ratios, pair.A.ServerCPUPerMessage()/pair.B.ServerCPUPerMessage())
			}
		}
		if !rule.Enough(ratios) {
			return false
		}
	}
	return len(p.Comparisons()) > 0
}
