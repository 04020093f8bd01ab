package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/testenv"
)

// shortly makes a gate measure as little as it can.
func shortly(args ...string) []string {
	return append([]string{"gate", "--duration=50ms", "--warmup=10ms", "--trials=1", "--audit=false", "--rate=closed"}, args...)
}

// ringbenches are two: this one, and one whose servers are of another variant.
func ringbenches(t *testing.T, replace string) (base, head string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	base, head = filepath.Join(dir, "ringbench"), filepath.Join(dir, "other")
	if err := os.Symlink(exe, base); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s $(echo \"$@\" | sed '%s')\n", base, replace)
	if err := os.WriteFile(head, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return base, head
}

// rulesFile has nothing but counters.
func rulesFile(t *testing.T, rules ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte("rules:\n- "+strings.Join(rules, "\n- ")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A regression that is real is found by what the programs call alone, and the program
// itself passes.
func TestGateByCounters(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	for _, c := range []struct {
		name, variant, replace string
		args                   []string
		says                   string
	}{
		{"multishot receive", "uring", "s/=uring/=uring-multishot/", nil, "regression, confirmed: entries submitted a message of uring (tcp, 1 connection × 64 B, closed loop) is "},
		{"splice", "epoll+splice", "s/+splice//", []string{"--workload=proxy"}, "regression, confirmed: calls that copy a message of epoll+splice (request, tcp, 1 connection × 64 B, closed loop) is "},
		{"allocation", "epoll", "s/=epoll/=wasteful/", []string{"--duration=300ms", "--trials=4"}, "regression, confirmed: allocations a message of epoll (tcp, 64 connections × 64 B, closed loop) is another: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, err := backends.Lookup(c.variant)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, "uring", b.Probe())
			base, head := ringbenches(t, c.replace)
			rules := rulesFile(t, "{metric: submissions, exact: true, optional: true}", "{metric: copies, exact: true, optional: true}", "{metric: allocs, exact: true, optional: true, loads: '*64 connections*'}")
			args := append(shortly("--base-bin="+base, "--backend="+c.variant, "--rules="+rules), c.args...)
			decided(t, exitRegression, append(args, "--head-bin="+head)...).prints(c.says)
			decided(t, exitOK, append(args, "--head-bin="+base)...).prints("gate: pass")
		})
	}
}

// The first run is in the file that was named, whatever it measures.
func TestGateKeeps(t *testing.T) {
	m := measuredGate{output: "d/r.json"}
	both := []string{m.kept(false, false), m.kept(true, false), m.kept(true, true)}
	m.CallsAlone = true
	if got := append(both, m.kept(true, false), m.kept(true, true)); !slices.Equal(got, []string{"d/r.json", "d/r-calls.json", "d/r-calls-confirmed.json", "d/r.json", "d/r-confirmed.json"}) {
		t.Error(got)
	}
}

// decided repeats a gate that was too noisy to tell.
func decided(t *testing.T, want int, args ...string) *run {
	t.Helper()
	for range 4 {
		r := newRun(t, args...).start()
		if _ = r.cmd.Wait(); r.cmd.ProcessState.ExitCode() == exitNoisy {
			t.Logf("again: %s", &r.stdout)
			continue
		}
		if got := r.cmd.ProcessState.ExitCode(); got != want {
			t.Fatalf("exit code %d, want %d\n%s%s", got, want, &r.stdout, &r.stderr)
		}
		r.leavesNothing()
		return r
	}
	t.Fatal("always too noisy to tell")
	return nil
}

// An epoll server that has lost its ready bits is one of no kind of ours: its calls
// are counted by tracepoint.
func TestGateByTracepoint(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	testenv.Need(t, "cc", testenv.Program("cc"))
	testenv.Need(t, "root", meter.CanTrace())
	bin := filepath.Join(t.TempDir(), "readybit")
	if out, err := exec.Command("cc", "-O2", "-o", bin, "testdata/readybit.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rules := rulesFile(t, "{metric: syscalls, threshold: 10%}")
	args := shortly("--audit", "--rules="+rules, "--base-cmd="+bin+" {port} keep")
	decided(t, exitRegression, append(args, "--head-cmd="+bin+" {port} lose")...).prints("regression, confirmed: system calls a message of head (tcp, 1 connection × 64 B, closed loop) is")
	decided(t, exitOK, append(args, "--head-cmd="+bin+" {port} keep")...).prints("gate: pass")
}

// A head that cannot serve is a regression, and a base that cannot a refusal.
func TestGateServerFails(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	honest, broken := exe+" "+serverRole+" honest {port}", exe+" "+serverRole+" refuses {port}"
	newRun(t, shortly("--base-cmd="+honest, "--head-cmd="+broken, "--conns=1")...).start().wait(exitRegression).
		says("gate: regression: head (tcp, 1 connection × 64 B, closed loop) could not be measured: head ended before it listened on port", "the licence has expired; a second run found it again")
	newRun(t, shortly("--base-cmd="+broken, "--head-cmd="+honest, "--conns=1")...).start().wait(exitRefused).
		says("gate: refused: base ended before it listened on port", "the licence has expired")
}

func TestGateRefused(t *testing.T) {
	t.Parallel()
	base, _ := ringbenches(t, "")
	bins := shortly("--base-bin="+base, "--head-bin="+base)
	confined(t, []string{fmt.Sprintf("-errno=%d", syscall.EPERM)}, append(bins, "--backend=uring")...).start().wait(exitRefused).
		says("gate: refused: backend uring is not available here: a seccomp filter forbids io_uring")
	confined(t, []string{"-nofile-soft=100", "-nofile-hard=265"}, append(bins, "--backend=epoll", "--conns=200")...).start().wait(exitRefused).
		says("gate: refused: --conns=200: 266 open files are needed, but the hard limit is 265")
	confined(t, []string{fmt.Sprintf("-errno=%d", syscall.EPERM)}, "gate", "--self-test", "--backend=uring").start().wait(exitRefused).
		says("gate: refused: backend uring is not available here")
}

// Revisions are built in worktrees, of which nothing is left, also after a Ctrl-C. Too
// few trials are no pass.
func TestGateRevisions(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "--allow-empty", "-m", "first"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git: %v\n%s", err, out)
		}
	}
	build := fmt.Sprintf("printf '#!/bin/sh\\nexec %s %s honest $1\\n' > {out}; chmod +x {out}", exe, serverRole)
	in := func(r *run) *run {
		r.cmd.Dir = dir
		return r.start()
	}
	none := func() {
		if out, err := exec.Command("git", "-C", dir, "worktree", "list").Output(); err != nil || strings.Count(string(out), "\n") != 1 {
			t.Errorf("worktrees: %v\n%s", err, out)
		}
	}
	rev := shortly("--base-rev=HEAD", "--build="+build, "--cmd={out} {port}", "--conns=1")
	r := newRun(t, append(rev, "--rate=auto", "--duration=300ms")...)
	r.cmd.Args = append(r.cmd.Args, "-o", filepath.Join(r.dir, "r.json"))
	in(r).wait(exitNoisy, "r.json").prints("base: HEAD (", "head: the working tree (", "warning: system calls of base and head were not compared", "gate: too noisy")
	set := r.result("r.json")
	r.says(fmt.Sprintf("gate: too noisy: CPU a message of head (%s): no verdict, only 1 of the 3 pairs that it takes can be used", set.Plan.Cells[0].Load))
	if len(set.Trials) != 4 || set.Plan.WithinSeconds != 180 {
		t.Errorf("%d trials, within %v s", len(set.Trials), set.Plan.WithinSeconds)
	}
	for _, c := range set.Plan.Cells {
		if c.Rate == 0 || c.Load != set.Plan.Cells[0].Load {
			t.Errorf("%s is measured in %s", c.Contestant, c.Load)
		}
	}
	none()
	r = in(newRun(t, append(rev, "--duration=1h")...))
	r.awaitProcess("rb-client")
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wait(exitInterrupted).says("interrupted")
	none()
	in(newRun(t, shortly("--base-rev=HEAD~1", "--build="+build)...)).wait(exitUsage).says(`base: there is no revision "HEAD~1" here`)
}
