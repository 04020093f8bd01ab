package revision

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repository has two commits of a program that prints which it is, and a change of
// it that is not committed, in the directory sub.
func repository(t *testing.T) (top string) {
	t.Helper()
	top = t.TempDir()
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.org"}, args...)...)
		cmd.Dir = top
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	if err := os.Mkdir(filepath.Join(top, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(top, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, which := range []string{"first", "second"} {
		write("sub/program", "#!/bin/sh\necho "+which+"\n", 0o755)
		git("add", "-A")
		git("commit", "-qm", which)
	}
	write("sub/program", "#!/bin/sh\necho changed\n", 0o755)
	write(".git/hooks/post-checkout", "#!/bin/sh\ntouch "+top+"/hooked\n", 0o755)
	return top
}

// files lists a tree with what is in its files.
func files(t *testing.T, top string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			b.WriteString(path + "\n")
			return err
		}
		text, err := os.ReadFile(path)
		b.WriteString(path + ": " + string(text) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// leavesNothing fails when the repository or TMPDIR is not as before.
func leavesNothing(t *testing.T, top string) func() {
	before := files(t, top)
	return func() {
		t.Helper()
		if after := files(t, top); after != before {
			t.Errorf("the repository was\n%s\nand is\n%s", before, after)
		}
		if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

const build = "cp program {out}"

func TestBuild(t *testing.T) {
	top := repository(t)
	check := leavesNothing(t, top)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(top, ".git/index")) // as in a hook
	r, err := Open(t.Context(), filepath.Join(top, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, revision, says, commit string }{
		{"base", "HEAD~1", "first", ""},
		{"other", "HEAD", "second", ""},
		{"head", "", "changed", " (modified)"},
	} {
		p, err := r.Build(t.Context(), c.name, c.revision, build)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(p.Path).Output(); err != nil || strings.TrimSpace(string(out)) != c.says {
			t.Errorf("%q: %v, it prints %q", c.revision, err, out)
		}
		if len(p.Commit) != 40+len(c.commit) || !strings.HasSuffix(p.Commit, c.commit) {
			t.Errorf("%q: commit %q", c.revision, p.Commit)
		}
	}
	for name, c := range map[string]struct{ revision, command, want string }{
		"missing": {"HEAD~7", build, `missing: there is no revision "HEAD~7" here; git log shows what there is`},
		"option":  {"--upload-pack=x", build, "there is no revision"},
		"broken":  {"HEAD", "echo '# sub' >&2; echo './x.go:3: undefined: y' >&2; exit 2", "failed with exit status 2: ./x.go:3: undefined: y"},
		"nothing": {"", "true", `nothing: "true" made no program at {out}`},
	} {
		if _, err := r.Build(t.Context(), name, c.revision, c.command); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.command, err, c.want)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	check()
}

// A build that is interrupted leaves nothing either.
func TestInterruptedBuild(t *testing.T) {
	top := repository(t)
	check := leavesNothing(t, top)
	r, err := Open(t.Context(), top)
	if err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(t.TempDir(), "started")
	if err := exec.Command("mkfifo", started).Run(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = os.ReadFile(started)
		cancel()
	}()
	if _, err := r.Build(ctx, "base", "HEAD", "echo > "+started+"; sleep 1000"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	check()
}

// What one leaves that was killed the next removes, but nothing of one that lives.
func TestKilled(t *testing.T) {
	top := repository(t)
	check := leavesNothing(t, top)
	var open []*Repository
	for range 2 {
		r, err := Open(t.Context(), filepath.Join(top, "sub"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Build(t.Context(), "base", "HEAD", build); err != nil {
			t.Fatal(err)
		}
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(r.tmp, long, long); err != nil {
			t.Fatal(err)
		}
		open = append(open, r)
	}
	killed, living := open[0], open[1]
	killed.lock.Close()
	third, err := Open(t.Context(), filepath.Join(top, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(killed.tmp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", killed.tmp, err)
	}
	if _, err := os.Stat(filepath.Join(living.tmp, "base"+suffix, "sub", "program")); err != nil {
		t.Error(err)
	}
	for _, r := range []*Repository{living, third} {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	check()
}

func TestNoRepository(t *testing.T) {
	if _, err := Open(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a git repository") {
		t.Error(err)
	}
}

// A clone without history says how to get it, and a directory that is new where to start.
func TestShallow(t *testing.T) {
	clone := filepath.Join(t.TempDir(), "clone")
	top := repository(t)
	if out, err := exec.Command("git", "clone", "-q", "--depth=1", "file://"+top, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	later := filepath.Join(clone, "later")
	if err := os.Mkdir(later, 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), later)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Build(t.Context(), "base", "HEAD~1", build); err == nil || !strings.Contains(err.Error(), "this clone is shallow: git fetch") {
		t.Error(err)
	}
	if _, err := r.Build(t.Context(), "base", "HEAD", build); err == nil || !strings.Contains(err.Error(), "base: HEAD has no directory later/, in which this was started") {
		t.Error(err)
	}
}
