package bench

import (
	"time"

	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

// Estimate is about how long a plan takes.
func Estimate(p *result.Plan) (time.Duration, error) {
	runs, err := plan.Of(p)
	if err != nil {
		return 0, err
	}
	return estimate(p, runs) + time.Duration(max(p.Sessions, 1)-1)*seconds(p.SessionGapSeconds), nil
}

// estimate is about how long the runs take with the harness floor, a second, without
// pauses.
func estimate(p *result.Plan, runs []plan.Run) time.Duration { return time.Second + lengthOf(p, runs) }

// lengthOf is about how long the runs alone take.
func lengthOf(p *result.Plan, runs []plan.Run) (sum time.Duration) {
	// On 2 vCPUs: starting four processes and ending them took 0.1 to 0.2 s, and
	// 0.1 ms for a connection.
	const processes, connection = 150 * time.Millisecond, 100 * time.Microsecond
	for _, r := range runs {
		if p.Search != nil && r.Block > 0 {
			break // a search has as many blocks as it takes
		}
		sum += lead + seconds(p.WarmupSeconds) + seconds(p.DurationSeconds) + processes
		if p.Audit {
			sum += auditLength
		}
		for _, c := range r.Cells {
			sum += time.Duration(p.Cells[c].Conns) * connection
		}
	}
	if p.Search != nil {
		sum *= time.Duration(findBlocks(p))
	}
	return sum
}
