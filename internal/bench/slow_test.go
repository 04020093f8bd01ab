package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

// A server that is to be slower is so by what was asked for, of a share by what
// that is of the cost that was measured, and its name says it.
func TestSlowed(t *testing.T) {
	t.Parallel()
	o := options("epoll", "threadpool")
	o.Duration, o.Warmup = 50*time.Millisecond, 10*time.Millisecond
	o.echo().Conns, o.Slow = []int{4}, []string{"epoll=100%", "threadpool=30us"}
	p := planOf(t, o)
	set := mustRun(t, o)
	names := []string{"epoll", "threadpool", "epoll (slowed 100 %)", "threadpool (slowed 30000 ns)"}
	for i, c := range set.Plan.Cells {
		if c.Contestant != names[i] || p.Cells[i].Contestant != names[i] {
			t.Errorf("contestant %q, want %q", c.Contestant, names[i])
		}
	}
	for _, tr := range set.Trials {
		cell := set.Plan.Cells[tr.Cell]
		// An event loop allocates nothing: what there is is of the process. A pool is not asked.
		messages := float64(tr.Counters["bytes_in"]) / 64 // the server's, which has its own edges of the window
		if each := tr.CountedAllocations; (each != nil) != (cell.Backend == "epoll" && messages > 0) || each != nil && *each*messages > 2048 {
			t.Errorf("%s: allocations a message of %.0f: %v", cell.Contestant, messages, each)
		}
		if tr.Cell < 2 {
			if tr.Slowed != nil || cell.SpinNanos != 0 {
				t.Errorf("%s: %v, spin of %v ns", cell.Contestant, tr.Slowed, cell.SpinNanos)
			}
			continue
		}
		if tr.Slowed == nil || tr.Slowed.Messages < float64(tr.Messages) {
			t.Fatalf("%s spun %+v, answered %d messages", cell.Contestant, tr.Slowed, tr.Messages)
		}
		asked := tr.Slowed.Messages * cell.SpinNanos / 1e9
		if math.Abs(tr.Slowed.CPUSeconds-asked) > 0.05*asked+0.002+4*cell.SpinNanos/1e9 { // some is owed still
			t.Errorf("%s spun %.6f s for %.0f messages, asked for %.6f", cell.Contestant, tr.Slowed.CPUSeconds, tr.Slowed.Messages, asked)
		}
		// All that its process used a message has that in it.
		if cpu := tr.ServerCPUPerMessage(); tr.Messages > 1000 && cpu < 0.8*cell.SpinNanos || cell.SpinNanos < 500 {
			t.Errorf("%s used %.0f ns a message, of which it spun %.0f", cell.Contestant, cpu, cell.SpinNanos)
		}
	}
}

func TestSlowRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"uring=5%", "no server of ours of that name takes part"},
		{"epoll", "no server of ours of that name takes part"},
		{"epoll=", "must be NAME=SHARE"},
		{"epoll=-5%", "no share above 0"},
		{"epoll=x%", "no share above 0"},
		{"epoll=NaN%", "no share above 0"},
		{"epoll=2h", "up to 1s"},
		{"epoll=0ns", "above 0"},
	} {
		o := options("epoll")
		o.Slow = []string{c[0]}
		if _, _, err := o.Plan(); err == nil || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), c[0]) {
			t.Errorf("--slow=%s: error %v, want %q", c[0], err, c[1])
		}
	}
}
