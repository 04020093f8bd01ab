package child

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func mustSay(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, s := range parts {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q is more than a line", err)
	}
}

func TestCall(t *testing.T) {
	p := start(t, Spec{Role: "answer", Name: "server", Config: map[string]string{"Greeting": "hello"}})
	ctx := within(t, 20*time.Second)
	var s string
	if err := p.Call(ctx, "config", nil, &s); err != nil || s != "hello" {
		t.Fatalf("config: %q, %v", s, err)
	}
	big := strings.Repeat("x\n", 200_000) // more than a pipe holds
	if err := p.Call(ctx, "echo", big, &s); err != nil || s != big {
		t.Fatalf("echo of %d bytes: %d bytes, %v", len(big), len(s), err)
	}
	mustSay(t, p.Call(ctx, "fail", nil, nil), "server: fail: no luck")
	mustSay(t, p.Call(ctx, "frobnicate", nil, nil), "server", "no such method", "frobnicate")
	mustSay(t, p.Call(ctx, "echo", 7, &s), "decode reply")
	if err := p.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if e := p.Exit(); !e.OK || e.Status != "exit status 0" {
		t.Errorf("exit %+v", e)
	}
	mustSay(t, p.Call(ctx, "echo", 1, &s), "server", "ended", "exit status 0")
}

