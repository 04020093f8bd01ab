package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// features runs the command in this process.
func features(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs(append([]string{"features"}, args...))
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 120 && len(args) == 0 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	return out.String()
}

// row is the table's line about a capability.
func row(t *testing.T, table, name string) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 0 && f[0] == name {
			return strings.Join(f[1:], " ")
		}
	}
	t.Fatalf("no line about %s in:\n%s", name, table)
	return ""
}

// stub is a family whose capabilities a test makes up.
func stub(tier string, list ...backends.Capability) backends.Family {
	return backends.Family{
		Name: "stub", Doc: "made up", Rank: 1,
		New:          func(backends.Variant) (backends.Backend, error) { return stubbed{tier: tier}, nil },
		Capabilities: func() []backends.Capability { return list },
	}
}

type stubbed struct {
	backends.Backend
	tier string
}

func (s stubbed) Probe() error {
	if s.tier == "" {
		return errors.New("backend stub is not available here: it is masked")
	}
	return nil
}
func (s stubbed) Traits() backends.Traits {
	return backends.Traits{Tier: s.tier, Features: []string{"a"}}
}

// The table says of each capability what the backend says, and changes with it.
func TestFeaturesTable(t *testing.T) {
	old := families
	t.Cleanup(func() { families = old })
	use := func(f ...backends.Family) { families = func() []backends.Family { return f } }
	a := backends.Capability{Name: "a", Doc: "does a", Since: "A_FLAG, Linux 5.1, and B, Linux 6.0", Supported: true, Usable: true, Default: true, Variant: "stub-a"}
	op := backends.Capability{Name: "OP_B", Doc: "does b", Since: "OP_B, Linux 6.9", Supported: true, Usable: true}
	use(stub("6.1", a, op))
	table := features(t)
	if got := row(t, table, "a"); got != "6.0 yes yes stub-a yes" {
		t.Error(got)
	}
	if got := row(t, table, "OP_B"); got != "6.9 yes no yes" {
		t.Error(got)
	}
	if !strings.Contains(table, "stub: made up; tier 6.1") {
		t.Error(table)
	}
	a.Supported, a.Usable, a.Default, a.Variant, a.Why = false, false, false, "stub+a", "this kernel does not have it"
	op.Supported, op.Unknown, op.Usable, op.Why = false, true, false, strings.Repeat("a reason that goes on and ", 8)+"on"
	use(stub("", a, op))
	table = features(t)
	if got := row(t, table, "a"); got != "6.0 no no stub+a this kernel does not have it" {
		t.Error(got)
	}
	if got := row(t, table, "OP_B"); !strings.HasPrefix(got, "6.9 unknown no a reason") {
		t.Error(got)
	}
	if got := strings.Join(strings.Fields(table), " "); !strings.Contains(got, "is not available here: it is masked") || strings.Count(got, "a reason that") != 8 {
		t.Error(table)
	}
}

// The binary tells about this kernel, for a program as for a reader, and of one
// backend alone where that is asked.
func TestFeaturesJSON(t *testing.T) {
	t.Parallel()
	list := featureList(t, newRun(t, "features", "--json").start().wait(exitOK))
	var names []string
	for _, b := range list {
		names = append(names, b.Name)
		if len(b.Capabilities) == 0 {
			t.Errorf("%s: no capabilities", b.Name)
		}
	}
	if s := strings.Join(names, ","); s != "uring,epoll,threadpool,net" {
		t.Errorf("backends %s", s)
	}
	table := newRun(t, "features").start().wait(exitOK).stdout.String()
	for _, b := range list {
		for _, c := range b.Capabilities {
			if strings.Contains(c.Name, " ") {
				continue
			}
			if got := row(t, table, c.Name); c.Supported != (strings.Fields(got)[1] == "yes") {
				t.Errorf("%+v: %s", c, got)
			}
		}
	}
	if one := featureList(t, newRun(t, "features", "epoll", "--json").start().wait(exitOK)); len(one) != 1 || one[0].Name != "epoll" {
		t.Errorf("%+v", one)
	}
}

func featureList(t *testing.T, r *run) (list []result.Backend) {
	t.Helper()
	if err := json.Unmarshal(r.stdout.Bytes(), &list); err != nil {
		t.Fatalf("%v:\n%s", err, &r.stdout)
	}
	return list
}

