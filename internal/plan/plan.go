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
}

// stream separates the order of runs from anything else that is drawn from the
// same seed.
const stream = 0x72696e67

// Solo is trials blocks, each of every cell once in random order. The same
// arguments give the same order.
func Solo(cells []result.Cell, trials int, seed uint64) ([]Run, error) {
	if err := check(cells, trials); err != nil {
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

// Duet is trials blocks, each of every pair once in random order. The cells of
// one load are paired, every one with the first. Which of a pair is started
// first swaps from block to block.
func Duet(cells []result.Cell, trials int, seed uint64) ([]Run, error) {
	if err := check(cells, trials); err != nil {
		return nil, err
	}
	pairs, err := couple(cells)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, stream))
	runs := make([]Run, 0, trials*len(pairs))
	for block := range trials {
		for _, i := range rng.Perm(len(pairs)) {
			a, b := pairs[i][0], pairs[i][1]
			if block%2 == 1 {
				a, b = b, a
			}
			runs = append(runs, Run{Block: block, Order: len(runs), Cells: []int{a, b}, Pair: len(runs) + 1})
		}
	}
	return runs, nil
}

func couple(cells []result.Cell) (pairs [][2]int, err error) {
	p := result.Plan{Cells: cells}
	for _, load := range p.Loads() {
		of := p.CellsOf(load)
		if len(of) < 2 {
			return nil, fmt.Errorf("a duet needs two contestants and %s is alone at %s; name a second with --backend, the same again for an A/A test", cells[of[0]].Contestant, load)
		}
		for _, other := range of[1:] {
			pairs = append(pairs, [2]int{of[0], other})
		}
	}
	return pairs, nil
}

func check(cells []result.Cell, trials int) error {
	switch {
	case len(cells) == 0:
		return errors.New("nothing to run: the plan has no cells")
	case trials < 1:
		return fmt.Errorf("%d trials: at least 1 is needed, 6 for a 95 %% interval of the median", trials)
	}
	return nil
}
