package compare

import (
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// Allocations are objects that the server's process allocates on the heap, a message.
// They are of servers of ringbench.
const Allocations Metric = "allocs"

const (
	// allocationsAside is how many objects the count of a trial is off by, as they are
	// counted by spans, of 512 in the class of the smallest: one that was used up in
	// part before the trial, and what the process allocates besides its messages.
	allocationsAside = 512
	// allocationsLeast is what they may differ by however many messages there are.
	allocationsLeast = 0.01
	// allocationsShare is what they may differ by of themselves, as messages are not
	// counted at the very moment when allocations are.
	allocationsShare = 0.02
	// allocationsMost is what they may differ by for an allocation a message to be seen.
	allocationsMost = 0.5
)

// allocationsPerMessage are not known of a trial with so few messages that what is
// aside could hide one of each.
func allocationsPerMessage(t *result.Trial) float64 {
	if t.CountedAllocations == nil || !(allocationsAside <= allocationsMost*float64(t.Messages)) {
		return math.NaN()
	}
	return *t.CountedAllocations
}

// compareAllocations compares as exact what differs within a side by no more than what
// is aside, or does so in base and in head is beyond all of that in every trial.
func (f *Finding) compareAllocations(base, head []*result.Trial) {
	aside := allocationsLeast
	known := func(trials []*result.Trial) (values []float64) {
		for _, t := range trials {
			if x := allocationsPerMessage(t); !math.IsNaN(x) {
				values, aside = append(values, x), max(aside, allocationsAside/float64(t.Messages), allocationsShare*x)
			}
		}
		return values
	}
	b, h := known(base), known(head)
	if len(b) < Least || len(h) < Least {
		return
	}
	least, most := share(slices.Min(h), slices.Max(b)), share(slices.Max(h), slices.Min(b))
	beyond := slices.Min(h)-slices.Max(b) > aside || slices.Min(b)-slices.Max(h) > aside
	steady := slices.Max(b)-slices.Min(b) <= aside
	f.Exact = steady && (beyond || slices.Max(h)-slices.Min(h) <= aside)
	f.Lost = steady && !f.Exact
	if !f.Exact {
		return
	}
	f.Effect = stat.Effect{Center: share(f.Head.Center, f.Base.Center), Lo: least, Hi: most, Pairs: min(len(b), len(h)), Sessions: 1}
	if math.Abs(f.Head.Center-f.Base.Center) <= aside {
		f.Effect.Center, f.Effect.Lo, f.Effect.Hi = 1, 1, 1
	}
}
