package bench

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
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
			{Order: 1, Machine: &result.Machine{Seconds: 2}, Server: c.server, Seconds: 2, LateSeconds: c.late, Moments: []result.Moment{{Machine: result.Machine{Seconds: 1}}, {Machine: c.machine}}},
			{Order: 2, Void: "lost", Machine: &c.machine, Server: server, Seconds: c.window, LateSeconds: c.late},
		}
		set.Trials = trials
		disturb(set)
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

// Where servers and clients wait for CPUs much longer than in the other trials of their
// cells all of them are disturbed, however long they wait always, and whoever it is.
func TestDisturbedByWaiting(t *testing.T) {
	waits := func(order, cell int, server, client float64) result.Trial {
		return result.Trial{
			Order: order, Cell: cell, Machine: &result.Machine{Seconds: 2}, Seconds: 2,
			Server: &result.Process{ThreadSeconds: 2, RunQueueWait: new(2 * server)},
			Client: &result.Process{ThreadSeconds: 2, RunQueueWait: new(2 * client)},
		}
	}
	solo := func(waited ...[2]float64) (list []result.Trial) {
		for i, w := range waited {
			list = append(list, waits(i, 0, w[0], w[1]))
		}
		return list
	}
	unknown := waits(9, 0, 0, 0)
	unknown.Server.RunQueueWait, unknown.Client = nil, nil
	alone := solo([2]float64{0.02, 0}, [2]float64{0.02, 0}, [2]float64{2, 0})
	for i := range alone {
		alone[i].Client = nil
	}
	void := waits(10, 0, 9, 9)
	void.Void = "lost"
	duets := func(pairs ...[4]float64) (list []result.Trial) {
		for i, w := range pairs {
			one, other := waits(i, 0, w[0], w[1]), waits(i, 1, w[2], w[3])
			if i%2 == 1 {
				one, other = other, one
			}
			list = append(list, one, other)
		}
		return list
	}
	for _, c := range []struct {
		name   string
		limit  float64
		trials []result.Trial
		want   map[int]string
	}{
		{"alike", 0.1, solo([2]float64{0.02, 0}, [2]float64{0.03, 0}, [2]float64{0.14, 0}), nil},
		{"server", 0.1, solo([2]float64{0.02, 0}, [2]float64{0.04, 0}, [2]float64{0.2, 0}), map[int]string{2: "waited for a CPU for 0.2 s a second, above the limit of 0.16,"}},
		{"client", 0.1, solo([2]float64{0.02, 0.5}, [2]float64{0.03, 0.1}, [2]float64{0.02, 0.1}), map[int]string{0: "for 0.52 s"}},
		{"a pool", 0.1, solo([2]float64{7, 0}, [2]float64{4, 0}, [2]float64{3, 0}, [2]float64{6, 0}, [2]float64{4, 0}), map[int]string{0: "for 7 s"}},
		{"few", 0.1, append(solo([2]float64{0.02, 0}, [2]float64{2, 0}), void), nil},
		{"not known", 0.1, append(solo([2]float64{0.02, 0}, [2]float64{0.02, 0}, [2]float64{2, 0}), unknown), map[int]string{2: "for 2 s"}},
		{"no client", 0.1, alone, map[int]string{2: "for 2 s"}},
		{"no limit", 0, solo([2]float64{0.02, 0}, [2]float64{0.03, 0}, [2]float64{2, 0}), nil},
		{"by turns", 0.1, duets([4]float64{0.1, 0.1, 0.6, 0.6}, [4]float64{0.6, 0.6, 0.1, 0.1}, [4]float64{0.1, 0.1, 0.6, 0.6}), nil},
		{"a third", 0.1, duets([4]float64{0.1, 0.1, 0.6, 0.6}, [4]float64{0.6, 0.6, 0.1, 0.1}, [4]float64{1.1, 0.6, 0.6, 0.6}), map[int]string{4: "for 2.9 s", 5: "for 2.9 s"}},
	} {
		l := limits
		l.WaitShare = c.limit
		set := &result.Set{Env: result.Env{CPUs: 64}, Plan: result.Plan{Limits: l}, Trials: c.trials}
		for i := range set.Trials {
			set.Trials[i].Disturbed = "as it seemed when there were fewer"
		}
		disturb(set)
		for i, got := range set.Trials {
			if want := c.want[i]; got.Void == "" && ((got.Disturbed == "") != (want == "") || !strings.Contains(got.Disturbed, want)) {
				t.Errorf("%s: trial %d: %q, want %q", c.name, i, got.Disturbed, want)
			}
		}
	}
}

// A trial in which another program takes the server's CPU is disturbed by the wait for
// it, also where of all CPUs that is little.
func TestRivalForTheCPUDisturbs(t *testing.T) {
	testenv.Full(t)
	const at = 2 // a block
	o := options("epoll")
	o.Trials, o.Warmup, o.Duration = 5, 100*time.Millisecond, 500*time.Millisecond
	p := planOf(t, o)
	p.Limits.OtherShare = 1 // as on a machine with many CPUs
	var rival *exec.Cmd
	set, err := Run(t.Context(), p, func(s Step, _ *result.Set) {
		switch {
		case s.Block == at+1 && rival == nil:
			rival = exec.Command("taskset", "-c", strconv.Itoa(p.ServerCPUs[0]), "sh", "-c", "while :; do :; done")
			if err := rival.Start(); err != nil {
				t.Fatal(err)
			}
		case s.Block == at+2 && rival.ProcessState == nil:
			_ = rival.Process.Kill()
			_ = rival.Wait() // it was killed
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.Trials {
		trial := &set.Trials[i]
		t.Logf("block %d: the server waited %.3f s a second; %s", trial.Block, trial.RunQueueWaitShare(), trial.Disturbed)
		if trial.Block == at && !strings.Contains(trial.Disturbed, "server and client waited for a CPU") {
			t.Errorf("the trial beside a rival for the server's CPU is disturbed by %q", trial.Disturbed)
		}
	}
}
