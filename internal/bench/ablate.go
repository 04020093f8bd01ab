package bench

import (
	"errors"
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
		for _, l := range loads {
			a.match(p, base, candidates, l)
		}
		for _, c := range candidates {
			if err := c.leftOut(base, loads); err != nil {
				leaveOut(p, c.variant, err)
			}
		}
		if !slices.ContainsFunc(p.Matches, func(m result.Match) bool { return !m.Same }) {
			return nil, errNoFeature(f.Name, p.LeftOut)
		}
		return nil, nil
	})
}

func errNoFeature(backend string, out []result.LeftOut) error {
	var why []string
	for _, l := range out {
		why = append(why, l.Contestant+": "+l.Why)
	}
	return fmt.Errorf("no feature of %s can be measured; %s", backend, strings.Join(why, "; "))
}

// match adds what is compared under one load.
func (a *Ablation) match(p *result.Plan, base result.Cell, candidates []candidate, l result.Load) {
	first := len(p.Cells)
	add := func(c result.Cell, m result.Match) {
		c.Load = l
		m.A, m.B, m.Apart = len(p.Cells), first, spins(base.Backend) || spins(c.Backend) || lone(l) != nil
		p.Matches = append(p.Matches, m)
		p.Cells = append(p.Cells, c)
	}
	second := base
	second.Contestant += again
	base.Load = l
	p.Cells = append(p.Cells, base)
	add(second, result.Match{Label: "A/A", Same: true})
	for _, c := range candidates {
		if c.why == nil && acts(c.feature, l, base, c.cell) {
			add(c.cell, result.Match{Label: strings.TrimPrefix(c.variant, base.Backend)}) // such as "+sqpoll"
		}
	}
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
	feature backends.Feature
	cell    result.Cell
	why     error // it cannot act here
}

// leftOut is why the candidate is not measured under some of the loads.
func (c candidate) leftOut(base result.Cell, loads []result.Load) error {
	if c.why != nil {
		return c.why
	}
	return idle(c.feature, loads, base, c.cell)
}

func (a *Ablation) candidates(f backends.Family) (list []candidate, err error) {
	features := map[string]backends.Feature{}
	for n, x := range f.Features {
		features[strings.TrimSuffix(n, "=")] = x
	}
	names := slices.Sorted(maps.Keys(features))
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
		c := candidate{variant: variantOf(f, name, known.Variant, slices.Contains(inForce, name)), feature: features[name]}
		switch {
		case isKnown && !known.Supported:
			c.why = errors.New(orElse(known.Why, "this kernel does not have it: "+known.Since))
		case isKnown && !known.Usable:
			c.why = errors.New(orElse(known.Why, "it cannot act here"))
		default:
			c.cell, c.why = a.contestant(c.variant)
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
