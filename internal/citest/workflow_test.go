package citest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Each workflow gives the action inputs that it has, and no step of either puts into its
// script what others may write.
func TestWorkflows(t *testing.T) {
	a := load[action](t, "action.yml")
	steps := a.Runs.Steps
	for _, name := range []string{"doc/ci/github.yml", "doc/ci/github-history.yml"} {
		used := false
		for _, job := range load[workflow](t, name).Jobs {
			for _, s := range job.Steps {
				if strings.HasPrefix(s.Uses, "ringbench/ringbench@") {
					used = true
					for input := range s.With {
						if _, ok := a.Inputs[input]; !ok {
							t.Errorf("%s: the action has no input %q", name, input)
						}
					}
				}
				steps = append(steps, s)
			}
		}
		if !used {
			t.Errorf("%s does not use the action", name)
		}
	}
	for _, s := range steps {
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s: an expression in a script is code of whoever writes its value", s.Name)
		}
	}
	text := read(t, filepath.Join(top, "action.yml"))
	for input := range a.Inputs {
		if !strings.Contains(text, "inputs."+input) {
			t.Errorf("input %s is not used", input)
		}
	}
	for _, m := range regexp.MustCompile(`inputs\.([\w-]+)`).FindAllStringSubmatch(text, -1) {
		if _, ok := a.Inputs[m[1]]; !ok {
			t.Errorf("there is no input %s", m[1])
		}
	}
}

// The history's branch is begun by the first push to main, and goes on with those after
// it, also when another has pushed to it meanwhile.
func TestHistoryWorkflow(t *testing.T) {
	a := load[action](t, "action.yml")
	bare, _, base := origin(t)
	steps := load[workflow](t, "doc/ci/github-history.yml").Jobs["history"].Steps
	push := func(between func()) {
		t.Helper()
		clone := filepath.Join(t.TempDir(), "clone")
		git(t, t.TempDir(), "clone", "-q", "--depth=1", "file://"+bare, clone)
		r := newRunner(t, clone)
		r.event["github.event.before"] = base
		bin := r.program("ringbench", standIn)
		s := &scope{values: r.event}
		for i := range steps {
			if with := steps[i].With; strings.HasPrefix(steps[i].Uses, "ringbench/ringbench@") {
				with["ringbench"] = bin
				if _, failed := r.run(a, with); failed {
					t.Fatal(&r.out)
				}
				between()
				continue
			}
			r.step(s, &steps[i])
		}
		if s.failed {
			t.Fatal(&r.out)
		}
	}
	entries := func() int {
		return len(strings.Fields(git(t, bare, "ls-tree", "-r", "--name-only", "ringbench-history", "entries")))
	}
	push(func() {})
	if n := entries(); n != 1 {
		t.Errorf("%d entries after the first push", n)
	}
	push(func() { push(func() {}) }) // the inner one comes first
	if n := entries(); n != 3 {
		t.Errorf("%d entries after three", n)
	}
	if out := git(t, bare, "ls-tree", "--name-only", "ringbench-history"); out != "entries" {
		t.Errorf("the branch has %q", out)
	}
}

// The job of GitLab fetches the base, and leaves its artifacts where it says.
func TestGitLab(t *testing.T) {
	var file struct {
		Job struct {
			Variables map[string]string `yaml:"variables"`
			Before    []string          `yaml:"before_script"`
			Script    []string          `yaml:"script"`
			Artifacts struct {
				Paths   []string          `yaml:"paths"`
				Reports map[string]string `yaml:"reports"`
			} `yaml:"artifacts"`
		} `yaml:"ringbench"`
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(top, "doc/ci/gitlab-ci.yml"))), &file); err != nil {
		t.Fatal(err)
	}
	_, clone, base := origin(t)
	r := newRunner(t, clone)
	bin := r.program("ringbench", standIn)
	r.program("go", `mkdir -p "$GOBIN"; cp "`+bin+`" "$GOBIN/ringbench"`)
	for code, ok := range map[string]bool{"0": true, "1": false} {
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(append(file.Job.Before, file.Job.Script...), "\n"))
		cmd.Dir = clone
		cmd.Env = append(r.env, "CODE="+code, "CI_PROJECT_DIR="+clone, "CI_MERGE_REQUEST_DIFF_BASE_SHA="+base)
		for k, v := range file.Job.Variables {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		if out, err := cmd.CombinedOutput(); (err == nil) != ok {
			t.Fatalf("code %s: %v\n%s", code, err, out)
		}
	}
	for _, path := range file.Job.Artifacts.Reports {
		if _, err := os.Stat(filepath.Join(clone, path)); err != nil {
			t.Error(err)
		}
	}
	if got := read(t, filepath.Join(r.temp, "args")); !strings.Contains(got, "--base-rev="+base+"\n--build=go build -o {out} ./cmd/server\n--cmd={out} -listen 127.0.0.1:{port}\n") {
		t.Error(got)
	}
}
