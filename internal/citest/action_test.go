package citest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// standIn is a ringbench that writes down its arguments, and the files that it is asked
// for, and ends with the code in $CODE.
const standIn = `
printf '%s\n' "$@" >>"$RUNNER_TEMP/args"
echo . >>"$RUNNER_TEMP/args"
for arg; do
  case $arg in
  --format=*) IFS=, read -ra formats <<<"${arg#--format=}"
    for f in "${formats[@]}"; do case $f in *=*) echo "### decision" >"${f#*=}" ;; *) echo "::notice::$f" ;; esac; done ;;
  --output=*) echo '{}' >"${arg#--output=}" ;;
  --dir=*) mkdir -p "${arg#--dir=}/entries"; echo "$RANDOM" >"${arg#--dir=}/entries/$(date +%s%N).jsonl" ;;
  esac
done
[ "$1" != gate ] || exit "${CODE:-0}"
`

// origin is a repository of two commits, and shallow a clone that has but the second.
func origin(t *testing.T) (bare, shallow, base string) {
	t.Helper()
	testenv.Need(t, "git", testenv.Program("git"))
	dir := t.TempDir()
	work := filepath.Join(dir, "work")
	git(t, dir, "init", "-q", work)
	git(t, work, "commit", "-q", "--allow-empty", "-m", "base")
	base = git(t, work, "rev-parse", "HEAD")
	git(t, work, "commit", "-q", "--allow-empty", "-m", "head")
	bare, shallow = filepath.Join(dir, "origin.git"), filepath.Join(dir, "clone")
	git(t, dir, "clone", "-q", "--bare", work, bare)
	git(t, bare, "config", "uploadpack.allowAnySHA1InWant", "true")
	git(t, dir, "clone", "-q", "--depth=1", "file://"+bare, shallow)
	return bare, shallow, base
}

// The action ends as the gate does, whatever that says has its way into the summary,
// and arguments come as they were given.
func TestAction(t *testing.T) {
	a := load[action](t, "action.yml")
	_, clone, base := origin(t)
	hostile := "go build -o {out} $(touch hit) `touch hit` \"'; touch hit"
	for _, code := range []string{"0", "1", "2", "3", "4"} {
		r := newRunner(t, clone)
		r.env = append(r.env, "CODE="+code)
		bin := r.program("ringbench", standIn)
		out, failed := r.run(a, map[string]string{
			"ringbench": bin, "base-rev": base, "build": hostile, "cmd": "{out} {port}", "rules": "my rules.yaml",
			"args": "--conns=1,64\n\n--size=4 096\n", "history": "history",
		})
		dir := out["directory"]
		want := "gate\n--format=github,markdown=" + dir + "/decision.md,json=" + dir + "/decision.json,html=" + dir + "/report.html\n--output=" + dir + "/result.json\n" +
			"--base-rev=" + base + "\n--build=" + hostile + "\n--cmd={out} {port}\n--rules=my rules.yaml\n--conns=1,64\n--size=4 096\n.\n"
		if code == "0" || code == "1" {
			want += "history\nadd\n" + dir + "/result.json\n--dir=history\n--commit=0123456789abcdef0123456789abcdef01234567\n--label=branch=main\n.\n"
		}
		if got := read(t, filepath.Join(r.temp, "args")); got != want {
			t.Errorf("code %s: arguments\n%swant\n%s", code, got, want)
		}
		if out["exit-code"] != code || failed != (code != "0") {
			t.Errorf("code %s: outputs %v, failed %v\n%s", code, out, failed, &r.out)
		}
		if got := read(t, r.summary); got != "### decision\n" || !strings.Contains(r.out.String(), "::notice::github") {
			t.Errorf("code %s: summary %q, annotations %q", code, got, &r.out)
		}
		if read(t, filepath.Join(dir, "result.json")) == "" {
			t.Errorf("code %s: no result", code)
		}
	}
	// What a push of a new branch gives as its base.
	r := newRunner(t, clone)
	if out, failed := r.run(a, map[string]string{"ringbench": r.program("ringbench", standIn), "base-rev": strings.Repeat("0", 40), "build": "true {out}"}); !failed || out["exit-code"] != "2" || !strings.Contains(r.out.String(), "::error::there is no revision 000") {
		t.Errorf("no base: %v, %v\n%s", out, failed, &r.out)
	}
	if _, err := os.Stat(filepath.Join(clone, "hit")); err == nil {
		t.Error("an input was run as a command")
	}
}