// On a kernel that refuses a request for real, here by a filter, the tier falls,
// the table says so, the variant is refused, and a result tells of both.
func TestFeaturesMasked(t *testing.T) {
	t.Parallel()
	b, err := backends.Lookup("uring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	if b.Traits().Tier == "5.15" {
		t.Skip("this kernel has no buffer rings to be taken away")
	}
	whole := featureList(t, newRun(t, "features", "--json", "uring").start().wait(exitOK))[0]
	const pbufRing, query = 22, 35 // IORING_REGISTER_PBUF_RING, _QUERY
	limits := []string{fmt.Sprintf("-register=%d", pbufRing)}
	uring := featureList(t, confined(t, limits, "features", "--json", "uring").start().wait(exitOK))[0]
	if uring.Tier != "5.15" || slices.Contains(uring.Features, "bufring") {
		t.Errorf("tier %s with %v", uring.Tier, uring.Features)
	}
	table := confined(t, limits, "features").start().wait(exitOK).stdout.String()
	if got := row(t, table, "bufring"); got != "5.19 no no uring+bufring this kernel does not have it" {
		t.Error(got)
	}
	if !strings.Contains(table, "tier 5.15") {
		t.Error("the table names another tier")
	}
	confined(t, limits, "echo", "--backend=uring+bufring").start().wait(exitUsage).says("feature bufring needs IORING_REGISTER_PBUF_RING, Linux 5.19")
	r := confined(t, limits, shortEcho("--backend=uring", "-o", "r.json", "--rate=1000", "--placement=shared")...).start().wait(exitOK, "r.json")
	set := r.result("r.json")
	i := slices.IndexFunc(set.Env.Capabilities, func(b result.Backend) bool { return b.Name == "uring" })
	if i < 0 || set.Env.Capabilities[i].Tier != "5.15" || len(set.Env.Capabilities[i].Capabilities) != len(uring.Capabilities) {
		t.Errorf("the result's capabilities: %+v", set.Env.Capabilities)
	}
	if len(set.Trials) != 1 || set.Trials[0].Tier != "5.15" {
		t.Errorf("trials %+v", set.Trials)
	}
	// A kernel that cannot be asked is tried, and what cannot be tried is not known.
	old := featureList(t, confined(t, []string{fmt.Sprintf("-register=%d", query)}, "features", "--json", "uring").start().wait(exitOK))[0]
	for i, c := range old.Capabilities {
		asked := whole.Capabilities[i]
		if c.Name == "hugepage" { // pages that are free come and go
			asked.Usable, asked.Why = c.Usable, c.Why
		}
		if c.Name != "IORING_REGISTER_QUERY" && !reflect.DeepEqual(c, asked) {
			t.Errorf("%+v, and when asked %+v", c, asked)
		}
	}
}

// A kernel that cannot give what a feature takes, here for want of memory by a
// filter, gives all else; the table does not call the feature unknown to it.
func TestFeaturesRefused(t *testing.T) {
	t.Parallel()
	b, err := backends.Lookup("uring+zcfixed")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	const buffers = 0 // IORING_REGISTER_BUFFERS
	limits := []string{fmt.Sprintf("-register=%d", buffers), fmt.Sprintf("-register-errno=%d", syscall.ENOMEM)}
	table := confined(t, limits, "features", "uring").start().wait(exitOK).stdout.String()
	if got := row(t, table, "zcfixed"); got != "6.2 unknown no uring+zcfixed refused: cannot allocate memory" {
		t.Error(got)
	}
	if tier := "tier " + b.Traits().Tier; !strings.Contains(table, tier) {
		t.Errorf("not %s:\n%s", tier, table)
	}
	confined(t, limits, "echo", "--backend=uring+zcfixed").start().wait(exitUsage).says("feature zcfixed is refused (cannot allocate memory)")
}

// Where io_uring is refused the list says why, and is no error.
func TestFeaturesWithoutRing(t *testing.T) {
	t.Parallel()
	r := confined(t, []string{fmt.Sprintf("-errno=%d", syscall.EPERM)}, "features").start().wait(exitOK)
	r.prints("backend uring is not available here: a seccomp filter forbids io_uring", "epoll_pwait2")
	if got := row(t, r.stdout.String(), "defer"); !strings.Contains(got, "no no uring+defer a seccomp filter") {
		t.Error(got)
	}
}
