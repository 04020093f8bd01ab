package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
)

var setSysctl = flag.Bool("sysctl", false, "set kernel.io_uring_disabled for a moment; whatever else uses io_uring meanwhile is disturbed")

const disabledSysctl = "/proc/sys/kernel/io_uring_disabled"

// A ringSwitch is kernel.io_uring_disabled, which is the whole machine's.
type ringSwitch struct {
	t      *testing.T
	before string
}

// newRingSwitch has the switch to itself until the test ends. A process of its
// own puts it back should this one be killed.
func newRingSwitch(t *testing.T) *ringSwitch {
	lock, err := os.Open(disabledSysctl)
	testenv.Need(t, "sysctl", err)
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(disabledSysctl)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "sysctl", os.WriteFile(disabledSysctl, before, 0o644))
	guard := exec.Command("/bin/sh", "-c", `cat; echo "$1" >`+disabledSysctl, "sh", strings.TrimSpace(string(before)))
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	stdin, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(stdin.Close(), guard.Wait(), lock.Close()); err != nil {
			t.Error(err)
		}
		if after, _ := os.ReadFile(disabledSysctl); string(after) != string(before) {
			t.Errorf("the sysctl is %q and was %q", after, before)
		}
	})
	return &ringSwitch{t, string(before)}
}

// during runs something with the switch set, for 800 ms at most: when that was
// too short it is said to be, and nothing was shown.
func (s *ringSwitch) during(value string, something func()) (inTime bool) {
	s.t.Helper()
	set := func(value string) {
		if err := os.WriteFile(disabledSysctl, []byte(value), 0o644); err != nil {
			s.t.Error(err)
		}
	}
	back := time.AfterFunc(800*time.Millisecond, func() { set(s.before) })
	set(value + "\n")
	defer set(s.before)
	something()
	return back.Stop()
}

// TestDisabledBySysctl has the kernel itself refuse.
func TestDisabledBySysctl(t *testing.T) {
	if !*setSysctl && !slices.Contains(strings.Split(os.Getenv("RINGBENCH_REQUIRE"), ","), "sysctl") {
		t.Skip("without -sysctl: it would disturb others")
	}
	testenv.Need(t, "sysctl", testenv.Root())
	exe := public(t)
	s := newRingSwitch(t)
	for _, c := range []struct {
		value   string
		limits  []string
		sayings []string
	}{
		{"2", nil, []string{"kernel.io_uring_disabled is 2: nobody may use io_uring", "operation not permitted", "sysctl -w kernel.io_uring_disabled=0"}},
		{"1", []string{"-uid=65534", "-exe=" + exe}, []string{"kernel.io_uring_disabled is 1: only root", "operation not permitted", "join that group"}},
	} {
		r := s.refuses(c.value, func() *run {
			r := confined(t, c.limits, shortEcho("--backend=uring,epoll")...).start()
			_ = r.cmd.Wait() // its exit code tells
			return r
		})
		r.says(c.sayings...)
		if code := r.cmd.ProcessState.ExitCode(); code != exitUsage {
			t.Errorf("with %s: exit code %d", c.value, code)
		}
	}
	// Of all, the rest runs; what is left out is known before the first child.
	r := s.refuses("2", func() *run {
		r := newRun(t, shortEcho("--rate=1000", "--placement=shared")...).start()
		r.awaitProcess("rb-client")
		return r
	})
	r.wait(exitOK).prints("epoll", "threadpool", "net", "left out: backend uring is not available here", "kernel.io_uring_disabled is 2", "load generator: epoll")
}

// refuses is during, repeated until something was over in time.
func (s *ringSwitch) refuses(value string, something func() *run) *run {
	s.t.Helper()
	for range 5 {
		var r *run
		if s.during(value, func() { r = something() }) {
			return r
		}
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
	s.t.Fatalf("with %s: not over within 800 ms, five times", value)
	return nil
}
