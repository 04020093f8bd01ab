package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/child"
)

// start brings up the only contestant of a plan.
func start(t *testing.T, o Options) (*runner, *contestant) {
	t.Helper()
	p := planOf(t, o)
	r := &runner{plan: p}
	c, err := r.start(t.Context(), p.Cells[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.stop() })
	return r, c
}

// By default the server has a CPU of its own and the client one or two others,
// where there are as many, and that is where the kernel runs them.
func TestDefaultCPUs(t *testing.T) {
	may := child.Allowed()
	server, client := may[:1], may[:1]
	if len(may) > 1 {
		client = may[1:min(3, len(may))]
	}
	_, c := start(t, options("epoll"))
	for _, p := range []struct {
		name string
		pid  int
		want []int
	}{{"server", c.pid, server}, {"client", c.client.PID(), client}} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "\nCpus_allowed_list:")
		got, _, _ := strings.Cut(rest, "\n")
		if want := child.List(p.want); strings.TrimSpace(got) != want {
			t.Errorf("the %s may run on CPUs %s, want %s", p.name, strings.TrimSpace(got), want)
		}
	}
}
