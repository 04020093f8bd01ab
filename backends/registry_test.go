package backends

import (
	"strings"
	"testing"
)

// withFamilies replaces what is registered for the length of a test.
func withFamilies(t *testing.T, fs ...Family) {
	t.Helper()
	old := families
	families = map[string]Family{}
	t.Cleanup(func() { families = old })
	for _, f := range fs {
		Register(f)
	}
}

func family(name string, rank int, features ...string) Family {
	f := Family{Name: name, Rank: rank, Features: map[string]Feature{}}
	for _, x := range features {
		f.Features[x] = Feature{Doc: "makes it do " + x}
	}
	f.New = func(v Variant) (Backend, error) { return named{v}, nil }
	return f
}

// named is a backend that only knows its variant.
type named struct{ v Variant }

func (n named) Name() string            { return n.v.String() }
func (named) Probe() error              { return nil }
func (named) Traits() Traits            { return Traits{} }
func (named) Open(Config) (Loop, error) { return nil, nil }

func TestLookup(t *testing.T) {
	withFamilies(t, family("ring", 1, "poll", "multi", "defer"), family("plain", 2))
	for name, want := range map[string]string{
		"ring":                  "ring",
		"plain":                 "plain",
		"ring+poll":             "ring+poll",
		"ring-defer":            "ring-defer",
		"ring-multi+poll-defer": "ring+poll-defer-multi",
	} {
		b, err := Lookup(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if b.Name() != want {
			t.Errorf("%s is called %s, not %s", name, b.Name(), want)
		}
	}
}

func TestLookupErrors(t *testing.T) {
	withFamilies(t, family("ring", 2, "poll", "multi"), family("plain", 1))
	for name, want := range map[string]string{
		"":               `unknown backend "": known are plain, ring`,
		"rings":          `unknown backend "rings": known are plain, ring`,
		"Ring":           `unknown backend "Ring": known are plain, ring`,
		"+poll":          `unknown backend "": known are plain, ring`,
		"ring+":          `unknown variant "ring+" of backend ring: its features, to add with + or remove with -, are multi, poll`,
		"ring+pole":      `unknown variant "ring+pole" of backend ring: its features, to add with + or remove with -, are multi, poll`,
		"ring++poll":     `unknown variant "ring++poll" of backend ring: its features, to add with + or remove with -, are multi, poll`,
		"plain-poll":     `unknown variant "plain-poll" of backend plain: it has no variants`,
		"ring+poll-poll": `variant "ring+poll-poll" names feature poll twice`,
		"ring+poll+poll": `variant "ring+poll+poll" names feature poll twice`,
	} {
		b, err := Lookup(name)
		if err == nil {
			t.Errorf("%q is backend %s", name, b.Name())
		} else if err.Error() != want {
			t.Errorf("%q:\n got %s\nwant %s", name, err, want)
		}
	}
}

func TestVariantHas(t *testing.T) {
	v := Variant{Family: "ring", Add: []string{"poll"}, Remove: []string{"multi"}}
	for _, c := range []struct {
		feature   string
		byDefault bool
		want      bool
	}{
		{"poll", false, true}, {"poll", true, true},
		{"multi", false, false}, {"multi", true, false},
		{"defer", false, false}, {"defer", true, true},
	} {
		if got := v.Has(c.feature, c.byDefault); got != c.want {
			t.Errorf("%s, %v by default: %v", c.feature, c.byDefault, got)
		}
	}
}

func TestFamiliesInOrder(t *testing.T) {
	withFamilies(t, family("c", 2), family("b", 1), family("a", 2), family("z", 0))
	var names []string
	for _, f := range Families() {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "z b a c" {
		t.Errorf("families are listed as %s", got)
	}
}

func TestRegisterTwicePanics(t *testing.T) {
	withFamilies(t, family("ring", 1))
	defer func() {
		if recover() == nil {
			t.Error("a second family of one name was accepted")
		}
	}()
	Register(family("ring", 2))
}
