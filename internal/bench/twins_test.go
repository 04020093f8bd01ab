package bench

import (
	"fmt"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/ctwin"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// The C programs answer every message of any size on any number of connections,
// which the load generator verifies, and end with status 0 when asked to.
func TestTwinsUnderLoad(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	names := []string{ctwin.Epoll, ctwin.Threads}
	if b, err := backends.Lookup("uring"); err == nil && b.Probe() == nil {
		names = append(names, ctwin.Uring)
	}
	programs, err := ctwin.Build(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	defer programs.Remove()
	loads := []result.Cell{{Load: result.Load{Workload: "echo", Conns: 1, Size: 1}}, {Load: result.Load{Workload: "echo", Conns: 300, Size: 64}}, {Load: result.Load{Workload: "echo", Conns: 4, Size: 1 << 20}}}
	if *long {
		loads = append(loads, result.Cell{Load: result.Load{Workload: "echo", Conns: 10_000, Size: 64}}, result.Cell{Load: result.Load{Workload: "echo", Conns: 200, Size: 1 << 20}})
	}
	c := Calibration{Twins: programs}
	for _, load := range loads {
		load.Pipeline, load.Loops = 1, 1
		t.Run(fmt.Sprintf("%d×%d", load.Conns, load.Size), func(t *testing.T) {
			o := options()
			o.echo().Conns, o.echo().Sizes = []int{load.Conns}, []int{load.Size}
			for _, name := range names {
				cell, err := c.twin(load, name)
				if err != nil {
					t.Fatal(err)
				}
				o.Commands = append(o.Commands, name+"="+cell.Command)
			}
			set := mustRun(t, o)
			for _, tr := range set.Trials {
				if tr.Ending != "" {
					t.Errorf("%s: %s", set.Plan.Name(tr.Cell), tr.Ending)
				}
			}
			if len(set.Trials) != len(names) {
				t.Errorf("%d trials of %d programs", len(set.Trials), len(names))
			}
		})
	}
}
