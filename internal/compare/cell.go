package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// A cell is one contestant under one load, on both sides.
type cell struct {
	contestant string
	load       result.Load
	// base and head are the trials that count, in groups by session.
	base, head [][]*result.Trial
	// pairs have head as A, in groups by session; nil of results taken apart.
	pairs [][]result.Pair
	// baseAgain and headAgain are trials of the same thing in an A/A.
	baseAgain, headAgain []*result.Trial
	same                 []alike // of both sides
	withheld             string
	unequal              string // why throughput is not to be compared
}

// An alike is an A/A: pairs of a thing and itself, in groups by session.
type alike struct {
	own       bool // of the base that a head was paired with
	pairs     [][]result.Pair
	quantiles []stat.Quantile
}

// findings are of each metric that both sides have.
func (c *cell) findings(seed uint64) (list []Finding, shift *Shift) {
	quantiles := c.quantiles(seed)
	for _, m := range measures {
		f := Finding{Contestant: c.contestant, Load: c.load, Metric: m.metric, Lower: m.lower, Paired: c.pairs != nil,
			Robust: none(), Q: math.NaN(), Withheld: c.withheld}
		if m.of == nil {
			c.compareQuantile(&f, quantiles, m.q)
		} else {
			c.compareTrials(&f, m)
		}
		if m.metric == Throughput && f.Withheld == "" {
			f.Withheld = c.unequal
		}
		if f.Base.N > 0 && f.Head.N > 0 {
			list = append(list, f)
		}
	}
	if !slices.ContainsFunc(quantiles, func(q stat.Quantile) bool { return !math.IsNaN(q.Ratio.Center) }) {
		return list, nil
	}
	return list, &Shift{Contestant: c.contestant, Load: c.load, Quantiles: quantiles}
}

func none() stat.Interval {
	return stat.Interval{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
}

// compareTrials compares what each trial has a figure of.
func (c *cell) compareTrials(f *Finding, m measure) {
	of := m.of
	if m.metric == Syscalls && counted(slices.Concat(c.base...), slices.Concat(c.head...)) {
		of = countedSyscalls
	}
	base, head := figures(c.base, of), figures(c.head, of)
	allBase, allHead := slices.Concat(base...), slices.Concat(head...)
	f.Base, f.Head = stat.Median(allBase), stat.Median(allHead)
	switch {
	case m.metric == Allocations:
		f.compareAllocations(slices.Concat(slices.Concat(c.base...), c.baseAgain), slices.Concat(slices.Concat(c.head...), c.headAgain))
	case m.counter && len(allBase) >= Least && len(allHead) >= Least:
		spreadBase := spreadOf(append(slices.Clone(allBase), figure(c.baseAgain, of)...))
		spreadHead := spreadOf(append(slices.Clone(allHead), figure(c.headAgain, of)...))
		if f.Exact = exact(spreadBase, spreadHead); f.Exact {
			f.compareExactly(allBase, allHead, max(spreadBase, spreadHead))
		}
		f.Lost = !f.Exact && spreadBase <= exactSpread
	}
	if f.Exact {
		return
	}
	if c.pairs == nil {
		f.Effect = stat.Apart(head, base)
	} else {
		sessions := result.Figures(c.pairs, of)
		f.Effect = stat.Compare(sessions...)
		f.Robust = stat.CompareRobust(sessions...)
	}
	for _, a := range c.same {
		f.heed(stat.Floor(stat.Compare(result.Figures(a.pairs, of)...)), a.own)
	}
}

// compareQuantile compares a quantile of the latencies of all trials together.
func (c *cell) compareQuantile(f *Finding, quantiles []stat.Quantile, q float64) {
	i := slices.IndexFunc(quantiles, func(x stat.Quantile) bool { return x.Q == q })
	f.Effect = quantiles[i].Ratio
	if math.IsNaN(f.Effect.Center) {
		return // fewer than ten values lie beyond it
	}
	f.Base, f.Head = quantiles[i].B, quantiles[i].A
	for _, a := range c.same {
		f.heed(stat.Floor(a.quantiles[i].Ratio), a.own)
	}
	if !f.Effect.Known() && f.Withheld == "" {
		f.Withheld = fmt.Sprintf("an interval of a percentile takes %d trials, or sessions where there are several", Least)
	}
}

// heed raises the floor to that of one more A/A. Where the base's own has none, the
// noise is not known, which is not that there is none.
func (f *Finding) heed(floor float64, own bool) {
	if own && math.IsNaN(floor) && f.Withheld == "" {
		f.Withheld = "base beside itself was not measured often enough to know the noise"
	}
	if floor > f.Floor {
		f.Floor = floor
	}
}

func (c *cell) quantiles(seed uint64) []stat.Quantile {
	if c.pairs != nil {
		return shiftOf(seed, c.pairs)
	}
	head, base := singles(c.head), singles(c.base)
	n, trials := min(sessionsOf(c.head), sessionsOf(c.base)), min(len(head), len(base))
	if n > 1 {
		head, base = groups(c.head), groups(c.base)
	}
	return overSessions(stat.ShiftApart(seed, head, base), n, trials)
}

// overSessions notes how many sessions quantiles rest on, and how many trials of
// either side these have, where they were drawn again by sessions.
func overSessions(quantiles []stat.Quantile, sessions, trials int) []stat.Quantile {
	if sessions > 1 {
		for i := range quantiles {
			quantiles[i].Ratio.Sessions, quantiles[i].Ratio.Pairs = sessions, trials
		}
	}
	return quantiles
}

// shiftOf draws trials again, or sessions where there are several.
func shiftOf(seed uint64, sessions [][]result.Pair) []stat.Quantile {
	var pairs, merged [][2][]stat.Bucket
	for _, session := range sessions {
		var all [2][]stat.Bucket
		for _, p := range session {
			a, b := buckets(p.A), buckets(p.B)
			pairs = append(pairs, [2][]stat.Bucket{a, b})
			all[0], all[1] = append(all[0], a...), append(all[1], b...)
		}
		if len(session) > 0 {
			merged = append(merged, all)
		}
	}
	n := len(pairs)
	if len(merged) > 1 {
		pairs = merged
	}
	return overSessions(stat.ShiftFunction(seed, pairs), len(merged), n)
}

// groups are what each session recorded, singles what each trial did.
func groups(sessions [][]*result.Trial) (list [][]stat.Bucket) {
	for _, session := range sessions {
		var all []stat.Bucket
		for _, t := range session {
			all = append(all, buckets(t)...)
		}
		if len(session) > 0 {
			list = append(list, all)
		}
	}
	return list
}

func singles(sessions [][]*result.Trial) (list [][]stat.Bucket) {
	for _, t := range slices.Concat(sessions...) {
		list = append(list, buckets(t))
	}
	return list
}

// buckets are what a trial's histogram of latencies counted.
func buckets(t *result.Trial) (list []stat.Bucket) {
	h := t.Latency()
	if h.Histogram == nil {
		return nil
	}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			list = append(list, stat.Bucket{Value: float64(bar.To), Count: bar.Count})
		}
	}
	return list
}

func sessionsOf(sessions [][]*result.Trial) (n int) {
	for _, s := range sessions {
		if len(s) > 0 {
			n++
		}
	}
	return n
}

func figures(sessions [][]*result.Trial, of func(*result.Trial) float64) [][]float64 {
	values := make([][]float64, len(sessions))
	for i, s := range sessions {
		values[i] = figure(s, of)
	}
	return values
}

func figure(trials []*result.Trial, of func(*result.Trial) float64) (values []float64) {
	for _, t := range trials {
		values = append(values, of(t))
	}
	return values
}
