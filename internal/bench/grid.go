package bench

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/result"
)

// cells makes the grid: every contestant under every load.
func (o *Options) cells(p *result.Plan, loads []result.Load) (warnings []string, err error) {
	contestants, warnings, err := o.contestants(p)
	if err != nil {
		return nil, err
	}
	for _, load := range loads {
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
			if err := takesDatagrams("--client", o.Client, c.Network); err != nil {
				return nil, err
			}
			p.Cells = append(p.Cells, c)
		}
	}
	return warnings, nil
}
