package main

import (
	"os"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

func shortChurn(args ...string) []string {
	return append([]string{"churn", "--duration=100ms", "--warmup=50ms", "--trials=1", "--audit=false", "--conns=4"}, args...)
}

// Short connections to servers of ours and of others, in one table that names
// them.
func TestChurn(t *testing.T) {
	t.Parallel()
	r := measured(func() *run {
		return newRun(t, shortChurn("--backend=epoll,net", foreign(t, "good"), "--requests-per-conn=2", "-o", "r.json")...).start().wait(exitOK, "r.json")
	})
	r.prints("epoll", "net", "mine", "connections/s", "requests", "server CPU ns/conn", "4 connections at a time, 2 requests × 64 B each")
	for _, trial := range r.result("r.json").Trials {
		if trial.Bytes != trial.Messages*2*64 {
			t.Errorf("%d bytes in %d connections of 2 × 64", trial.Bytes, trial.Messages)
		}
	}
}

// A server that fails in mid-connection makes its trial void, for a reason that
// says what it did.
func TestChurnOfBrokenServers(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"corrupts": "the server echoed a wrong byte",
		"hangs-up": "was lost on ",
		"adds":     "the server sent 1 bytes more than it was sent",
		"dies":     "the mine server ended in mid-trial",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			newRun(t, shortChurn(foreign(t, kind), "--requests-per-conn=30", "--duration=2s")...).start().wait(exitFailed).says(want)
		})
	}
}

// Ctrl-C in mid-load leaves no process behind, and what was measured is written.
func TestChurnInterrupted(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortChurn("--backend=epoll,net", "--trials=1000", "--requests-per-conn=1", "-o", "r.json")...).start()
	r.threeServers()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.wait(exitInterrupted, "r.json").says("ringbench: interrupted").prints("connections/s", "interrupted: the plan was not finished")
}

// Idle connections beside the others, and a server that closes them.
func TestIdleConns(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll,net", foreign(t, "good"), "--idle-conns=50", "-o", "r.json")...).start().wait(exitOK, "r.json")
	r.prints("4 connections × 64 B and 50 idle", "idle connections", "server KiB each", "kernel KiB each")
	for _, trial := range r.result("r.json").Trials {
		if trial.Idle == nil || trial.Idle.Connections != 50 || trial.Idle.User == nil || trial.Idle.Kernel == nil {
			t.Errorf("%+v", trial.Idle)
		}
	}
}

// What cannot hold them is refused before anything runs.
func TestIdleConnsRefused(t *testing.T) {
	t.Parallel()
	limits := []string{"-nofile-soft=100", "-nofile-hard=265"}
	confined(t, limits, "echo", "--backend=epoll", "--conns=50", "--idle-conns=150").start().wait(exitUsage).
		says("--conns=50 with --idle-conns=150: 266 open files are needed, but the hard limit is 265")
	newRun(t, "echo", "--backend=threadpool", "--conns=5", "--idle-conns=10", "--workers=14").start().wait(exitUsage).
		says("--workers=14 is less than the connections", "leave --workers out or give it 15")
	newRun(t, "echo", "--idle-conns=-1").start().wait(exitUsage).says("--idle-conns=-1 is out of range: 0 to 1000000")
}

// With 200 ports connections are spread over source addresses where there are
// others, and where there is but one their want is told. Linux may use a port in
// TIME_WAIT again after a second, so that it takes more than that a second.
func TestChurnOutOfPorts(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	testenv.Need(t, "root", testenv.Root()) // for a network namespace
	limits := []string{"-ports=40000 40199"}
	args := shortChurn("--backend=epoll", "--requests-per-conn=1", "-o", "r.json")
	var made uint64
	for _, duration := range []string{"1s", "3s", "10s"} { // as long as a slow machine takes to need more ports
		set := confined(t, limits, append(args, "--duration="+duration)...).start().wait(exitOK, "r.json").result("r.json")
		if made = set.Trials[0].Messages; made > 400 {
			break
		}
	}
	if made <= 400 {
		t.Errorf("%d connections in 10 s", made)
	}
	confined(t, limits, append(args, "--network=tcp6", "--duration=2m")...).start().wait(exitFailed, "r.json").
		says("was lost on connect: cannot assign requested address; no ephemeral port is free: widen net.ipv4.ip_local_port_range")
}
