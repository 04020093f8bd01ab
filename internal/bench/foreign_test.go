package bench

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/result"
)

// preforkServer listens and leaves the serving to two processes that it starts.
func preforkServer(port string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		panic(err)
	}
	var workers []*exec.Cmd
	for range 2 {
		w := exec.Command("/proc/self/exe", "known-worker")
		w.ExtraFiles = []*os.File{socket}
		w.Stderr = os.Stderr
		if err := w.Start(); err != nil {
			panic(err)
		}
		workers = append(workers, w)
	}
	l.Close()
	for _, w := range workers {
		_ = w.Wait()
	}
	os.Exit(1)
}

// preforkWorker serves what it accepts from the socket that it inherits.
func preforkWorker() {
	l, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		k := known{size: 64}
		go k.gated(c)
	}
}

// script writes a shell script that runs the lines.
func script(t *testing.T, lines ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+strings.Join(lines, "\n")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A foreign server is measured whole: what a server forks, and what a wrapper
// runs that does not exec.
func TestForeignProcesses(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Commands = []string{"prefork=" + exe + " known-prefork {port}", "wrapped=" + script(t, exe+" known-prefork $1", "exit $?") + " {port}"}
	o.echo().Conns, o.Duet, o.Audit = []int{8}, true, meter.CanTrace() == nil
	for _, trial := range measured(t, planOf(t, o)).Trials {
		whole(t, o, trial, 3+trial.Cell)
	}
}

// measured runs a plan until no stall has left its servers without CPU time, or an
// audit without a message.
func measured(t *testing.T, p *result.Plan) (set *result.Set) {
	t.Helper()
	for range 10 {
		var err error
		if set, err = Run(t.Context(), p, silent, nil); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(set.Trials, func(t result.Trial) bool {
			return t.Void == "" && (t.Server.CPUSeconds == 0 || strings.HasPrefix(t.TraceFailure, "no message was answered"))
		}) {
			break
		}
	}
	for _, v := range set.Void() {
		t.Fatalf("a trial of %s is void: %s", set.Plan.Name(v.Cell), v.Void)
	}
	return set
}

// A client that ended is named, also when the meters were the first to miss it.
func TestBlame(t *testing.T) {
	p, err := child.Start(child.Spec{Command: []string{"sh", "-c", "echo out of cheese >&2; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(0)
	<-p.Done()
	c := &contestant{cell: result.Cell{Contestant: "mine"}, client: p}
	err = c.blame(ended("process %d has ended", p.PID()))
	if want := "the client of mine ended in mid-trial: exit status 3: out of cheese"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err = c.blame(errors.New("not ready")); err.Error() != "not ready" {
		t.Errorf("before a trial: %v", err)
	}
}

// They take the place of ours, unless all of ours are asked for.
func TestForeignServerAndAll(t *testing.T) {
	for asked, want := range map[bool][]string{false: {"mine"}, true: {"epoll", "threadpool", "net", "mine"}} {
		o := options()
		o.Commands, o.BackendsByUser = []string{"mine=true {port}"}, asked
		cells := planOf(t, o).Cells
		for _, name := range want {
			if !slices.ContainsFunc(cells, func(c result.Cell) bool { return c.Contestant == name }) {
				t.Errorf("%s does not take part", name)
			}
		}
		if !asked && len(cells) != 1 {
			t.Errorf("contestants %+v", cells)
		}
	}
}

// whole holds a trial to what no server can do without: two system calls a
// message, of which the one sends, which takes a microsecond at the least. A
// shell that waits, or a process that has only forked, does nothing.
func whole(t *testing.T, o Options, trial result.Trial, processes int) {
	t.Helper()
	s := trial.Server
	if s == nil || s.Processes != processes || s.ProcessesEnded != 0 {
		t.Fatalf("server %+v, want %d processes", s, processes)
	}
	if trial.ServerCPUPerMessage() < 1000 || trial.SwitchesPerMessage() == 0 || s.PeakRSS < uint64(processes-1)<<20 {
		t.Errorf("%.0f ns of CPU and %.3f switches a message, %d bytes", trial.ServerCPUPerMessage(), trial.SwitchesPerMessage(), s.PeakRSS)
	}
	if o.Audit && (trial.TracedSyscalls == nil || *trial.TracedSyscalls < 2) {
		t.Errorf("system calls a message: %v (%s)", trial.TracedSyscalls, trial.TraceFailure)
	}
}

// Of a server that runs already the descendants count, too.
func TestTargetProcesses(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	wrapped := script(t, exe+" known-prefork $1", "exit $?")
	p, err := child.Start(child.Spec{Command: []string{wrapped, fmt.Sprint(port)}, Session: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(0)
	eventually(t, "it listens", func() bool { return listener(p.PID(), uint16(port)) == ours })
	if doubt, err := checkTarget(fmt.Sprintf("127.0.0.1:%d", port), unrelated(t)); err != nil || !strings.Contains(doubt, "is not seen to listen") {
		t.Errorf("another process is named: doubt %q, error %v", doubt, err)
	}
	o := options()
	o.Target, o.TargetPID = fmt.Sprintf("127.0.0.1:%d", port), p.PID()
	o.echo().Conns, o.Audit = []int{8}, meter.CanTrace() == nil
	plan, warnings, err := o.Plan()
	if err != nil || strings.Contains(strings.Join(warnings, "; "), "is not seen to listen") {
		t.Fatalf("warnings %q, error %v", warnings, err)
	}
	whole(t, o, measured(t, plan).Trials[0], 4)
}

// unrelated is a process that serves nothing.
func unrelated(t *testing.T) (pid int) {
	t.Helper()
	p, err := child.Start(child.Spec{Command: []string{"sleep", "60"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	return p.PID()
}

// Who listens on the port is found out: one that answers there need not be the
// one that was started.
func TestHolds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	for command, want := range map[string]string{
		"exit 7":   fmt.Sprintf("mine ended while another process listens on port %d: exit status 7", port),
		"sleep 60": fmt.Sprintf("another process listens on port %d, none of those that mine has started", port),
	} {
		p, err := child.Start(child.Spec{Command: []string{"sh", "-c", command}, Session: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop(0)
		if command != "sleep 60" {
			<-p.Done()
		}
		c := &contestant{cell: result.Cell{Contestant: "mine"}, server: p, pid: p.PID()}
		if err := c.holds(port); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
	}
}
