package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// remains is what a run could leave behind: children, descriptors of ours, and
// directories of Unix sockets.
type remains struct {
	children, fds int
	dirs          []string
}

func look() (r remains) {
	r.children = len(children(os.Getpid()))
	fds, _ := filepath.Glob("/proc/self/fd/*")
	r.fds = len(fds)
	r.dirs, _ = filepath.Glob(filepath.Join(os.TempDir(), "ringbench-*"))
	return r
}

// nothingLeft fails the test when something is there that was not before.
func nothingLeft(t *testing.T, before remains) {
	t.Helper()
	var now remains
	eventually(t, "the run has left nothing behind", func() bool {
		now = look()
		return now.children <= before.children && now.fds <= before.fds
	})
	for _, dir := range now.dirs {
		if !slices.Contains(before.dirs, dir) {
			t.Errorf("%s was left behind", dir)
		}
	}
}

func all() []string { return []string{"uring", "epoll", "threadpool", "net"} }

// A harness that is killed takes its servers and clients with it.
func TestKilledHarnessLeavesNoChild(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // a killed process cannot remove its directories
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			o := options("epoll")
			o.echo().Networks, o.Duration, o.echo().Conns = []string{network}, time.Minute, []int{8}
			p, err := child.Start(child.Spec{Role: "harness", Config: planOf(t, o)})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop(0)
			var pids []int
			eventually(t, "server and client run", func() bool {
				if err := p.Call(t.Context(), "children", nil, &pids); err != nil {
					t.Fatal(err)
				}
				return len(pids) == 2
			})
			time.Sleep(200 * time.Millisecond) // mid-trial
			if err := unix.Kill(p.PID(), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for _, pid := range pids {
				eventually(t, fmt.Sprintf("child %d is gone", pid), func() bool {
					state, _ := procStat(pid)
					return state == "" || state == "Z"
				})
			}
		})
	}
}

// A trial is void because its client ended, whoever was the first to notice.
func TestLostClientIsBlamed(t *testing.T) {
	t.Parallel()
	c := saturated(t, "epoll", "tcp")
	if err := unix.Kill(c.client.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.client.Done()
	err := c.blame(ended("process %d has ended", c.client.PID()))
	if err == nil || err.Error() != "the client of epoll ended in mid-trial: killed by signal 9 (killed)" || !isVoid(err) {
		t.Error(err)
	}
}

// An interrupted run returns what was measured before and leaves nothing, the
// directory of its sockets included.
func TestInterruptedRun(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mustRun(t, options("epoll")) // what a process makes once is there
	before := look()
	o := options("epoll")
	o.echo().Networks, o.Trials, o.Duration = []string{"unix"}, 50, 100*time.Millisecond
	p := planOf(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := 0 // trials when it is interrupted: as soon as one has found the machine in time
	set, err := Run(ctx, p, func(s Step, set *result.Set) {
		if over == 0 && s.Done >= 2 && slices.ContainsFunc(set.Trials, func(t result.Trial) bool { return t.Messages > 0 }) {
			over = s.Done
			time.AfterFunc(250*time.Millisecond, cancel) // in the middle of the next
		}
	}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !set.Interrupted || over == 0 || len(set.Trials) < over || len(set.Trials) > over+2 {
		t.Fatalf("interrupted %v after %d trials, of which %d are left", set.Interrupted, over, len(set.Trials))
	}
	for _, trial := range set.Trials[:over] {
		if trial.Void != "" || trial.Server == nil {
			t.Errorf("a trial that was over when the run was interrupted: %+v", trial)
		}
	}
	nothingLeft(t, before)
}

// Any number of connections works on every backend, and nothing stays.
func TestConnections(t *testing.T) {
	counts := []int{1000}
	if testenv.IsLong() {
		counts = append(counts, 1, 64, 10_000)
	}
	t.Setenv("TMPDIR", t.TempDir())
	mustRun(t, options("epoll"))
	before := look()
	for _, conns := range counts {
		t.Run(fmt.Sprint(conns), func(t *testing.T) {
			o := options(all()...)
			o.echo().Conns = []int{conns}
			if conns >= 10_000 {
				o.Warmup, o.Duration = 5*time.Second, time.Minute
			} else if conns >= 1000 {
				o.Warmup, o.Duration = 200*time.Millisecond, 300*time.Millisecond
			}
			set := mustRun(t, o)
			for range 3 {
				// A thousand threads may want more time than that on a busy machine.
				if !slices.ContainsFunc(set.Trials, func(t result.Trial) bool { return t.Unserved > 0 || t.Messages == 0 }) {
					break
				}
				o.Warmup, o.Duration = 2*o.Warmup, 2*o.Duration
				set = mustRun(t, o)
			}
			if len(set.Trials) != len(all()) {
				t.Fatalf("%d trials", len(set.Trials))
			}
			for _, trial := range set.Trials {
				name := set.Plan.Name(trial.Cell)
				if trial.Messages == 0 || trial.Bytes != trial.Messages*64 {
					t.Errorf("%s: %d messages, %d bytes verified", name, trial.Messages, trial.Bytes)
				}
				if trial.Unserved > 0 {
					t.Errorf("%s: %d of %d connections were never served", name, trial.Unserved, conns)
				}
				t.Logf("%s: %d messages verified on %d connections", name, trial.Messages, conns)
			}
		})
	}
	nothingLeft(t, before)
}

// A connection that is never answered may wait in the backlog, or has lost its
// message where the server is known to serve all.
func TestWhoServesAll(t *testing.T) {
	for _, c := range []struct {
		own            bool
		workers, conns int
		all            bool
	}{
		{true, 0, 10, true},
		{true, 9, 10, false},
		{true, 10, 10, true},
		{true, 11, 10, true},
		{false, 0, 10, false},
	} {
		s := &contestant{own: c.own, cell: result.Cell{Load: result.Load{Workload: "echo", Conns: c.conns}, Workers: c.workers}}
		if got := s.allServed(); got != c.all {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Connections that wait for a worker are reported, and their wait is measured.
func TestBacklogIsReported(t *testing.T) {
	t.Parallel()
	o := options("threadpool")
	o.echo().Conns, o.Workers = []int{10}, 4
	trial := mustRun(t, o).Trials[0]
	for range 3 { // a stall can keep the four from being served
		if trial.Unserved == 6 && trial.Messages > 0 {
			break
		}
		o.Warmup, o.Duration = 2*o.Warmup, 2*o.Duration
		trial = mustRun(t, o).Trials[0]
	}
	if trial.Unserved != 6 {
		t.Errorf("%d connections unserved by 4 workers, not 6", trial.Unserved)
	}
	// Of ten connections the six that waited all through decide the median.
	if w, length := trial.BacklogWait, o.Warmup+o.Duration; w == nil || w.TotalCount() != 10 || w.ValueAtPercentile(50) < int64(length) {
		t.Errorf("wait in the backlog, of a load of %v: %+v", length, w)
	}
	if trial.Messages == 0 {
		t.Error("nothing was measured")
	}
}
