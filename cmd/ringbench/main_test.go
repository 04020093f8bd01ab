package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// The test binary is ringbench itself when it is called by that name, and a
// child of it when child.Main says so. Two more roles are chosen by the first
// argument.
const (
	confineRole = "rb-confine" // take limits upon itself, then be ringbench
	serverRole  = "rb-server"  // be a foreign server, broken in the way that the second argument names
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // or every process of a race build sleeps a second before it exits
	child.Main(bench.Roles())
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case confineRole:
			fmt.Fprintln(os.Stderr, confine(os.Args[2:]))
			os.Exit(99)
		case serverRole:
			fmt.Fprintln(os.Stderr, foreignServer(os.Args[2], os.Args[3]))
			os.Exit(99)
		}
	}
	if slices.Contains(os.Args, "--backend="+wasteful) {
		registerWasteful()
	}
	testscript.Main(suite{m}, map[string]func(){"ringbench": main})
}

// suite cleans up after all tests.
type suite struct{ *testing.M }

func (s suite) Run() int {
	testenv.Waiting()
	defer func() { os.RemoveAll(publicDir) }() // which is not known before
	return s.M.Run()
}

var publicDir string // where publicBinary is

// publicBinary is a copy of the test binary that every user may run.
var publicBinary = sync.OnceValues(func() (string, error) {
	var err error
	if publicDir, err = os.MkdirTemp("", "ringbench-test-"); err != nil {
		return "", err
	}
	if err := os.Chmod(publicDir, 0o755); err != nil {
		return "", err
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return "", err
	}
	name := filepath.Join(publicDir, "ringbench")
	return name, os.WriteFile(name, b, 0o755)
})

// shortEcho makes an echo run as short as it can be, without an audit and with
// four connections unless args say otherwise.
func shortEcho(args ...string) []string {
	list := []string{"echo", "--duration=100ms", "--warmup=50ms", "--trials=1", "--audit=false", "--aa=false"}
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--conns=") }) {
		list = append(list, "--conns=4")
	}
	return append(list, args...)
}

// measured repeats a run whose window is so short that on a machine that stalls
// nothing may happen in it.
func measured(run func() *run) *run {
	r := run()
	for range 3 {
		set := r.result("r.json")
		idle := func(t result.Trial) bool { return t.Messages == 0 }
		if !slices.ContainsFunc(set.Trials, idle) && (set.Floor == nil || set.Floor.Messages > 0) {
			break
		}
		r = run()
	}
	return r
}

// A run is one call of ringbench. Its processes are known by an environment
// variable that all of them inherit, so that other runs on this machine do not
// matter.
type run struct {
	t              *testing.T
	cmd            *exec.Cmd
	tag            string
	dir, tmp       string // its working directory and its TMPDIR
	stdout, stderr bytes.Buffer
	rest           <-chan struct{} // closed when a server has printed all; see serve
}

var tags atomic.Int64

// newRun prepares ringbench with args, to be started.
func newRun(t *testing.T, args ...string) *run {
	t.Helper()
	r := &run{t: t, dir: t.TempDir(), tmp: t.TempDir()}
	r.tag = fmt.Sprintf("RINGBENCH_TEST_TAG=%d.%d", os.Getpid(), tags.Add(1))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd = &exec.Cmd{Path: exe, Args: append([]string{"ringbench"}, args...), Dir: r.dir}
	r.cmd.Env = append(os.Environ(), r.tag, "TMPDIR="+r.tmp)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	r.cmd.WaitDelay = 5 * time.Second
	return r
}

// confined is newRun under the limits that the flags of confine name.
func confined(t *testing.T, limits []string, args ...string) *run {
	t.Helper()
	r := newRun(t, args...)
	r.cmd.Args = append(append(append([]string{"ringbench-test", confineRole}, limits...), "--"), args...)
	return r
}

func (r *run) start() *run {
	r.t.Helper()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		for _, p := range r.processes("") {
			_ = syscall.Kill(p, syscall.SIGKILL)
		}
	})
	return r
}

