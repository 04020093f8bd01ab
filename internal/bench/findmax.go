package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

// What a search is like whose user does not say so.
const (
	findStart   = 10_000 // messages a second
	findRatio   = 1.05
	findShare   = 0.99
	findVoids   = 3 // trials of a contestant that may be void
	findTrials  = 200
	findExpects = 14 // rates
)

// searchCells makes the plan of a search: every contestant under every load at the
// rate that the search starts from. The cells of other rates are added as they are
// tried.
func (o *Options) searchCells(p *result.Plan, loads []result.Load) ([]string, error) {
	if o.Duet {
		return nil, errors.New("--find-max tries rates one after the other, each on its own; leave --duet out")
	}
	objectives, err := parseSLO(o.SLO)
	if err != nil {
		return nil, err
	}
	p.Purpose = result.PurposeMaximum
	p.Search = &result.Search{Objectives: objectives, AnsweredShare: findShare, BracketRatio: findRatio}
	p.Audit = false
	bare := map[result.Load]bool{}
	for i := range loads {
		l := &loads[i]
		if l.Direction != "" {
			return nil, errors.New("--find-max offers requests at a rate, and --mode=stream has none; use --mode=request")
		}
		if l.Sent() && l.Requests > 1 {
			return nil, errors.New("--find-max offers files that each have a connection of their own; use --requests-per-conn=1")
		}
		if l.Rate == 0 {
			l.Rate = findStart
		}
		if bare[withoutRate(*l)] {
			return nil, errors.New("--find-max starts from one rate; give one by --rate, or none")
		}
		bare[withoutRate(*l)] = true
		l.Rate = max(l.Rate, leastRate(p))
	}
	warnings, err := o.cells(p, loads)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(p.Cells))
	for i := range names {
		names[i] = p.Name(i)
	}
	for i, name := range names { // one that takes part twice goes its own ways
		p.Cells[i].Contestant = name
	}
	return warnings, nil
}

func withoutRate(l result.Load) result.Load {
	l.Rate = 0
	return l
}

// leastRate is the lowest, of three digits as all that are tried, at which a window
// holds ten messages beyond each percentile that matters (see
// result.Histogram.Supports).
func leastRate(p *result.Plan) float64 {
	least := 10 / p.DurationSeconds
	for _, o := range p.Search.Objectives {
		least = max(least, 10/(1-o.Percentile/100)/p.DurationSeconds)
	}
	if rounded := threeDigits(least); rounded > least*(1-1e-9) {
		return rounded
	}
	half := math.Pow(10, math.Floor(math.Log10(least))-2) / 2 // of the last digit
	return threeDigits(least + half)
}

// A seeker is a search and where its trials go.
type seeker struct {
	search
	cell  result.Cell // at no rate
	cells map[float64]int
	voids int
	why   string // it was given up
}

// findMax carries out the searches of a plan, in blocks: each holds the next trial
// of every search that is not over, in random order.
func (r *runner) findMax(ctx context.Context, set *result.Set, progress Progress) error {
	p := &set.Plan
	var seekers []*seeker
	for i, c := range p.Cells {
		s := &seeker{cell: c, cells: map[float64]int{c.Rate: i}}
		s.search = search{start: c.Rate, least: leastRate(p), most: maxRate, ratio: p.Search.BracketRatio, confirm: p.Trials}
		s.cell.Rate = 0
		seekers = append(seekers, s)
	}
	defer func() {
		for _, s := range seekers {
			set.Found = append(set.Found, s.found())
		}
	}()
	rng := rand.New(rand.NewPCG(p.Seed, findStream))
	done := 0
	for block := 0; ; block++ {
		left := false
		for _, i := range rng.Perm(len(seekers)) {
			s := seekers[i]
			rate, ok := s.next()
			if !ok || s.why != "" {
				continue
			}
			left = true
			progress(Step{
				Done: done, Of: max(len(seekers)*findBlocks(p), done+1), Block: block + 1,
				What: fmt.Sprintf("%s %s at %.10g a second", s.cell.Contestant, s.cell.Unpaced(), rate),
			}, set)
			if err := r.seek(ctx, set, s, rate, block, done); err != nil {
				set.Interrupted = true
				return err
			}
			done++
		}
		if !left {
			return nil
		}
	}
}

// findBlocks is about how many blocks a search takes: of rates, and of the trials
// that confirm two of them.
func findBlocks(p *result.Plan) int { return findExpects + 2*p.Trials }

// findStream separates the order of trials from anything else that is drawn from
// the same seed.
const findStream = 0x6d6178

// cellAt is the cell of a rate.
func (s *seeker) cellAt(p *result.Plan, rate float64) int {
	cell, ok := s.cells[rate]
	if !ok {
		cell = len(p.Cells)
		s.cells[rate] = cell
		c := s.cell
		c.Rate = rate
		p.Cells = append(p.Cells, c)
	}
	return cell
}

// seek has one trial of a rate.
func (r *runner) seek(ctx context.Context, set *result.Set, s *seeker, rate float64, block, order int) error {
	cell := s.cellAt(&set.Plan, rate)
	trials, err := r.trial(ctx, plan.Run{Block: block, Order: order, Cells: []int{cell}})
	set.Trials = append(set.Trials, trials...)
	disturb(set)
	if err != nil {
		return err
	}
	if why := trials[0].Void; why != "" {
		if s.voids++; s.voids >= findVoids {
			s.why = why
		}
		return nil
	}
	s.took(rate, set.Plan.Search.Missed(set.Valid(cell)))
	var all int
	for _, t := range s.tried {
		all += t.trials
	}
	if all >= findTrials {
		s.why = fmt.Sprintf("its trials contradict each other, %d of them", all)
	}
	return nil
}

// found is what is known of a contestant in the end.
func (s *seeker) found() result.Found {
	f := result.Found{Contestant: s.cell.Contestant, Load: s.cell.Load, Sustained: -1, Failed: -1, Unfinished: s.why}
	lo, hi := s.bracket()
	if lo != nil {
		f.Sustained = s.cells[lo.rate]
	}
	if hi != nil {
		f.Failed = s.cells[hi.rate]
	}
	if _, more := s.next(); more && f.Unfinished == "" {
		f.Unfinished = "it was ended early"
	}
	return f
}
