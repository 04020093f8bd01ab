package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// ranInProcess calls ringbench without a process of its own, which the commands
// that measure nothing do not need.
func ranInProcess(args ...string) (stdout string, err error) {
	c := root()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs(args)
	err = c.ExecuteContext(context.Background())
	return out.String(), err
}

// inDirectory calls do where it may write.
func inDirectory(dir string, do func() (string, error)) (string, error) {
	before, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if err := os.Chdir(dir); err != nil {
		return "", err
	}
	defer os.Chdir(before)
	return do()
}

// validPlan holds a plan to the schema that the command prints.
func validPlan(t *testing.T) func(any) error {
	t.Helper()
	var b bytes.Buffer
	if err := planSchema(&b); err != nil {
		t.Fatal(err)
	}
	return testenv.Schema(t, b.Bytes())
}

// The plans that are shipped are valid by the schema, and by their commands.
func TestShippedPlans(t *testing.T) {
	b, err := backends.Lookup("uring")
	if err == nil {
		err = b.Probe()
	}
	testenv.Need(t, "uring", err)
	valid := validPlan(t)
	plans, err := filepath.Glob("../../doc/plans/*.yaml")
	if err != nil || len(plans) < 4 {
		t.Fatal(plans, err)
	}
	for _, path := range plans {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(string(text), "---\n")
		for _, d := range documents {
			var doc any
			if err := yaml.Unmarshal([]byte(d), &doc); err != nil {
				t.Fatal(err)
			}
			if err := valid(doc); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if path, err = filepath.Abs(path); err != nil {
			t.Fatal(err)
		}
		out, err := inDirectory(t.TempDir(), func() (string, error) { return ranInProcess("run", path, "--dry-run") })
		if err != nil {
			t.Error(err)
		}
		if n := strings.Count(out, "order of block 1: "); n != len(documents) {
			t.Errorf("%s: %d plans are printed of %d:\n%s", path, n, len(documents), out)
		}
	}
}

// The schema and the commands agree on what a plan may hold. An error names the
// line.
func TestPlanSchema(t *testing.T) {
	valid := validPlan(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "p.yaml")
	try := func(text, refused string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ranInProcess("run", path, "--dry-run")
		switch {
		case refused == "" && err != nil:
			t.Errorf("%q by its command: %v", text, err)
		case refused != "" && (err == nil || !strings.HasPrefix(err.Error(), path+refused) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q by its command: %v; want one line with %q", text, err, refused)
		}
	}
	for _, c := range []struct{ text, refused string }{
		{"run: echo\nconns: 1\nwarmup: 0\nrate: [1000, 2.5e4]\nserver-cpus: 0\nplacement: shared", ""},
		{"run: echo\nconns: 1,4\nduration: 100ms\nseed: 18446744073709551615\naudit: false", ""},
		{"run: read\nbs: [4k, 65536]\nfile-size: 1m\ndir: " + dir, ""},
		{"run: echo\nserver-cmd: ['a=true {port}', 'b=true -x {port}']\nbackend: epoll", ""},
		{"run: ablate echo\nbackend: epoll\nsessions: 2\nsession-gap: 1.5h", ""},
		{"conns: 1", `:1: there is no key "run"`},
		{"run: serve echo", `:1: run: "serve echo" is not a command that measures; those are ablate churn, ablate echo, `},
		{"run: echo\n# few\ncons: 1", `:3: unknown key "cons"; echo takes aa, arrivals, audit, backend, client, `},
		{"run: echo\nfeatures: syscall", `:2: unknown key "features"`}, // it is another command's
		{"run: echo\ndry-run: true", `:2: unknown key "dry-run"`},
		{"run: echo\nconns: many", ":2: --conns=many: it takes whole numbers"},
		{"run: echo\nconns:\n- 1\n- many", ":2: --conns=1,many: it takes whole numbers"},
		{"run: echo\nconns: {}", `:2: "conns": it takes a value or a list`},
		{"run: echo\nconns: []", `:2: "conns": the list has no values`},
		{"run: echo\ntrials: [1, 2]", ":2: --trials=1,2: it takes a whole number"},
		{"run: echo\naudit: 3", ":2: --audit=3: it takes true or false"},
		{"run: echo\nseed: -1", ":2: --seed=-1: it takes a whole number from 0"},
		{"run: echo\nduration: 5", ":2: --duration=5: it takes a time with its unit"},
		{"run: read\nbs: 4x", ":2: --bs=4x: it takes numbers of bytes"},
	} {
		var doc any
		if err := yaml.Unmarshal([]byte(c.text), &doc); err != nil {
			t.Fatal(err)
		}
		if err := valid(doc); (err == nil) != (c.refused == "") {
			t.Errorf("%q by the schema: %v", c.text, err)
		}
		try(c.text, c.refused)
	}
	// What only the command can tell.
	try("run: echo\ntrials: 1\nbackend: [epoll, kqueue]", `:3: unknown backend "kqueue"`)
	try("run: echo\noutput: x.json\n---\nrun: echo\nhtml: ./x.json", ":5: html and line 2 both write x.json: ")
}

// A run that was interrupted in its second block is completed in its place by that
// block alone; a continuation that is interrupted before it has gained a block
// leaves the file as it was.
func TestResume(t *testing.T) {
	t.Parallel()
	const seed = "--seed=3" // by which epoll comes first in the second block
	r := newRun(t, shortEcho("--backend=epoll", foreign(t, "interrupts"), "--rate=500", "--placement=shared", "--trials=2", seed, "-o", "r.json")...)
	path := filepath.Join(r.dir, "r.json")
	file := func() []byte {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	resume := func() *run { return resumed(r, "r.json") }
	r.start().wait(exitInterrupted, "r.json", "starts").says("interrupted")
	before, cut := r.result("r.json"), file()
	if n := len(before.Trials); n != 3 || !before.Interrupted || before.Trials[2].Block != 1 {
		t.Fatalf("%d trials, interrupted %v; want a block and a half", n, before.Interrupted)
	}

	if out, err := ranInProcess("run", "--resume="+path, "--dry-run"); err != nil ||
		!strings.Contains(out, "1 of 2 blocks are whole; 2 runs left, about ") || !strings.Contains(out, "; block 2 was cut after 1 trial, which will be dropped") {
		t.Errorf("it says %q, %v", out, err)
	}
	resume().wait(exitInterrupted, "r.json", "starts").says("interrupted")
	if !bytes.Equal(file(), cut) {
		t.Error("a continuation that gained nothing changed the file")
	}
	for _, c := range []struct{ old, new, says string }{
		{`"kernel": "`, `"kernel": "0`, `kernel was "0`},
		{`"ringbench_version": "`, `"ringbench_version": "x`, `ringbench was "x`},
		{`"server_cpus": [`, `"server_cpus": [99999,`, "CPU 99999 was in use and this process may use "},
		{`"workload": "echo"`, `"workload": "dance"`, `cell 0 is of workload "dance"`},
		{`"trials": 2`, `"trials": 2000000`, "too many"},
	} {
		changed := bytes.Replace(cut, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(changed, cut) {
			t.Fatalf("the file has no %s", c.old)
		}
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ranInProcess("run", "--resume="+path); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("with %s: %v, want one line with %q", c.new, err, c.says)
		}
	}
	if err := os.WriteFile(path, cut, 0o644); err != nil {
		t.Fatal(err)
	}

	resume().wait(exitOK, "r.json", "starts").prints("resumed: at ", " from block 2 on")
	set := r.result("r.json") // in the same directory
	if set.Interrupted || len(set.Trials) != 4 || len(set.Void()) > 0 {
		t.Fatalf("interrupted %v, %d trials, %d void", set.Interrupted, len(set.Trials), len(set.Void()))
	}
	if len(set.Resumed) != 1 || set.Resumed[0].Block != 1 || set.Resumed[0].Dropped != 1 || !set.Resumed[0].Started.After(before.Ended) {
		t.Errorf("resumed %+v", set.Resumed)
	}
	if !reflect.DeepEqual(set.Plan, before.Plan) || !set.Started.Equal(before.Started) || !reflect.DeepEqual(set.Command, before.Command) {
		t.Error("it is another run")
	}
	for i, one := range set.Trials {
		if one.Order != i || one.Block != i/2 {
			t.Errorf("trial %d is run %d of block %d", i, one.Order, one.Block)
		}
		if i < 2 != one.Started.Equal(before.Trials[i%3].Started) || one.Started.After(set.Resumed[0].Started) != (i >= 2) {
			t.Errorf("trial %d started at %v", i, one.Started)
		}
	}
	if set.Trials[2].Cell == set.Trials[3].Cell {
		t.Error("the second block holds one cell twice")
	}
	if _, err := ranInProcess("run", "--resume="+path); err == nil || !strings.Contains(err.Error(), "r.json: its plan was finished: nothing is left to run") {
		t.Error(err)
	}
}

// resumed completes a file that r has left.
func resumed(r *run, file string) *run {
	r.t.Helper()
	again := newRun(r.t, "run", "--resume="+file)
	again.dir, again.cmd.Dir = r.dir, r.dir
	return again.start()
}

// A run that is killed leaves the blocks that it had finished, of which its result
// is made.
func TestResumeKilled(t *testing.T) {
	t.Parallel()
	r := newRun(t, shortEcho("--backend=epoll", foreign(t, "kills"), "--trials=2", "-o", "r.json")...).start()
	if err := r.cmd.Wait(); err == nil || r.cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("it was not killed: %v\n%s", err, &r.stderr)
	}
	r.eventually("the end of its children", func() bool { return len(r.processes("")) == 0 })
	r.leavesNothing("r.json.partial", "starts", "killed")
	if set := r.result("r.json.partial"); !set.Interrupted || len(set.Trials) != 2 || len(set.Void()) > 0 || set.Version == "" || len(set.Command) == 0 {
		t.Errorf("interrupted %v, %d trials, version %q, command %q", set.Interrupted, len(set.Trials), set.Version, set.Command)
	}
	resumed(r, "r.json.partial").wait(exitOK, "r.json", "starts", "killed").prints("resumed: at ", " from block 2 on")
	if set := r.result("r.json"); set.Interrupted || len(set.Trials) != 4 || set.Resumed[0].Dropped != 0 {
		t.Errorf("interrupted %v, %d trials, resumed %+v", set.Interrupted, len(set.Trials), set.Resumed)
	}
}
