package bench

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// lastClient is the load generator that every kernel can have.
const lastClient = "epoll"

// chooseClient names the load generator's backend. io_uring's costs least: no
// more CPU a message than the cheapest server (doc/adr/0004). The error is why
// those that were asked before it are not to be had.
func chooseClient() (name string, refused error) {
	for _, f := range backends.Families() {
		b, err := backends.Lookup(f.Name)
		if err != nil || f.Rank == 0 {
			continue
		}
		if err := b.Probe(); err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		if t := b.Traits(); !t.Blocking && !t.Memory {
			return f.Name, refused
		}
	}
	return lastClient, refused
}

// rehearse makes sure that the load generators can have their loops at every
// moment: others where it was ours to choose.
func (o *Options) rehearse(p *result.Plan, moments [][]int, r rehearsal) error {
	for _, moment := range moments {
		err := r.clients(p, cellsAt(p, moment))
		switch {
		case err == nil:
		case o.clientChosen && p.Client != lastClient:
			p.Client, o.Client, o.secondChoice = lastClient, lastClient, err
			return o.rehearse(p, moments, r)
		default:
			return fmt.Errorf("--client: %w", err)
		}
	}
	return nil
}

// clientWarning says that the load generator is not the cheapest there is.
func (o *Options) clientWarning(p *result.Plan) string {
	if o.secondChoice == nil {
		return ""
	}
	why := strings.ReplaceAll(o.secondChoice.Error(), "\n", "; ")
	for _, l := range p.LeftOut {
		if l.Why == why {
			why = l.Contestant + " is left out"
		}
	}
	return fmt.Sprintf("the load generator is %s, not the cheapest: %s", o.Client, why)
}