// wait waits for the end, and holds it to the exit code and to leaving nothing
// behind but the named files in its working directory.
func (r *run) wait(code int, files ...string) *run {
	r.t.Helper()
	stuck := time.AfterFunc(5*time.Minute, func() { _ = r.cmd.Process.Signal(syscall.SIGABRT) }) // with its stacks
	err := r.cmd.Wait()
	stuck.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.t.Errorf("%q: exit code %d (%v), want %d", r.cmd.Args[1:], got, r.cmd.ProcessState, code)
	}
	r.leavesNothing(files...)
	if r.t.Failed() {
		r.t.Logf("stdout:\n%s\nstderr:\n%s", &r.stdout, &r.stderr)
	}
	return r
}

func (r *run) leavesNothing(files ...string) {
	r.t.Helper()
	for _, pid := range r.processes("") {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		r.t.Errorf("process %d is left behind: %q", pid, b)
	}
	want := map[string]bool{}
	for _, f := range files {
		want[f] = true
		if _, err := os.Stat(filepath.Join(r.dir, f)); err != nil {
			r.t.Errorf("it was to be written: %v", err)
		}
	}
	for _, dir := range []string{r.dir, r.tmp} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range entries {
			if !want[e.Name()] {
				r.t.Errorf("left behind in %s: %s", dir, e.Name())
			}
		}
	}
	if left, _ := filepath.Glob("/dev/shm/*ringbench*"); len(left) > 0 {
		r.t.Errorf("left behind: %q", left)
	}
}

// processes lists the processes of the run by the name that they gave
// themselves, "" for all. A zombie has no environment any more.
func (r *run) processes(name string) (pids []int) {
	for _, pid := range child.Processes() {
		dir := "/proc/" + strconv.Itoa(pid)
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !bytes.Contains(env, append([]byte(r.tag), 0)) {
			continue
		}
		comm, _ := os.ReadFile(dir + "/comm")
		if name == "" || strings.TrimSpace(string(comm)) == name {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitProcess waits for a process of that name.
func (r *run) awaitProcess(name string) (pid int) {
	r.t.Helper()
	r.eventually("a process "+name, func() bool {
		pids := r.processes(name)
		if len(pids) == 0 {
			return false
		}
		pid = pids[0]
		return true
	})
	return pid
}

func (r *run) eventually(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
			r.t.Fatalf("after a minute still not: %s\nstdout:\n%s\nstderr:\n%s", what, &r.stdout, &r.stderr)
		}
	}
}

// says asserts that standard error is one line that contains all the parts.
func (r *run) says(parts ...string) *run {
	r.t.Helper()
	line := r.stderr.String()
	if err := oneLine(line); err != nil {
		r.t.Error(err)
	}
	for _, p := range parts {
		if !strings.Contains(line, p) {
			r.t.Errorf("standard error %q does not say %q", line, p)
		}
	}
	return r
}

func oneLine(stderr string) error {
	line, ok := strings.CutSuffix(stderr, "\n")
	if !ok || strings.ContainsAny(line, "\n\r") || !strings.HasPrefix(line, "ringbench: ") {
		return fmt.Errorf("standard error is not one line of ours: %q", stderr)
	}
	return nil
}

// prints asserts that standard output is a table that fits the terminal and
// contains all the parts. Folding is undone before they are looked for.
func (r *run) prints(parts ...string) *run {
	r.t.Helper()
	out := r.stdout.String()
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 120 {
			r.t.Errorf("%d columns: %q", n, line)
		}
	}
	unfolded := strings.Join(strings.Fields(out), " ")
	for _, p := range parts {
		if !strings.Contains(unfolded, p) {
			r.t.Errorf("standard output does not say %q:\n%s", p, out)
		}
	}
	return r
}

// result reads a file that the run wrote, and holds it to the schema.
func (r *run) result(name string) *result.Set {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	set, err := result.Read(path)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := testenv.Schema(r.t, result.JSONSchema)(json.RawMessage(b)); err != nil {
		r.t.Error(err)
	}
	return set
}
