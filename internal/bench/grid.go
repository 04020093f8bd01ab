package bench

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/result"
)

// cells makes the grid: every contestant under every load.
func (o *Options) cells(p *result.Plan) (warnings []string, err error) {
	contestants, warnings, err := o.contestants(p)
	if err != nil {
		return nil, err
	}
	for _, load := range o.loads() {
		for _, c := range contestants {
			c := under(c, load)
			if c.Backend == "" && c.Network != "tcp" {
				return nil, fmt.Errorf("%s can be reached by --network=tcp only", c.Contestant)
			}
			p.Cells = append(p.Cells, c)
		}
	}
	return warnings, tooMany(p)
}

// loads is the grid of what is asked of each contestant.
func (o *Options) loads() (loads []result.Load) {
	rates := o.Rates
	if len(rates) == 0 {
		rates = []float64{0}
	}
	for _, network := range o.Networks {
		for _, conns := range o.Conns {
			for _, size := range o.Sizes {
				for _, pipeline := range o.Pipelines {
					for _, rate := range rates {
						loads = append(loads, result.Load{Network: network, Conns: conns, Size: size, Pipeline: pipeline, Rate: rate})
					}
				}
			}
		}
	}
	return loads
}

// under is a contestant under a load.
func under(c result.Cell, l result.Load) result.Cell {
	c.Network, c.Conns, c.Size, c.Pipeline, c.Rate = l.Network, l.Conns, l.Size, l.Pipeline, l.Rate
	return c
}

func tooMany(p *result.Plan) error {
	if len(p.Cells) > maxCells {
		return fmt.Errorf("%d cells are too many: at most %d", len(p.Cells), maxCells)
	}
	return nil
}
