package bench

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

func TestDisturbed(t *testing.T) {
	server := &result.Process{}
	for _, c := range []struct {
		name         string
		machine      result.Machine
		server       *result.Process
		irq, want    string
		window, late float64
	}{
		{name: "quiet", machine: result.Machine{Seconds: 1, StealSeconds: 0.05, OtherSeconds: 0.1}, server: server},
		{name: "steal", machine: result.Machine{Seconds: 1, StealSeconds: 0.5}, server: server, want: "the hypervisor took 12 % of all CPUs' time, above the limit of 10 %"},
		{name: "others", machine: result.Machine{Seconds: 1, OtherSeconds: 1}, server: server, want: "other processes took 25 %"},
		// The kernel's figures are too coarse for so short a window.
		{name: "short", machine: result.Machine{Seconds: 0.05, OtherSeconds: 0.03, StealSeconds: 0.03}, server: server},
		// Softirqs that are charged to no process may be the test's own.
		{name: "softirqs in tasks", machine: result.Machine{Seconds: 1, OtherSeconds: 1, SoftirqSeconds: 0.9}, server: server, irq: "task", want: "other processes"},
		{name: "softirqs apart", machine: result.Machine{Seconds: 1, OtherSeconds: 1, SoftirqSeconds: 0.9}, server: server, irq: "apart"},
		// A server that nobody knows the process of is among the others.
		{name: "unknown server", machine: result.Machine{Seconds: 1, OtherSeconds: 1}},
		{name: "late", machine: result.Machine{Seconds: 1}, server: server, window: 1, late: 0.3, want: "use a longer --warmup or --duration"},
		{name: "little late", machine: result.Machine{Seconds: 1}, server: server, window: 1, late: 0.1},
		{name: "two", machine: result.Machine{Seconds: 1, OtherSeconds: 1, StealSeconds: 1}, server: server, want: "; other processes"},
	} {
		set := &result.Set{Env: result.Env{CPUs: 4, IRQAccounting: c.irq}, Plan: result.Plan{Limits: limits}}
		trials := []result.Trial{
			{Machine: &c.machine, Server: c.server, Seconds: c.window, LateSeconds: c.late},
			{Machine: &c.machine, Server: server, Seconds: c.window, LateSeconds: c.late},
			{Machine: &result.Machine{Seconds: 2}, Server: c.server, Seconds: 2, LateSeconds: c.late, Moments: []result.Moment{{Machine: result.Machine{Seconds: 1}}, {Machine: c.machine}}},
			{Void: "lost", Machine: &c.machine, Server: server, Seconds: c.window, LateSeconds: c.late},
		}
		disturb(set, trials)
		for _, got := range []string{trials[0].Disturbed, trials[1].Disturbed} {
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
		// A moment may be what the window is not; that it was metered late is none's.
		calm, moment := trials[2].Moments[0].Disturbed, trials[2].Moments[1].Disturbed
		if want := c.want != "" && c.late == 0; trials[2].Disturbed != "" || calm != "" || (moment != "") != want || want && !strings.Contains(moment, c.want) {
			t.Errorf("%s: trial %q of moments %q and %q", c.name, trials[2].Disturbed, calm, moment)
		}
		if trials[3].Disturbed != "" {
			t.Errorf("%s: a trial that is void is disturbed: %s", c.name, trials[3].Disturbed)
		}
	}
}
