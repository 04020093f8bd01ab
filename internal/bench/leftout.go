package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// named reports whether the user asked for the contestant by name, so that it
// cannot be left out. All stands for plain families, variants are always named.
func (o *Options) named(c result.Cell) bool {
	return c.Backend == "" || strings.ContainsAny(c.Backend, "+-") || slices.Contains(o.Backends, c.Backend)
}

// leaveOut records that a contestant does not take part, once for one reason.
func leaveOut(p *result.Plan, contestant string, why error) {
	l := result.LeftOut{Contestant: contestant, Why: why.Error()}
	if !slices.Contains(p.LeftOut, l) {
		p.LeftOut = append(p.LeftOut, l)
	}
}

func errNoneLeft(p *result.Plan) error {
	var why []string
	for _, l := range p.LeftOut {
		why = append(why, l.Why)
	}
	return fmt.Errorf("no contestant is left; %s", strings.Join(why, "; "))
}
