package bench

import (
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
)

// cells makes the grid: every contestant under every load.
func (o *Options) cells(p *result.Plan, loads []result.Load) (warnings []string, err error) {
	contestants, warnings, err := o.contestants(p)
	if err != nil {
		return nil, err
	}
	for _, load := range loads {
		if o.Duet {
			if err := lone(load); err != nil {
				return nil, err
			}
		}
		for _, c := range contestants {
			c.Load = load
			if c.Backend == "" && c.Network != "tcp" {
				return nil, fmt.Errorf("%s can be reached by --network=tcp only", c.Contestant)
			}
			if c.Backend != "" {
				if err := takesDatagrams("--backend", c.Backend, c.Network); err != nil {
					return nil, err
				}
			}
			p.Cells = append(p.Cells, c)
		}
		if first := contestants[0]; o.AA && len(contestants) > 1 && first.Target == "" && !slices.Contains(contestants[1:], contestants[0]) {
			first.Load = load
			first.Contestant += again
			p.Cells = append(p.Cells, first)
		}
	}
	for _, c := range contestants {
		idle, err := namesActs(c, loads)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, idle...)
	}
	return warnings, nil
}

// again is what the name of a contestant ends in that is there to be compared with
// itself.
const again = " again"

// couple makes the matches of a comparison: under each load the first contestant
// with itself, which shows the noise, and with every other.
func couple(p *result.Plan) {
	p.Matches = nil
	all := p.Comparisons()
	for _, same := range []bool{true, false} {
		for _, m := range all {
			a, b := p.Cells[m.A], p.Cells[m.B]
			if m.Same = b.Contestant == a.Contestant+again; m.Same == same {
				m.Apart = p.Duet && (spins(a.Backend) || spins(b.Backend))
				p.Matches = append(p.Matches, m)
			}
		}
	}
}
