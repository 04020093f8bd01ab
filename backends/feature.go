package backends

import (
	"fmt"
	"slices"
	"strings"
)

// A Feature is what a variant adds or removes.
type Feature struct {
	Doc string // one line
	// On are the ops that it acts on; nil: whatever a loop does, not nil and
	// empty: nothing that is an op.
	On []Kind
}

// A Kind is ops that are alike. By kinds it is told whether a feature can make a
// difference to a workload.
type Kind struct {
	Code   Code
	Flags  Flags // for a feature each of them must be there, in a workload each may be
	SameFD bool  // what follows by the flag Link is on the same descriptor
	// Uses is how many ops a descriptor has in its life: for a feature at least, in
	// a workload at most; 0: any number.
	Uses int
}

// Kinds are ops of these codes, all with the flags.
func Kinds(flags Flags, codes ...Code) (list []Kind) {
	for _, c := range codes {
		list = append(list, Kind{Code: c, Flags: flags})
	}
	return list
}

// has reports whether ops of kind k, a workload's, may be what a feature acts on.
func (k Kind) has(on Kind) bool {
	return k.Code == on.Code && k.Flags&on.Flags == on.Flags && (k.SameFD || !on.SameFD) &&
		(k.Uses == 0 || k.Uses >= on.Uses)
}

// ActsOn reports whether the feature can act on what has ops of these kinds.
func (f Feature) ActsOn(ops []Kind) bool {
	return f.On == nil || slices.ContainsFunc(f.On, func(on Kind) bool {
		return slices.ContainsFunc(ops, func(k Kind) bool { return k.has(on) })
	})
}

// Target says what the feature acts on, such as "recv, recv-from with select-buf";
// codes that have the rest in common stand together.
func (f Feature) Target() string {
	switch {
	case f.On == nil:
		return "whatever a loop does"
	case len(f.On) == 0:
		return "no op"
	}
	var s strings.Builder
	for i, k := range f.On {
		s.WriteString(k.Code.String())
		rest := k.rest()
		switch {
		case i+1 < len(f.On) && f.On[i+1].rest() == rest:
			s.WriteString(", ")
		case i+1 < len(f.On):
			s.WriteString(rest + "; ")
		default:
			s.WriteString(rest)
		}
	}
	return s.String()
}

// rest is what there is to a kind besides its code.
func (k Kind) rest() string {
	var words []string
	for i, name := range flagNames {
		if k.Flags&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	s := ""
	if words != nil {
		s = " with " + strings.Join(words, " and ")
	}
	if k.SameFD {
		s += " to the same descriptor"
	}
	if k.Uses > 0 {
		s += fmt.Sprintf(" on a descriptor used %d times", k.Uses)
	}
	return s
}
