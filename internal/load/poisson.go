package load

import "math/rand/v2"

// Arrivals is how the messages of an open loop follow each other.
type Arrivals string

// Constant arrivals are one interval apart, to 0.1 %. Poisson ones are of users who know
// nothing of each other: the gaps are exponential, and the interval is their mean.
const (
	Constant Arrivals = ""
	Poisson  Arrivals = "poisson"
)

// Arrivals are drawn by blocks, of which so many are held: any arrival can be asked
// for, since a connection that lags behind wants to know when its oldest message
// was due, and what has been forgotten is drawn once more.
const (
	arrivalsBlock = 256
	arrivalsHeld  = 32 // blocks
)

// arrivalsStream separates arrivals from anything else drawn of the same seed.
const arrivalsStream = 0x61727269

// A poisson is one process of rate 1. The superposition of those of all workers,
// each with its share of the rate, is a process of the whole rate.
type poisson struct {
	gaps  gaps
	marks []mark // by block, 24 bytes each; the last is of the first that has not been drawn
	held  [arrivalsHeld]block
}

// A mark is what a block is drawn from.
type mark struct {
	pcg  rand.PCG
	from float64 // its start
}

type block struct {
	number int64
	at     [arrivalsBlock]float64
}

func newPoisson(seed uint64, worker int) *poisson {
	p := &poisson{marks: append(make([]mark, 0, 1<<12), mark{pcg: *rand.NewPCG(seed, arrivalsStream+uint64(worker))})}
	for i := range p.held {
		p.held[i].number = -1
	}
	return p
}

// at is when arrival i comes. None beyond the block after the last that was asked
// for is.
func (p *poisson) at(i int64) float64 {
	b := &p.held[i/arrivalsBlock%arrivalsHeld]
	if b.number != i/arrivalsBlock {
		p.draw(b, i/arrivalsBlock)
	}
	return b.at[i%arrivalsBlock]
}

func (p *poisson) draw(b *block, number int64) {
	b.number = number
	if next := p.gaps.draw(p.marks[number], &b.at); number+1 == int64(len(p.marks)) {
		p.marks = append(p.marks, next)
	}
}

// gaps are exponential, of mean 1.
type gaps struct {
	pcg rand.PCG
	rng *rand.Rand // of pcg
}

// draw draws the block of mark m, and returns the mark of the next.
func (g *gaps) draw(m mark, at *[arrivalsBlock]float64) mark {
	if g.rng == nil {
		g.rng = rand.New(&g.pcg)
	}
	g.pcg = m.pcg
	sum := m.from
	for i := range at {
		sum += g.rng.ExpFloat64()
		at[i] = sum
	}
	return mark{pcg: g.pcg, from: sum}
}
