package backends

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A Family is a backend with its variants, as its package registers it.
type Family struct {
	Name string // "uring"
	Doc  string // one line for help
	// Features are those that a variant adds or removes, by their names. A name
	// that ends in "=" takes a value when it is added, as in uring+sqpoll+sqidle=10ms.
	Features map[string]Feature
	New      func(Variant) (Backend, error)
	// Capabilities lists what the backend's kernel interface offers and what
	// becomes of it here, asked anew; nil: nothing to tell.
	Capabilities func() []Capability
	// Rank orders listings; the default set of a comparison is every family
	// with Rank > 0, lowest first.
	Rank int
}

// A Variant is a family's default plus and minus features.
type Variant struct {
	Family string
	Add    []string // sorted; with their values
	Remove []string // sorted
}

func (v Variant) String() string {
	var b strings.Builder
	b.WriteString(v.Family)
	for _, f := range v.Add {
		b.WriteString("+" + f)
	}
	for _, f := range v.Remove {
		b.WriteString("-" + f)
	}
	return b.String()
}

// Has is the setting of a feature: what the variant says, else the default.
func (v Variant) Has(feature string, byDefault bool) bool {
	if slices.Contains(v.Add, feature) {
		return true
	}
	return byDefault && !slices.Contains(v.Remove, feature)
}

// Value is what the variant sets a feature to, "" where it does not.
func (v Variant) Value(feature string) string {
	for _, f := range v.Add {
		if name, value, ok := strings.Cut(f, "="); ok && name == feature {
			return value
		}
	}
	return ""
}

var families = map[string]Family{}

// Register makes a family known. Backend packages call it from init.
func Register(f Family) {
	if _, dup := families[f.Name]; dup {
		panic("backends: " + f.Name + " registered twice")
	}
	families[f.Name] = f
}

// Families lists what is registered, by rank and name.
func Families() []Family {
	var l []Family
	for _, f := range families {
		l = append(l, f)
	}
	sort.Slice(l, func(i, j int) bool {
		if l[i].Rank != l[j].Rank {
			return l[i].Rank < l[j].Rank
		}
		return l[i].Name < l[j].Name
	})
	return l
}

// Lookup finds a backend by its variant's name: a family followed by +feature
// and -feature. It does not probe.
func Lookup(name string) (Backend, error) {
	v, err := parseVariant(name)
	if err != nil {
		return nil, err
	}
	return families[v.Family].New(v)
}

// Named are the features that a variant's name adds or removes, by their names
// without values; none of a name that Lookup refuses.
func Named(variant string) map[string]Feature {
	v, err := parseVariant(variant)
	if err != nil {
		return nil
	}
	known, named := families[v.Family].Features, map[string]Feature{}
	for _, f := range slices.Concat(v.Add, v.Remove) {
		name, _, valued := strings.Cut(f, "=")
		key := name
		if valued {
			key += "="
		}
		named[name] = known[key]
	}
	return named
}

func parseVariant(name string) (v Variant, err error) {
	base, rest := name, ""
	if i := strings.IndexAny(name, "+-"); i >= 0 {
		base, rest = name[:i], name[i:]
	}
	f, ok := families[base]
	if !ok {
		return v, fmt.Errorf("unknown backend %q: known are %s", base, strings.Join(familyNames(), ", "))
	}
	v.Family = base
	for rest != "" {
		sign := rest[0]
		rest = rest[1:]
		feature := rest
		if i := strings.IndexAny(rest, "+-"); i >= 0 {
			feature, rest = rest[:i], rest[i:]
		} else {
			rest = ""
		}
		plain, value, valued := strings.Cut(feature, "=")
		_, takes := f.Features[plain+"="]
		if _, ok := f.Features[plain]; !ok && !takes {
			return v, fmt.Errorf("unknown variant %q of backend %s: %s", name, base, f.featureList())
		}
		switch {
		case v.names(plain):
			return v, fmt.Errorf("variant %q names feature %s twice", name, plain)
		case takes && sign == '-':
			return v, fmt.Errorf("variant %q: %s takes a value and is not to be removed; leave it out", name, plain)
		case takes && value == "":
			return v, fmt.Errorf("variant %q: %s needs a value, as in %s+%s=VALUE: %s", name, plain, base, plain, f.Features[plain+"="].Doc)
		case valued && !takes:
			return v, fmt.Errorf("variant %q: %s takes no value", name, plain)
		}
		if sign == '+' {
			v.Add = append(v.Add, feature)
		} else {
			v.Remove = append(v.Remove, feature)
		}
	}
	slices.Sort(v.Add)
	slices.Sort(v.Remove)
	return v, nil
}

// names reports whether the variant says anything of a feature.
func (v Variant) names(feature string) bool {
	return slices.Contains(v.Add, feature) || slices.Contains(v.Remove, feature) || v.Value(feature) != ""
}

// familyNames are those of the families that a comparison may have.
func familyNames() (names []string) {
	for _, f := range Families() {
		if f.Rank > 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

func (f Family) featureList() string {
	if len(f.Features) == 0 {
		return "it has no variants"
	}
	var names []string
	for n := range f.Features {
		names = append(names, n)
	}
	slices.Sort(names)
	return "its features, to add with + or remove with -, are " + strings.Join(names, ", ")
}