func TestCallsOfManyGoroutinesKeepTheirReplies(t *testing.T) {
	p := start(t, Spec{Role: "answer"})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				var got int
				if err := p.Call(t.Context(), "echo", g*100+i, &got); err != nil || got != g*100+i {
					t.Errorf("echo %d: %d, %v", g*100+i, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCallThatTimesOutLeavesTheNextItsReply(t *testing.T) {
	p := start(t, Spec{Role: "answer"})
	mustSay(t, p.Call(within(t, 50*time.Millisecond), "freeze", nil, nil), "answer: freeze: no reply", "deadline")
	standsStill(t, p)
	if err := unix.Kill(p.PID(), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	var got int
	if err := p.Call(within(t, 20*time.Second), "echo", 5, &got); err != nil || got != 5 {
		t.Fatalf("echo: %d, %v", got, err)
	}
}

func TestCallWhoseTimeIsOverLeavesTheChildAlone(t *testing.T) {
	p := start(t, Spec{Role: "answer"})
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	mustSay(t, p.Call(past, "echo", 1, nil), "answer: echo: no reply", "deadline")
	var got int
	if err := p.Call(within(t, 20*time.Second), "echo", 5, &got); err != nil || got != 5 {
		t.Fatalf("echo: %d, %v", got, err)
	}
}

func TestDeathInMidCall(t *testing.T) {
	ctx := within(t, 20*time.Second)
	for _, c := range []struct {
		method string
		says   []string
	}{
		{"exit", []string{"server", "exit", "exit status 3", "the disk is on fire"}},
		{"segv", []string{"server", "segv", "killed by signal 9 (killed)"}},
	} {
		p := start(t, Spec{Role: "answer", Name: "server"})
		err := p.Call(ctx, c.method, nil, nil)
		mustSay(t, err, c.says...)
		mustSay(t, p.Stop(time.Second), c.says[2])
	}
}

func TestRoleThatFails(t *testing.T) {
	ctx := within(t, 20*time.Second)
	mustSay(t, start(t, Spec{Role: "refuse"}).Call(ctx, "go", nil, nil), "exit status 1", "nothing to do here")
	mustSay(t, start(t, Spec{Role: "panic"}).Call(ctx, "go", nil, nil), "exit status 2", "panic: broken on purpose")
	const why = "runtime/cgo: pthread_create failed: Resource temporarily unavailable"
	if got := telling(why + "\nSIGABRT: abort\ngs     0x0\n"); got != why {
		t.Errorf("a program that got no thread ended with %q", got)
	}
	if got := advice(&fs.PathError{Op: "fork/exec", Path: ownProgram, Err: unix.ENOENT}); !strings.Contains(got, "mount -t proc") {
		t.Errorf("without /proc the advice is %q", got)
	}
	mustSay(t, start(t, Spec{Role: "unheard-of"}).Call(ctx, "go", nil, nil), "unheard-of: no such role")
}

func TestStopEndsABusyChildWithoutKilling(t *testing.T) {
	p := start(t, Spec{Role: "answer"})
	called := make(chan error, 1)
	go func() { called <- p.Call(t.Context(), "sleep", nil, nil) }()
	time.Sleep(50 * time.Millisecond)
	if err := p.Stop(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	mustSay(t, <-called, "sleep", "exit status 0")
}

// standsStill waits until a child has carried out "freeze".
func standsStill(t *testing.T, p *Proc) {
	t.Helper()
	eventually(t, "the child stands still", func() bool {
		return strings.HasPrefix(statusField("/proc/"+strconv.Itoa(p.PID())+"/status", "State"), "T")
	})
}

func TestStopKillsWhatIgnoresIt(t *testing.T) {
	ours := start(t, Spec{Role: "answer", Name: "frozen"})
	go ours.Call(t.Context(), "freeze", nil, nil)
	standsStill(t, ours)
	foreign := start(t, Spec{Command: []string{"sh", "-c", "trap '' TERM; echo deaf >&2; while :; do sleep 1; done"}})
	eventually(t, "the shell ignores SIGTERM", func() bool { return foreign.stderr.String() == "deaf" })
	for _, p := range []*Proc{ours, foreign} {
		err := p.Stop(50 * time.Millisecond)
		mustSay(t, err, "did not stop within 50ms and was killed")
		if again := p.Stop(0); again != err {
			t.Errorf("second Stop: %v", again)
		}
		if running(p.PID()) {
			t.Errorf("process %d still runs", p.PID())
		}
	}
}

func TestForeign(t *testing.T) {
	p := start(t, Spec{Command: []string{"sleep", "1000"}})
	mustSay(t, p.Call(t.Context(), "ready", nil, nil), "sleep", "takes no calls")
	if err := p.Stop(10 * time.Second); err != nil {
		t.Errorf("stop: %v", err)
	}
	if e := p.Exit(); e.Status != "killed by signal 15 (terminated)" {
		t.Errorf("status %q", e.Status)
	}
	gone := start(t, Spec{Name: "nginx", Command: []string{"sh", "-c", "echo bind: address in use >&2; exit 4"}})
	<-gone.Done()
	mustSay(t, gone.Stop(time.Second), "nginx", "exit status 4", "bind: address in use")
	daemon := start(t, Spec{Command: []string{"sh", "-c", "setsid sleep 1000 & echo $! >&2"}})
	pid, err := strconv.Atoi(strings.TrimSpace(daemon.Exit().Stderr))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session that a foreign program left is dead", func() bool { return !running(pid) })
	_, err = Start(Spec{Command: []string{"/nonexistent/server"}})
	mustSay(t, err, "start /nonexistent/server", "no such file")
}

// wrapped starts a server by a script that does not exec it, and waits until the
// server is up.
func wrapped(t *testing.T, mode, file, script string) (p *Proc, server int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/run.sh"
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	p = start(t, Spec{Command: []string{path, exe, file}, Session: true, Env: []string{"CHILD_TEST_SERVER=" + mode}})
	eventually(t, "the server is up", func() bool {
		_, err := fmt.Sscanf(p.stderr.String(), "serving as %d", &server)
		return err == nil
	})
	return p, server
}

// A server that a wrapper runs without exec ends at SIGTERM as one that it has
// become does: in its own time, also when the wrapper is gone, and wherever it went.
func TestStopWaitsForTheServerOfAWrapper(t *testing.T) {
	for _, mode := range []string{"plain", "own-group", "own-session"} {
		for _, script := range []string{"\"$@\"\nexit $?\n", "\"$@\" &\nwait\n", "(\"$@\" & wait; exit 0)\n", "exec \"$@\"\n"} {
			if mode != "plain" && strings.HasPrefix(script, "exec") {
				continue // a session's leader may not
			}
			file := t.TempDir() + "/ended"
			p, server := wrapped(t, mode, file, script)
			if err := p.Stop(20 * time.Second); err != nil {
				t.Errorf("%s, %q: %v", mode, script, err)
			}
			if got := readTrimmed(file); got != "ended in order" {
				t.Errorf("%s, %q: the server left %q", mode, script, got)
			}
			if running(server) {
				t.Errorf("%s, %q: process %d still runs", mode, script, server)
			}
		}
	}
}

// What has to be killed is named, and a wrapper that did as it was asked is not.
func TestStopKillsTheServerOfAWrapper(t *testing.T) {
	for script, deaf := range map[string]bool{"\"$@\" &\nwait\n": false, "trap '' TERM\n\"$@\" &\nwait\n": true} {
		p, server := wrapped(t, "deaf", "", script)
		killed := fmt.Sprintf("%s (pid %d)", readTrimmed(fmt.Sprintf("/proc/%d/comm", server)), server)
		if deaf {
			killed = fmt.Sprintf("%s (pid %d), %s", p.name, p.PID(), killed)
		}
		err := p.Stop(50 * time.Millisecond)
		if want := killed + " did not stop within 50ms and was killed"; err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
		eventually(t, "the server is dead", func() bool { return !running(server) })
	}
}

func TestForeignGetsOurFileLimit(t *testing.T) {
	// A harness that was started with a low soft limit itself.
	cmd := exec.Command("sh", "-c", "ulimit -Sn 100 && exec /proc/"+strconv.Itoa(os.Getpid())+"/exe")
	cmd.Env = append(os.Environ(), "CHILD_TEST_LIMITS=1")
	out, err := cmd.Output()
	if f := strings.Fields(string(out)); err != nil || len(f) != 2 || f[0] == "100" || f[0] != f[1] {
		t.Errorf("soft and hard limit of a foreign program: %q, %v", f, err)
	}
}

func TestNeedFiles(t *testing.T) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if err := NeedFiles(int(l.Max)); err != nil {
		t.Error(err)
	}
	more := strconv.Itoa(int(l.Max) + 1)
	mustSay(t, NeedFiles(int(l.Max)+1), more+" open files", "hard limit is "+strconv.FormatUint(l.Max, 10), "ulimit -Hn "+more)
}

func TestChildrenOfAChildEndWithIt(t *testing.T) {
	p := start(t, Spec{Role: "linger"})
	e := p.Exit()
	pid, err := strconv.Atoi(strings.TrimPrefix(e.Stderr, "left "))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process that the child left is dead", func() bool { return !running(pid) })
}

func TestKilledParentLeavesNothing(t *testing.T) {
	p := start(t, Spec{Role: "parent"})
	var pids []int
	if err := p.Call(within(t, 20*time.Second), "pids", nil, &pids); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if pg, err := unix.Getpgid(pid); err != nil || pg != pid {
			t.Fatalf("process %d: group %d, %v; want its own", pid, pg, err)
		}
	}
	if err := unix.Kill(p.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, "process "+strconv.Itoa(pid)+" is dead", func() bool { return !running(pid) })
	}
}

func TestDescriptorsAndThreadsReturn(t *testing.T) {
	cycle := func() {
		ours := start(t, Spec{Role: "answer", CPUs: allowed(t)[:1]})
		if err := ours.Call(within(t, 20*time.Second), "echo", 1, nil); err != nil {
			t.Fatal(err)
		}
		foreign := start(t, Spec{Command: []string{"sleep", "1000"}})
		_, _ = Start(Spec{Command: []string{"/nonexistent"}})
		for _, p := range []*Proc{ours, foreign} {
			if err := p.Stop(10 * time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	cycle() // what the runtime opens once
	before := openFiles(t)
	for range 20 {
		cycle()
	}
	eventually(t, "as many descriptors as before", func() bool { return openFiles(t) <= before })
}

func openFiles(t *testing.T) int {
	l, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(l)
}
