package bench

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A row must not be named for a feature that changes nothing in it.
func TestNamedFeaturesAct(t *testing.T) {
	b, err := backends.Lookup("uring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	piped := options()
	piped.echo().Pipelines = []int{1, 8}
	for _, c := range []struct {
		o       Options
		variant string
		want    string // in the error, or in the warning where it begins with its variant
	}{
		{readOptions(t, ReadGrid{}), "uring+fixedbufs", ""},
		{readOptions(t, ReadGrid{}), "epoll+syscall", ""}, // whatever the loop does
		{readOptions(t, ReadGrid{}), "uring+msgring", "--backend=uring+msgring: msgring would change nothing: it acts on accept with multishot, of which there is none here; leave it out"},
		{readOptions(t, ReadGrid{}), "uring-multishot+fixedbufs", "multishot would change nothing: it acts on accept with multishot; recv"},
		{options(), "epoll+sendfile", "sendfile would change nothing: it acts on sendfile, of which there is none here"},
		{options(), "uring+regwait", "regwait would change nothing: it acts on no op"},
		{churnOptions(), "uring+regfiles", "regfiles would change nothing"},
		{piped, "uring+sendbundle", "uring+sendbundle: sendbundle changes nothing under some loads: it acts on send with link to the same descriptor, of which there is none under tcp, 1 connection × 64 B, closed loop"},
	} {
		b, err := backends.Lookup(c.variant)
		if err != nil {
			t.Fatal(err)
		}
		if b.Probe() != nil {
			continue // of this kernel, which has not all
		}
		c.o.Backends, c.o.Loops = []string{c.variant}, 2
		_, warnings, err := c.o.Plan()
		said := strings.Join(warnings, "\n")
		if (err != nil) != (c.want != "" && !strings.HasPrefix(c.want, c.variant)) {
			t.Errorf("%s: error %v", c.variant, err)
		}
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, not %q", c.variant, said, c.want)
		}
	}
}

// A client accepts no connections that it could hand on.
func TestClientHandsOnNothing(t *testing.T) {
	b, err := backends.Lookup("uring+msgring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	o := options("epoll")
	o.Client = b.Name()
	if _, _, err := o.Plan(); err == nil || !strings.Contains(err.Error(), "a client accepts none; leave the feature out") {
		t.Error(err)
	}
}
