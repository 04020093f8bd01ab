package reports

import (
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// idleGrid is what idle connections take of memory.
func idleGrid(v view) grid {
	g := grid{header: []string{"", "idle connections", "server KiB each", "kernel KiB each", "trials"}}
	source := ""
	for _, r := range v.rows {
		each := func(of func(*result.IdleMemory) *int64) string {
			return figure(r.median(func(t *result.Trial) float64 {
				if t.Idle == nil || of(t.Idle) == nil {
					return math.NaN()
				}
				return float64(*of(t.Idle)) / float64(t.Idle.Connections) / 1024
			}).Center)
		}
		g.rows = append(g.rows, []string{
			r.name, whole(float64(v.load.Idle)), each(func(m *result.IdleMemory) *int64 { return m.User }),
			each(func(m *result.IdleMemory) *int64 { return m.Kernel }), stat.Count(len(r.trials)),
		})
		for _, t := range r.trials {
			if t.Idle != nil {
				source = t.Idle.Source
			}
		}
	}
	g.notes = []string{
		"idle connections had one message answered when they were opened and one when the load was over; server: private memory of its processes;",
		"kernel: of the whole machine, so both ends of a connection, with threads' stacks and page tables (" + or(source, "not known") + ")",
	}
	return g
}
