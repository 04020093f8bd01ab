package main

import (
	"bytes"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// What was measured before an interrupt is written and printed.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			if signal.Ignored(sig) {
				t.Skip("it is ignored by whoever runs the tests")
			}
			t.Parallel()
			r := newRun(t, longPlan...).start()
			r.threeServers()
			if err := r.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			r.wasInterrupted()
		})
	}
}

// Ctrl-C reaches every process that belongs to the terminal, and must not end
// the children before their parent has taken what they measured.
func TestInterruptByTerminal(t *testing.T) {
	t.Parallel()
	master, slave := terminal(t)
	r := newRun(t, longPlan...)
	r.cmd.Stdin = slave
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // of descriptor 0
	r.start()
	slave.Close()
	r.threeServers()
	if _, err := master.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	r.wasInterrupted()
}

var longPlan = shortEcho("--backend=epoll,net", "--network=tcp,unix", "--trials=1000", "-o", "r.json")

// threeServers waits until at least two trials must have been completed.
func (r *run) threeServers() {
	r.t.Helper()
	servers := map[int]bool{}
	r.eventually("three servers one after the other", func() bool {
		for _, pid := range r.processes("rb-echo") {
			servers[pid] = true
		}
		return len(servers) >= 3
	})
}

func (r *run) wasInterrupted() {
	r.t.Helper()
	r.wait(exitInterrupted, "r.json").says("ringbench: interrupted").prints("messages/s", "interrupted: the plan was not finished")
	set := r.result("r.json")
	if n := len(set.Trials); !set.Interrupted || n < 2 || n >= 4000 || len(set.Void()) > 0 {
		r.t.Errorf("interrupted %v, %d trials, %d void", set.Interrupted, n, len(set.Void()))
	}
}

// An interrupt before anything was measured is one, too.
func TestInterruptAtOnce(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", "--duration=1m", "-o", "r.json")...).start()
	r.awaitProcess("rb-client") // of the harness floor
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.wait(exitInterrupted, "r.json").says("ringbench: interrupted")
	if set := r.result("r.json"); !set.Interrupted || len(set.Trials) != 0 {
		t.Errorf("interrupted %v, %d trials", set.Interrupted, len(set.Trials))
	}
}

// The rest of what is read may never come.
func TestInterruptOfReading(t *testing.T) {
	t.Parallel()
	r := newRun(t, "history", "import", "-")
	in, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	if _, err := in.Write(bytes.Repeat([]byte("\n"), 1<<17)); err != nil { // more than a pipe holds: it reads
		t.Fatal(err)
	}
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.wait(exitInterrupted).says("ringbench: interrupted")
}

// A parent that is killed takes everything with it.
func TestParentKilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		processes int // servers, clients, meters of hiccups and itself
		args      []string
	}{
		"unix":    {4, []string{"--backend=threadpool", "--network=unix"}},
		"duet":    {5, []string{"--backend=epoll,net", "--duet"}},
		"foreign": {4, []string{foreign(t, "good")}},
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
