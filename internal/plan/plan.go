package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/ringbench/ringbench/internal/result"
)

// A Run is what is measured at one moment.
type Run struct {
	Block int   // from 0; runs of a block are comparable
	Order int   // from 0, over the whole plan
	Cells []int // indices into the plan's cells, in the order of starting: one, or two for a duet
	Pair  int   // duet: number of the pair, from 1; else 0
	Later bool  // the second half of a pair that is run apart
}

// Of is the order of a plan, all its sessions in one.
func Of(p *result.Plan) ([]Run, error) {
	blocks := p.Trials * max(p.Sessions, 1)
	if p.Duet {
		return Matched(p.Cells, p.Comparisons(), blocks, p.Seed)
	}
	return Solo(p.Cells, blocks, p.Seed)
}

// stream separates the order of runs from anything else that is drawn from the
// same seed.
const stream = 0x72696e67

// Solo is trials blocks, each of every cell once in random order. The same
// arguments give the same order.
func Solo(cells []result.Cell, trials int, seed uint64) ([]Run, error) {
	if err := check(cells, trials, len(cells)); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, stream))
	runs := make([]Run, 0, trials*len(cells))
	for block := range trials {
		for _, cell := range rng.Perm(len(cells)) {
			runs = append(runs, Run{Block: block, Order: len(runs), Cells: []int{cell}})
		}
	}
	return runs, nil
}

// Matched is trials blocks, each of every match once in random order. Which of
// a pair is started first swaps from block to block. The two of a match that is
// to be run apart follow on each other.
func Matched(cells []result.Cell, matches []result.Match, trials int, seed uint64) ([]Run, error) {
	if err := check(cells, trials, len(matches)); err != nil {
		return nil, err
	}
	if len(matches) == 0 {
		return nil, errors.New("a duet needs two contestants under one load; name a second with --backend, the same again for an A/A test")
	}
	rng := rand.New(rand.NewPCG(seed, stream))
	runs := make([]Run, 0, trials*len(matches))
	pair := 0
	for block := range trials {
		for _, i := range rng.Perm(len(matches)) {
			a, b := matches[i].A, matches[i].B
			if block%2 == 1 {
				a, b = b, a
			}
			pair++
			r := Run{Block: block, Order: len(runs), Cells: []int{a, b}, Pair: pair}
			if matches[i].Apart {
				r.Cells = []int{a}
				runs = append(runs, r)
				r.Cells, r.Order, r.Later = []int{b}, len(runs), true
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// runsMax bounds a plan: at a tenth of a second each they are a day.
const runsMax = 1_000_000

func check(cells []result.Cell, trials, each int) error {
	switch {
	case len(cells) == 0:
		return errors.New("nothing to run: the plan has no cells")
	case trials > runsMax/max(each, 1):
		return fmt.Errorf("%d blocks of %d runs are too many: at most %d runs; use fewer --trials or a smaller grid", trials, each, runsMax)
	case trials < 1:
		return fmt.Errorf("%d trials: at least 1 is needed, 6 for a 95 %% interval of the median", trials)
	}
	return nil
}
