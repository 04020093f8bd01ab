package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// acts reports whether a feature that one of two contestants has and the other has
// not can make a difference to a load: it acts on an op that the loops of either have
// under it.
func acts(f backends.Feature, l result.Load, with, without result.Cell) bool {
	return slices.ContainsFunc([]result.Cell{with, without}, func(c result.Cell) bool {
		c.Load = l
		b, err := backends.Lookup(c.Backend)
		return err == nil && f.ActsOn(of(c).ops(c, b.Traits()))
	})
}

// idle is why the feature makes no difference under some of the loads, nil where it
// acts under all.
func idle(f backends.Feature, loads []result.Load, with, without result.Cell) error {
	if f.On != nil && len(f.On) == 0 {
		return fmt.Errorf("it acts on no op: %s", f.Doc)
	}
	var under []string
	for _, l := range loads {
		if !acts(f, l, with, without) {
			under = append(under, l.String())
		}
	}
	where := "here"
	switch len(under) {
	case 0:
		return nil
	case len(loads):
	default:
		where = "under " + strings.Join(under, "; ")
	}
	return fmt.Errorf("it acts on %s, of which there is none %s", f.Target(), where)
}

// namesActs is an error for a variant that names a feature which acts under none of
// the loads, and a warning where it acts under some only: there the row shows
// something else than its name says.
func namesActs(variant result.Cell, loads []result.Load) (warnings []string, err error) {
	plain := variant
	plain.Backend = variant.Family()
	named := backends.Named(variant.Backend)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		f := named[name]
		why := idle(f, loads, variant, plain)
		switch {
		case why == nil:
		case !slices.ContainsFunc(loads, func(l result.Load) bool { return acts(f, l, variant, plain) }):
			return nil, fmt.Errorf("--backend=%s: %s would change nothing: %w; leave it out", variant.Backend, name, why)
		default:
			warnings = append(warnings, fmt.Sprintf("%s: %s changes nothing under some loads: %v", variant.Contestant, name, why))
		}
	}
	return warnings, nil
}
