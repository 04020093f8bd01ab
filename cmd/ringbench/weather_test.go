package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// foreign is the flag for one of our broken servers, by its kind.
func foreign(t *testing.T, kind string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return "--server-cmd=mine=" + exe + " " + serverRole + " " + kind + " {port}"
}

// voids asserts that every trial of the foreign server is void for a reason
// that contains all the parts, and that all others count.
func (r *run) voids(parts ...string) *run {
	r.t.Helper()
	set := r.result("r.json")
	if want := len(set.Plan.Cells) * set.Plan.Trials; len(set.Trials) != want {
		r.t.Errorf("%d trials, want %d", len(set.Trials), want)
	}
	if set.Interrupted {
		r.t.Error("the run counts as interrupted, and it was not")
	}
	for _, tr := range set.Trials {
		if set.Plan.Cells[tr.Cell].Contestant != "mine" {
			if tr.Void != "" {
				r.t.Errorf("%s: void %q", set.Plan.Name(tr.Cell), tr.Void)
			}
			continue
		}
		for _, p := range parts {
			if !strings.Contains(tr.Void, p) {
				r.t.Errorf("mine: void %q does not say %q", tr.Void, p)
			}
		}
	}
	return r
}

// A foreign server that behaves is measured like one of ours.
func TestForeignServer(t *testing.T) {
	t.Parallel()
	r := measured(func() *run {
		return newRun(t, shortEcho(foreign(t, "good"), "--duration=300ms", "-o", "r.json")...).start().wait(exitOK, "r.json")
	}).voids()
	r.prints("mine", "foreign server,")
	for _, tr := range r.result("r.json").Trials {
		if tr.Void != "" || tr.Messages == 0 || tr.Server == nil || tr.Server.PeakRSS == 0 {
			t.Errorf("void %q, %d messages, server %+v", tr.Void, tr.Messages, tr.Server)
		}
	}
}

// Whatever a server does to the bytes is found out, and said.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	for kind, why := range map[string]string{
		"corrupts": "the server echoed a wrong byte",
		"mixes-up": "the server echoed a wrong byte",
		"loses":    "never answered",
		"repeats":  "the server ",
		"adds":     "the server ",
		"hangs-up": "was lost on ",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			args := shortEcho(foreign(t, kind), "-o", "r.json")
			if kind == "loses" { // which only shows in the end
				args = append(args, "--duration=2s")
			} else {
				args = append(args, "--duration=1h")
			}
			r := newRun(t, args...).start().wait(exitFailed, "r.json").voids("connection ", why)
			r.says("1 of 1 trials are void", why).prints("1 of 1 are void and not in the figures", "void: mine")
		})
	}
}

// A foreign server may have fewer workers than there are connections: one that is
// never answered is said to be, and does not make the trial void.
func TestForgottenConnection(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho(foreign(t, "forgets"), "-o", "r.json")...).start().wait(exitOK, "r.json").voids()
	r.prints("unserved: mine", "up to 1 of 4 connections never answered, waiting in the backlog, or their messages lost")
}

// An open loop so slow that some connections never send does not count those
// as unserved.
func TestSlowRate(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", "--conns=16", "--rate=1", "--warmup=600ms", "-o", "r.json")...).start().wait(exitOK, "r.json")
	if tr := r.result("r.json").Trials[0]; tr.Unserved != 0 || tr.Void != "" {
		t.Errorf("%d unserved, void %q", tr.Unserved, tr.Void)
	}
}

// A server that dies in mid-trial voids that trial, and the next is run. Of a
// stack trace the first line tells.
func TestServerDies(t *testing.T) {
	t.Parallel()
	for kind, last := range map[string]string{
		"dies":   "exit status 3: out of cheese",
		"panics": "exit status 2: panic: on purpose",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			args := shortEcho(foreign(t, kind), "--trials=2", "--duration=1h", "--rate=1000", "-o", "r.json")
			r := newRun(t, args...).start().wait(exitFailed, "r.json").voids("the mine server ended in mid-trial", last)
			r.says("2 of 2 trials are void", last).prints("2 of 2 are void", last+" (2 times)")
		})
	}
}

// A server that never gets ready, likewise.
func TestServerDoesNotStart(t *testing.T) {
	t.Parallel()
	for kind, parts := range map[string][]string{
		"refuses": {"mine ended before it listened on port", "exit status 4: the licence has expired"},
		"deaf":    {"mine did not listen on port", "not ready within 4s", "--start-timeout"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			args := shortEcho("--backend=epoll", foreign(t, kind), "-o", "r.json", "--rate=1000")
			if kind == "deaf" {
				args = append(args, "--start-timeout=4s")
			}
			newRun(t, args...).start().wait(exitFailed, "r.json").voids(parts...).says("1 of 2 trials are void").says(parts...).prints("epoll")
		})
	}
}

// A server whose port another process has taken is not measured in its stead.
func TestServerPortTaken(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho(foreign(t, "late"), "-o", "r.json")...).start()
	var port string
	r.eventually("the server has its port", func() bool {
		b, _ := os.ReadFile(filepath.Join(r.dir, "port"))
		line, ok := strings.CutSuffix(string(b), "\n")
		port = line
		return ok
	})
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r.wait(exitFailed, "r.json", "port").voids("another process listens on port "+port).says("1 of 1 trials are void", "another process listens on port "+port)
}

// One of our own processes is killed from outside.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, comm := range map[string]string{"server": "rb-echo", "client": "rb-client"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, shortEcho("--backend=epoll", "--duration=1h", "--rate=1000", "-o", "r.json")...).start()
			r.awaitProcess("rb-echo")
			victim := r.awaitProcess(comm)
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			r.wait(exitFailed, "r.json").says("1 of 1 trials are void", "killed by signal 9 (killed)")
			if set := r.result("r.json"); len(set.Trials) != 1 || set.Interrupted {
				t.Errorf("%d trials, interrupted %v", len(set.Trials), set.Interrupted)
			}
		})
	}
}
