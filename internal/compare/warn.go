package compare

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

func (o Options) threshold() float64 {
	if o.Threshold == 0 {
		return Threshold
	}
	return o.Threshold
}

// add compares a cell.
func (c *Comparison) add(x *cell, o Options) {
	findings, shift := x.findings(o.Seed)
	c.Findings = append(c.Findings, findings...)
	if shift != nil {
		c.Shifts = append(c.Shifts, *shift)
	}
	for i := range findings {
		if f := &findings[i]; f.disagrees() {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s of %s (%s): Student's interval of the ratio, %.3f to %.3f, and that of Hodges and Lehmann, %.3f to %.3f, disagree on whether there is a difference: a few pairs decide it; look at the trials, or measure more",
				f.Metric.Words(f.Load.Unit().One), f.Contestant, f.Load, f.Effect.Lo, f.Effect.Hi, f.Robust.Lo, f.Robust.Hi))
		}
	}
}

// disagrees reports whether one of the two intervals lies beyond the threshold and the
// other on both sides of no difference.
func (f *Finding) disagrees() bool {
	robust := stat.Effect{Center: f.Robust.Center, Lo: f.Robust.Lo, Hi: f.Robust.Hi}
	if f.Exact || !f.Effect.Known() || !robust.Known() {
		return false
	}
	beyond := func(e stat.Effect) bool {
		v := e.Beyond(Threshold, 0)
		return v == stat.Less || v == stat.Greater
	}
	return beyond(f.Effect) && !robust.Differs() || beyond(robust) && !f.Effect.Differs()
}

// warn tells what limits the figures of results.
func (c *Comparison) warn(sets ...*result.Set) {
	void, all, same, stopped := 0, 0, false, 0
	for _, s := range sets {
		void, all = void+len(s.Void()), all+len(s.Trials)
		if s.Interrupted {
			stopped++
		}
		for _, m := range s.Plan.Matches {
			same = same || m.Same
		}
	}
	if void > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s of %s trials are void and not in the figures", stat.Count(void), stat.Count(all)))
	}
	if stopped > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s of %s runs were interrupted", stat.Count(stopped), stat.Count(len(sets))))
	}
	if !same {
		c.Warnings = append(c.Warnings, "nothing was compared with itself (--aa), so the noise of these runs is not known to the verdicts")
	}
}
