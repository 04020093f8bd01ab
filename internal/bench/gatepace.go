package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

const (
	pacedTrials = 3
	// pacedShare is how much of what base answers in closed loop it is asked at a fixed
	// rate at most. With much less to do a server wakes up for each message, and the ratio
	// of two that are alike spreads three times as far; with much more one that is slower
	// takes larger batches, which hides part of that.
	pacedShare = 0.45
)

// pace sets the rates of the loads. In closed loop a server that is slower lets its
// client sleep more often, and pays for waking it; beside it the other one gets the
// more CPU, larger batches, and cheaper messages. At the same rate both have the same
// to do, and what a message costs differs by what the programs differ.
func (g *Gate) pace(ctx context.Context, progress Progress) error {
	if g.load.Cells[0].Rate > 0 {
		return nil // by a call before
	}
	probe := *g.load
	kept := make([]bool, len(probe.Cells))
	for _, m := range probe.Matches {
		if m.Same {
			kept[m.A], kept[m.B] = true, true
		}
	}
	probe.Keep(kept)
	probe.Trials, probe.Until, probe.WithinSeconds, probe.Audit = pacedTrials, 0, 0, false
	set, err := runAfter(ctx, g.floor, &probe, progress, nil)
	if err != nil {
		return err
	}
	g.floor = set.Floor
	answered, why := map[result.Load][]float64{}, "" // of each contestant
	for cell, c := range probe.Cells {
		var rates []float64
		for i := range set.Trials {
			switch t := &set.Trials[i]; {
			case t.Void != "":
				why = t.Void
			case t.Cell == cell:
				rates = append(rates, t.PerSecond())
			}
		}
		answered[c.Load] = append(answered[c.Load], stat.Median(rates).Center)
	}
	for i := range g.load.Cells {
		l := &g.load.Cells[i].Load
		least := math.Inf(1)
		for _, a := range answered[*l] {
			least = min(least, a)
		}
		if l.Rate = paced(least); l.Rate == 0 {
			return errors.New(cmp.Or(why, fmt.Sprintf("base answered no message in %v under %s, so no rate to measure at is known", g.Duration, *l)))
		}
	}
	g.threshold()
	return nil
}

// RateNote says how the rates will be set; it is empty where they are as planned.
func (g *Gate) RateNote() string {
	if !g.Paced || g.CallsAlone {
		return ""
	}
	return fmt.Sprintf("at a fixed rate: %g %% of what base answers beside itself in closed loop, which is measured first, rounded down to one digit", 100*pacedShare)
}

// paced is the rate for a server that answers so much: a round one, so that results
// of different days are of one load.
func paced(answered float64) float64 {
	most := answered * pacedShare
	if !(most >= 1) {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(most)))
	return math.Floor(most/power) * power
}
