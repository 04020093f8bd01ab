package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// An Ablation asks what each feature of a backend is worth: its default without
// each feature that is in it, and with each that is not, against the default.
type Ablation struct {
	Options          // its Backends, Commands and Target are not used
	Backend string   // a family
	Only    []string // features; empty: all
}

// Plan is like Options.Plan. The first match of a load is the default against
// itself. Features that cannot act here are in LeftOut, with the reason.
func (a *Ablation) Plan() (*result.Plan, []string, error) {
	f, err := family(a.Backend)
	if err != nil {
		return nil, nil, err
	}
	base, err := a.contestant(f.Name)
	if err != nil {
		return nil, nil, err
	}
	candidates, err := a.candidates(f)
	if err != nil {
		return nil, nil, err
	}
	a.Backends, a.Commands, a.Target, a.Duet = []string{f.Name}, nil, "", true
	return a.plan(func(p *result.Plan, loads []result.Load) ([]string, error) {
		p.Purpose = result.PurposeAblation
		under := func(c result.Cell, l result.Load) result.Cell {
			c.Load = l
			return c
		}
		for _, load := range loads {
			first := len(p.Cells)
			second := base
			second.Contestant += again
			p.Cells = append(p.Cells, under(base, load), under(second, load))
			p.Matches = append(p.Matches, result.Match{A: first + 1, B: first, Label: "A/A", Apart: spins(f.Name), Same: true})
			for _, c := range candidates {
				if c.why != "" {
					continue
				}
				p.Matches = append(p.Matches, result.Match{A: len(p.Cells), B: first, Label: c.label(f), Apart: spins(f.Name) || spins(c.variant)})
				p.Cells = append(p.Cells, under(c.cell, load))
			}
		}
		for _, c := range candidates {
			if c.why != "" {
				p.LeftOut = append(p.LeftOut, result.LeftOut{Contestant: c.variant, Why: c.why})
			}
		}
		return nil, nil
	})
}

// family finds a backend that has features by its name alone.
func family(name string) (backends.Family, error) {
	var with []string
	for _, f := range backends.Families() {
		if len(f.Features) > 0 {
			with = append(with, f.Name)
		}
		if f.Name == name && len(f.Features) > 0 {
			return f, nil
		}
	}
	known := "backends with features are " + strings.Join(with, ", ")
	if i := strings.IndexAny(name, "+-"); i > 0 {
		return backends.Family{}, fmt.Errorf("--backend=%s: features are added to and removed from a backend's default; use --backend=%s", name, name[:i])
	}
	if _, err := backends.Lookup(name); err == nil {
		return backends.Family{}, fmt.Errorf("--backend=%s has no features that could be added or removed; %s", name, known)
	}
	return backends.Family{}, fmt.Errorf("unknown --backend %q; %s", name, known)
}

// A candidate is a variant that differs from the default by one feature.
type candidate struct {
	variant string
	cell    result.Cell
	why     string // it cannot act here
}

// label is what the variant changes: "+sqpoll".
func (c candidate) label(f backends.Family) string { return strings.TrimPrefix(c.variant, f.Name) }

func (a *Ablation) candidates(f backends.Family) (list []candidate, err error) {
	names := slices.Sorted(maps.Keys(f.Features))
	for i, n := range names {
		names[i] = strings.TrimSuffix(n, "=")
	}
	for _, only := range a.Only {
		if !slices.Contains(names, only) {
			return nil, fmt.Errorf("--features: backend %s has no feature %q; it has %s", f.Name, only, strings.Join(names, ", "))
		}
	}
	capabilities := map[string]backends.Capability{}
	if f.Capabilities != nil {
		for _, c := range f.Capabilities() {
			capabilities[strings.TrimSuffix(c.Name, "=")] = c
		}
	}
	base, err := backends.Lookup(f.Name)
	if err != nil {
		return nil, err
	}
	inForce := base.Traits().Features
	for _, name := range names {
		if len(a.Only) > 0 && !slices.Contains(a.Only, name) {
			continue
		}
		known, isKnown := capabilities[name]
		c := candidate{variant: variantOf(f, name, known.Variant, slices.Contains(inForce, name))}
		switch {
		case isKnown && !known.Supported:
			c.why = orElse(known.Why, "this kernel does not have it: "+known.Since)
		case isKnown && !known.Usable:
			c.why = orElse(known.Why, "it cannot act here")
		default:
			var err error
			if c.cell, err = a.contestant(c.variant); err != nil {
				c.why = err.Error()
			} else if b, _ := backends.Lookup(c.variant); b.Traits().Splicing {
				c.why = "it acts on what is only passed on, as a proxy does"
			} else if b.Traits().Sendfiling != base.Traits().Sendfiling {
				c.why = "it acts on files that are sent, as ringbench stream does"
			}
		}
		list = append(list, c)
	}
	return list, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// variantOf names the variant that turns a feature round: the one that the
// feature's capability names, with a value where it takes one, if there is one.
func variantOf(f backends.Family, feature, known string, inForce bool) string {
	switch {
	case known != "":
		return known
	case inForce:
		return f.Name + "-" + feature
	}
	return f.Name + "+" + feature
}

// spinning are the features that make a thread poll without rest: in a duet it
// would take from its rival the CPU that they share.
var spinning = []string{"sqpoll", "sqidle", "sqcpu", "napi", "iopoll", "hybridiopoll"}

func spins(variant string) bool {
	b, err := backends.Lookup(variant)
	if err != nil {
		return false
	}
	inForce := b.Traits().Features
	for _, added := range strings.Split(variant, "+")[1:] {
		name, _, _ := strings.Cut(added, "-")
		inForce = append(slices.Clip(inForce), name)
	}
	return slices.ContainsFunc(inForce, func(f string) bool {
		name, _, _ := strings.Cut(f, "=")
		return slices.Contains(spinning, name)
	})
}
