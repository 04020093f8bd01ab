package reports

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/internal/stat"
)

// lostText tells of datagrams that were not answered in time, and of answers
// that came later or twice.
func lostText(r row) string {
	var lost, late uint64
	trials, lateTrials := 0, 0
	for _, t := range r.trials {
		lost += t.Lost
		late += t.Late
		if t.Lost > 0 {
			trials++
		}
		if t.Late > 0 {
			lateTrials++
		}
	}
	var parts []string
	if lost > 0 {
		parts = append(parts, fmt.Sprintf("%s datagrams were not answered in time, in %s; they count neither as messages nor as latencies", stat.Count(lost), someTrials(trials, r)))
	}
	if late > 0 {
		parts = append(parts, fmt.Sprintf("%s answers came too late or twice, in %s", stat.Count(late), someTrials(lateTrials, r)))
	}
	return strings.Join(parts, "; ")
}
