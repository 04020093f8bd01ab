package citest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/testenv"
)

// Shellcheck finds nothing in what GitHub's bash is given.
func TestShellcheck(t *testing.T) {
	testenv.Full(t)
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

// fromNPM runs npm in an empty directory, which it returns.
func fromNPM(t *testing.T, args ...string) (dir string) {
	t.Helper()
	why := testenv.Program("npm")
	if why == nil {
		dir = t.TempDir()
		cmd := exec.Command("npm", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			why = fmt.Errorf("%w: %s", err, out)
		}
	}
	testenv.Need(t, "npm", why)
	return dir
}

// The action and the workflows are what SchemaStore's JSON Schemas of them ask for, by
// the program action-validator, which npm fetches with them.
func TestSchemas(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	dir := fromNPM(t, "install", "--no-audit", "--no-fund", "@action-validator/core@0.6.0", "@action-validator/cli@0.6.0")
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

// The job of GitLab is what GitLab's JSON Schema of its editor asks for, which the
// package of gitlab-ci-local has as a module.
func TestGitLabSchema(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	dir := fromNPM(t, "pack", "--silent", "gitlab-ci-local@4.56.0")
	print := exec.Command("sh", "-c", "tar -xzf *.tgz && exec node -e 'import(\"./package/src/schema/schema.js\").then(m => console.log(JSON.stringify(m.schema)))'")
	print.Dir = dir
	schema, err := print.Output()
	if err != nil {
		t.Fatal(err)
	}
	valid := testenv.Schema(t, schema)
	text := read(t, filepath.Join(top, "doc/ci/gitlab-ci.yml"))
	for _, c := range []struct {
		old, new string
		ok       bool
	}{{"", "", true}, {"codequality:", "code-quality:", false}, {"when: always", "when: ever", false}, {"script:", "scripts:", false}} {
		var job any
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, c.old, c.new)), &job); err != nil {
			t.Fatal(err)
		}
		if err := valid(job); (err == nil) != c.ok {
			t.Errorf("with %q: %v", c.new, err)
		}
	}
}

// server is an echo server with a thread a connection, which makes the call MORE for
// each message.
const server = `#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *serve(void *fd) {
	char b[4096];
	ssize_t n;
	while ((n = read((long)fd, b, sizeof b)) > 0) {
		MORE;
		if (write((long)fd, b, n) != n)
			break;
	}
	close((long)fd);
	return NULL;
}

int main(int argc, char **argv) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(l, (void *)&a, sizeof a) || listen(l, 64))
		return 1;
	for (;;) {
		pthread_t t;
		long fd = accept(l, NULL, NULL);
		if (fd < 0 || pthread_create(&t, NULL, serve, (void *)fd))
			return 1;
	}
}
`

// The action, with the ringbench of this tree, lets a revision of a server pass that
// does as its base, and none that makes a system call more for each message, by rules
// that no busy machine has a say in.
func TestActionGates(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	testenv.Need(t, "git", testenv.Program("git"))
	testenv.Need(t, "cc", testenv.Program("cc"))
	testenv.Need(t, "root", meter.CanTrace())
	a := load[action](t, "action.yml")
	dir := t.TempDir()
	revision := func(more string) string {
		for name, text := range map[string]string{"rules.yaml": "rules:\n  - {metric: syscalls, threshold: 10%}\n", "server.c": strings.Replace(server, "MORE", more, 1)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "--allow-empty", "-m", more)
		return git(t, dir, "rev-parse", "HEAD")
	}
	git(t, dir, "init", "-q")
	base, same, slow := revision("(void)0"), revision("(void)0"), revision("getppid()")
	for head, want := range map[string]string{same: "0", slow: "1"} {
		var r *runner
		var out map[string]string
		for range 4 { // a machine that is too busy to tell says so
			r = newRunner(t, dir)
			var failed bool
			out, failed = r.run(a, map[string]string{
				"base-rev": base, "head-rev": head, "build": "cc -O2 -pthread -o {out} server.c", "cmd": "{out} {port}", "history": ".history",
				"rules": "rules.yaml", "args": "--duration=100ms\n--warmup=10ms\n--audit",
			})
			if failed != (out["exit-code"] != "0") || read(t, filepath.Join(out["directory"], "result.json")) == "" {
				t.Errorf("outputs %v, failed %v\n%s", out, failed, &r.out)
			}
			if out["exit-code"] != "3" {
				break
			}
		}
		if code := out["exit-code"]; code != want {
			t.Errorf("exit code %s, want %s\n%s", code, want, &r.out)
		}
		if s := read(t, r.summary); !strings.Contains(s, "ringbench gate") {
			t.Errorf("summary %q", s)
		}
		if list, err := os.ReadDir(filepath.Join(dir, ".history/entries")); err != nil || len(list) == 0 {
			t.Errorf("no entry of the history: %v\n%s", err, &r.out)
		}
	}
}
