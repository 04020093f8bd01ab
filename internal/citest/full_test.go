package citest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// full is what .ci/run gives.
var full = flag.Bool("full", false, "also measure, and check files by programs of others")

func beyondDefault(t *testing.T) {
	if !*full {
		t.Skip("-full runs this")
	}
}

// Shellcheck finds nothing in what GitHub's bash is given.
func TestShellcheck(t *testing.T) {
	beyondDefault(t)
	testenv.Need(t, "shellcheck", testenv.Program("shellcheck"))
	steps := load[action](t, "action.yml").Runs.Steps
	for _, name := range []string{"doc/ci/github.yml", "doc/ci/github-history.yml"} {
		for _, job := range load[workflow](t, name).Jobs {
			steps = append(steps, job.Steps...)
		}
	}
	for _, s := range steps {
		if s.Run == "" {
			continue
		}
		cmd := exec.Command("shellcheck", "--shell=bash", "-")
		cmd.Stdin = strings.NewReader("set -eo pipefail\n" + s.Run)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", s.Name, out)
		}
	}
}

// The action and the workflows are what SchemaStore's JSON Schemas of them ask for, by
// the program action-validator, which npm fetches with them.
func TestSchemas(t *testing.T) {
	beyondDefault(t)
	dir := t.TempDir()
	var why error
	if err := testenv.Program("npm"); err != nil {
		why = err
	} else if out, err := exec.Command("npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "@action-validator/core@0.6.0", "@action-validator/cli@0.6.0").CombinedOutput(); err != nil {
		why = fmt.Errorf("%w: %s", err, out)
	}
	testenv.Need(t, "npm", why)
	validate := func(name string) error {
		out, err := exec.Command(filepath.Join(dir, "node_modules/.bin/action-validator"), name).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	for _, name := range []string{"action.yml", "doc/ci/github.yml", "doc/ci/github-history.yml"} {
		if err := validate(filepath.Join(top, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := filepath.Join(dir, "action.yml")
	text := strings.Replace(read(t, filepath.Join(top, "action.yml")), "\nruns:", "\nrums:", 1)
	if err := os.WriteFile(bad, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if validate(bad) == nil {
		t.Error("an action that does not run is valid")
	}
}

// server is an echo server, which spins for SPIN on each message.
const server = `package main

import (
	"net"
	"os"
	"time"
)

func main() {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			b := make([]byte, 64<<10)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				for start := time.Now(); time.Since(start) < SPIN; {
				}
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}
`

// The action, with the ringbench of this tree, lets a revision of a server pass that
// does as its base, and never one that burns 50 µs a message.
func TestActionGates(t *testing.T) {
	beyondDefault(t)
	testenv.Need(t, "git", testenv.Program("git"))
	a := load[action](t, "action.yml")
	dir := t.TempDir()
	revision := func(spin string) string {
		for name, text := range map[string]string{"go.mod": "module example.org/server\n\ngo 1.24\n", "main.go": strings.Replace(server, "SPIN", spin, 1)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "--allow-empty", "-m", spin)
		return git(t, dir, "rev-parse", "HEAD")
	}
	git(t, dir, "init", "-q")
	base, same, slow := revision("0"), revision("0"), revision("50*time.Microsecond")
	for head, want := range map[string]string{same: "0", slow: "1"} {
		r := newRunner(t, dir)
		out, failed := r.run(a, map[string]string{
			"base-rev": base, "head-rev": head, "build": "go build -o {out} .", "cmd": "{out} 127.0.0.1:{port}", "history": ".history",
			"args": "--trials=8\n--duration=200ms\n--warmup=100ms\n--conns=4\n--within=1m\n--audit=false",
		})
		code := out["exit-code"]
		if failed != (code != "0") || read(t, filepath.Join(out["directory"], "result.json")) == "" {
			t.Errorf("outputs %v, failed %v\n%s", out, failed, &r.out)
		}
		if code != want && code != "3" { // a machine that is too busy to tell says so
			t.Errorf("exit code %s, want %s\n%s", code, want, &r.out)
		}
		if s := read(t, r.summary); !strings.Contains(s, "ringbench gate") {
			t.Errorf("summary %q", s)
		}
		if code != "3" {
			if list, err := os.ReadDir(filepath.Join(dir, ".history/entries")); err != nil || len(list) == 0 {
				t.Errorf("no entry of the history: %v\n%s", err, &r.out)
			}
		}
	}
}
