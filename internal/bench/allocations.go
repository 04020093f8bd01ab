package bench

import (
	"context"
	"runtime/metrics"
)

// allocations is how many objects this process has allocated on the heap. The runtime
// counts them by spans, when a thread has used one up (runtime/metrics); to have all
// counted would stop the world, for which a loop that waits in the kernel does not stop.
func allocations() uint64 {
	read := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}}
	metrics.Read(read)
	return read[0].Value.Uint64() + read[1].Value.Uint64()
}

// readAllocations reads those of servers of ours that tell; 0 of others. A pool gets
// round to answering only when the load is over.
func (r *runner) readAllocations(ctx context.Context, cs []*contestant) ([]uint64, error) {
	counts := make([]uint64, len(cs))
	for i, c := range cs {
		if !r.tellsAllocations(c) {
			continue
		}
		if err := c.server.Call(ctx, "allocations", nil, &counts[i]); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
	}
	return counts, nil
}

// tellsAllocations reports whether a contestant is asked for its allocations.
func (r *runner) tellsAllocations(c *contestant) bool {
	return c.own && !c.pool && c.about.Heap && r.plan.WarmupSeconds > 0
}

// countedAllocations is how many there were a message, nil if that is not known.
func (r *runner) countedAllocations(c *contestant, m *marks, i int) *float64 {
	messages := of(c.cell).messages(c.cell, m.counters[i])
	if !r.tellsAllocations(c) || messages == 0 {
		return nil
	}
	each := float64(m.allocs[i]) / messages
	return &each
}
