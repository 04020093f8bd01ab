package citest

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A step is one of an action or of a job.
type step struct {
	Name  string            `yaml:"name"`
	ID    string            `yaml:"id"`
	If    string            `yaml:"if"`
	Uses  string            `yaml:"uses"`
	With  map[string]string `yaml:"with"`
	Shell string            `yaml:"shell"`
	Dir   string            `yaml:"working-directory"`
	Env   map[string]string `yaml:"env"`
	Run   string            `yaml:"run"`
}

type action struct {
	Inputs map[string]struct {
		Default string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

type workflow struct {
	Jobs map[string]struct {
		Steps []step `yaml:"steps"`
	} `yaml:"jobs"`
}

const top = "../.." // of this repository

func load[T any](t *testing.T, name string) (v T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(top, name))
	if err == nil {
		err = yaml.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A runner is what GitHub starts steps on.
type runner struct {
	t         *testing.T
	workspace string
	temp      string
	bin       string // first in PATH
	event     map[string]string
	env       []string
	out       strings.Builder // what steps print
	summary   string          // file
}

func newRunner(t *testing.T, workspace string) *runner {
	t.Helper()
	here, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, workspace: workspace, temp: t.TempDir(), bin: t.TempDir(), event: map[string]string{"github.token": "secret"}}
	r.summary = filepath.Join(r.temp, "summary.md")
	r.env = append(os.Environ(), "PATH="+r.bin+":"+os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "RUNNER_TEMP="+r.temp, "CI=true", "GITHUB_ACTIONS=true",
		"GITHUB_WORKSPACE="+workspace, "GITHUB_ACTION_PATH="+here, "GITHUB_STEP_SUMMARY="+r.summary,
		"GITHUB_SHA=0123456789abcdef0123456789abcdef01234567", "GITHUB_REF_NAME=main", "GITHUB_REPOSITORY=ringbench/example")
	return r
}

// program puts a script into PATH.
func (r *runner) program(name, script string) string {
	r.t.Helper()
	path := filepath.Join(r.bin, name)
	if err := os.WriteFile(path, []byte("#!/usr/bin/env bash\nset -eu\n"+script), 0o755); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// run runs an action, and returns its outputs and whether it failed. Actions that it
// uses are left out.
func (r *runner) run(a action, with map[string]string) (outputs map[string]string, failed bool) {
	r.t.Helper()
	s := &scope{values: maps.Clone(r.event)}
	for name, in := range a.Inputs {
		s.values["inputs."+name] = s.expand(in.Default)
	}
	for name, v := range with {
		if _, ok := a.Inputs[name]; !ok {
			r.t.Errorf("the action has no input %q", name)
		}
		s.values["inputs."+name] = v
	}
	for i := range a.Runs.Steps {
		r.step(s, &a.Runs.Steps[i])
	}
	outputs = map[string]string{}
	for name, o := range a.Outputs {
		outputs[name] = s.expand(o.Value)
	}
	return outputs, s.failed
}

// step runs one in bash as GitHub does.
func (r *runner) step(s *scope, x *step) {
	r.t.Helper()
	if x.Run == "" || !s.runs(x.If) {
		return
	}
	output := filepath.Join(r.temp, "output-"+strings.ReplaceAll(x.Name, " ", "-"))
	script := filepath.Join(r.temp, "script.sh")
	for path, text := range map[string]string{output: "", script: s.expand(x.Run)} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			r.t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	cmd.Dir = filepath.Join(r.workspace, s.expand(x.Dir))
	cmd.Env = append(r.env[:len(r.env):len(r.env)], "GITHUB_OUTPUT="+output)
	for k, v := range x.Env {
		cmd.Env = append(cmd.Env, k+"="+s.expand(v))
	}
	printed, err := cmd.CombinedOutput()
	r.out.Write(printed)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	s.failed = s.failed || err != nil
	b, err := os.ReadFile(output)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		s.values["steps."+x.ID+".outputs."+name] = value
	}
}

// git runs it in dir.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}
