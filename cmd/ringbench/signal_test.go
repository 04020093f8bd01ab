package main

import (
	"os"
	"syscall"
	"testing"
)

// What was measured before an interrupt is written and printed.
func TestInterrupt(t *testing.T) {
	for name, sig := range map[string]os.Signal{"SIGINT": os.Interrupt, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, shortEcho("--backend=epoll,net", "--network=tcp,unix", "--trials=1000", "-o", "r.json")...).start()
			servers := map[int]bool{}
			r.eventually("three servers one after the other", func() bool {
				for _, pid := range r.processes("rb-echo") {
					servers[pid] = true
				}
				return len(servers) >= 3
			})
			if err := r.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			r.wait(exitInterrupted, "r.json").says("ringbench: interrupted").prints("messages/s", "interrupted: the plan was not finished")
			set := r.result("r.json")
			if n := len(set.Trials); !set.Interrupted || n < 2 || n >= 4000 || len(set.Void()) > 0 {
				t.Errorf("interrupted %v, %d trials, %d void", set.Interrupted, n, len(set.Void()))
			}
		})
	}
}

// An interrupt before anything was measured is one, too.
func TestInterruptAtOnce(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", "-o", "r.json")...).start()
	r.awaitProcess("rb-client") // of the harness floor
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.wait(exitInterrupted, "r.json").says("ringbench: interrupted")
	if set := r.result("r.json"); !set.Interrupted || len(set.Trials) != 0 {
		t.Errorf("interrupted %v, %d trials", set.Interrupted, len(set.Trials))
	}
}

// A parent that is killed takes everything with it.
func TestParentKilled(t *testing.T) {
	for name, c := range map[string]struct {
		processes int // servers, clients and itself
		args      []string
	}{
		"unix":    {3, []string{"--backend=threadpool", "--network=unix"}},
		"duet":    {5, []string{"--backend=epoll,net", "--duet"}},
		"foreign": {3, []string{foreign(t, "good")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"echo", "--conns=4", "--duration=1m", "--trials=1", "--rate=1000", "-o", "r.json"}, c.args...)
			r := newRun(t, args...).start()
			r.eventually("all processes", func() bool { return len(r.processes("")) == c.processes })
			if err := r.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = r.cmd.Wait()
			r.eventually("the end of its children", func() bool { return len(r.processes("")) == 0 })
			r.leavesNothing()
		})
	}
}