// Commands instead of revisions, and what is no ringbench.
func TestActionOfCommands(t *testing.T) {
	a := load[action](t, "action.yml")
	r := newRunner(t, t.TempDir())
	bin := r.program("ringbench", standIn)
	if out, failed := r.run(a, map[string]string{"ringbench": bin, "base-cmd": "./old {port}", "head-cmd": "./new {port}"}); failed {
		t.Error(out, &r.out)
	}
	if got := read(t, filepath.Join(r.temp, "args")); !strings.Contains(got, "--base-cmd=./old {port}\n--head-cmd=./new {port}\n.\n") || strings.Contains(got, "base-rev") {
		t.Error(got)
	}
	for from, want := range map[string]string{"./none": "./none is no program", "https://example.org/ringbench": "the input sha256 must say"} {
		r := newRunner(t, t.TempDir())
		if _, failed := r.run(a, map[string]string{"ringbench": from, "base-cmd": "x", "head-cmd": "y"}); !failed || !strings.Contains(r.out.String(), want) {
			t.Errorf("%s: %s", from, &r.out)
		}
	}
	// A download is what it is said to be, or is not run.
	for sum, ok := range map[string]bool{"": false, strings.Repeat("0", 64): false, "right": true} {
		r := newRunner(t, t.TempDir())
		r.program("curl", `while [ "$1" != -o ]; do shift; done; cp "`+bin+`" "$2"`)
		r.program("sha256sum", `read -r sum file; [ "$sum" = right ]`)
		if out, failed := r.run(a, map[string]string{"ringbench": "https://example.org/x", "sha256": sum, "base-cmd": "x", "head-cmd": "y"}); failed == ok {
			t.Errorf("sum %q: failed %v, %v\n%s", sum, failed, out, &r.out)
		}
	}
}

// A pull request has one comment, which is kept up to date.
func TestActionComments(t *testing.T) {
	a := load[action](t, "action.yml")
	for before, want := range map[string]string{
		"":         "repos/ringbench/example/issues/7/comments",
		"111\n222": "--method PATCH repos/ringbench/example/issues/comments/111",
	} {
		r := newRunner(t, t.TempDir())
		r.event["github.event.pull_request.number"] = "7"
		r.env = append(r.env, "CODE=1", "BEFORE="+before)
		r.program("gh", `
case "$*" in
*--jq*) [ "$GH_TOKEN" = secret ]; [ -z "$BEFORE" ] || printf '%s\n' "$BEFORE" ;;
*) echo "$*" >"$RUNNER_TEMP/gh"; for arg; do case $arg in body=@*) cat "${arg#body=@}" >>"$RUNNER_TEMP/gh" ;; esac; done ;;
esac
`)
		with := map[string]string{"ringbench": r.program("ringbench", standIn), "base-cmd": "x", "head-cmd": "y", "comment": "true"}
		if _, failed := r.run(a, with); !failed {
			t.Error("a regression passes")
		}
		got := read(t, filepath.Join(r.temp, "gh"))
		if !strings.Contains(got, "api "+want) || !strings.HasSuffix(got, "--silent\n<!-- ringbench gate -->\n### decision\n") {
			t.Errorf("gh %s\n%s", got, &r.out)
		}
		with["comment"] = "false"
		_ = os.Remove(filepath.Join(r.temp, "gh"))
		if r.run(a, with); read(t, filepath.Join(r.temp, "gh")) != "" {
			t.Error("a comment that nobody asked for")
		}
	}
}
