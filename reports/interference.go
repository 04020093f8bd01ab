package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// interferenceNote sums up all trials.
func interferenceNote(s *result.Set) note {
	var steal, other, wait []float64
	for i := range s.Trials {
		t := &s.Trials[i]
		steal = append(steal, t.StealShare(s.Env.CPUs))
		other = append(other, t.OtherShare(s.Env.CPUs))
		wait = append(wait, t.RunQueueWaitShare())
	}
	if stat.Median(steal).N == 0 {
		return note{"interference", "not measured", true}
	}
	line := fmt.Sprintf("of all CPUs' time: steal %s, other processes %s", medianAndMost(steal), medianAndMost(other))
	if stat.Median(wait).N > 0 {
		line += fmt.Sprintf("; server threads waiting for a CPU, CPU-seconds a second: median %s, most %s", figure(stat.Median(wait).Center), figure(most(wait)))
	}
	limits := stat.Median(steal).Center+stat.Median(other).Center > interferenceMax
	if limits {
		line += fmt.Sprintf("; above %.0f %%, so run it again on a machine that does nothing else", interferenceMax*100)
	}
	return note{"interference", line, limits}
}

// interferenceMax is the median share of all CPUs' time lost to steal and to
// other processes beyond which a reader is warned: about the size of the
// differences that are looked for.
const interferenceMax = 0.05

func medianAndMost(shares []float64) string {
	return fmt.Sprintf("median %s %%, most %s %%", percent(stat.Median(shares).Center), percent(most(shares)))
}

func most(values []float64) float64 {
	most := math.NaN()
	for _, x := range values {
		if math.IsNaN(most) || x > most {
			most = x
		}
	}
	return most
}

// interferenceNotes name the rows above the limit, a note for each load: one
// contestant may have been disturbed and its rivals not. Where all are above it,
// interferenceNote has said it.
func interferenceNotes(all []view) (n []note) {
	below := 0
	for _, v := range all {
		var rows []string
		for _, r := range v.rows {
			if r.steal.Center+r.other.Center > interferenceMax {
				rows = append(rows, fmt.Sprintf("%s (steal %s %%, other processes %s %%)", r.name, percent(r.steal.Center), percent(r.other.Center)))
			} else {
				below++
			}
		}
		if len(rows) > 0 {
			n = append(n, note{"interference", fmt.Sprintf("%s: above %.0f %%: %s", v.load, interferenceMax*100, strings.Join(rows, ", ")), true})
		}
	}
	if below == 0 {
		return nil
	}
	return n
}
