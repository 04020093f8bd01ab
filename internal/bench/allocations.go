package bench

import (
	"context"
	"runtime"
)

// allocations is how many objects this process has allocated on the heap. To have all of
// them counted stops the world, which a loop that waits in the kernel holds up until
// something comes: it is to be asked for only of one that is busy.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// readAllocations reads those of servers of ours that tell, in mid-load; 0 of others. Of
// several loops one may have no connection, and a pool gets round to answering only
// when the load is over.
func (r *runner) readAllocations(ctx context.Context, cs []*contestant) ([]uint64, error) {
	counts := make([]uint64, len(cs))
	for i, c := range cs {
		if !c.own || c.pool || !c.about.Heap || c.cell.Loops != 1 || r.plan.WarmupSeconds == 0 {
			continue
		}
		if err := c.server.Call(ctx, "allocations", nil, &counts[i]); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
	}
	return counts, nil
}

// countedAllocations is how many there were a message, nil if that is not known.
func (c *contestant) countedAllocations(m *marks, i int) *float64 {
	messages := of(c.cell).messages(c.cell, m.counters[i])
	if m.allocs[i] == 0 || messages == 0 {
		return nil
	}
	each := float64(m.allocs[i]) / messages
	return &each
}
