package revision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Repository is the one that a directory lies in, and what was built of it. Each
// call of Open must be paired with one of Close.
type Repository struct {
	top, prefix string // of the working tree, and the way from there to the directory
	tmp         string
	lock        *os.File // on tmp, for as long as this process lives
	worktrees   []string
}

// Open finds the repository of a directory.
func Open(ctx context.Context, dir string) (*Repository, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("git is not installed, which checks out a revision; install it, or build both programs yourself")
	}
	r := &Repository{top: dir}
	top, err := r.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("%w; start it in the working tree that is to be built", err)
	}
	if r.prefix, err = r.git(ctx, "rev-parse", "--show-prefix"); err != nil {
		return nil, err
	}
	r.top = top
	sweep(ctx)
	if r.tmp, err = os.MkdirTemp("", prefix); err != nil {
		return nil, fmt.Errorf("%w; set TMPDIR to a directory that can be written", err)
	}
	r.lock = locked(r.tmp)
	if strings.ContainsAny(r.tmp, " \t\n") {
		r.Close()
		return nil, fmt.Errorf("the path %q has a space in it, which a command cannot; set TMPDIR to another directory", r.tmp)
	}
	return r, nil
}

const (
	prefix = "ringbench-revision-"
	suffix = ".tree" // of worktrees
	// settled is how old a directory must be for its lock to be there if it ever will.
	settled = time.Minute
)

// locked locks a directory until the file is closed, which the kernel does when the
// process ends; nil if another has it.
func locked(dir string) *os.File {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		f.Close()
		return nil
	}
	return f
}

// sweep removes what was left by processes that were killed: directories in TMPDIR that
// nobody has locked, and the worktrees in them, whatever repository they are of.
func sweep(ctx context.Context) {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !ours(info) || time.Since(info.ModTime()) < settled {
			continue
		}
		lock := locked(dir)
		if lock == nil {
			continue
		}
		trees, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
		for _, path := range trees {
			of := &Repository{top: path}
			_, _ = of.git(ctx, "worktree", "remove", "--force", path)
		}
		_ = os.RemoveAll(dir) // what stays is the next one's to remove
		lock.Close()
	}
}

// ours reports whether a file is this user's: git would obey the configuration that
// another has put there.
func ours(info os.FileInfo) bool {
	of, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(of.Uid) == os.Getuid()
}

// A Program is what a build made.
type Program struct {
	Path   string
	Commit string // of the source, with " (modified)" where the working tree has changes
}

// Out stands in a build's command for the path of what it is to make.
const Out = "{out}"

// Build checks out a revision, "" being the working tree as it is, and has the
// shell run a command there, in the directory that Open was told. Name is of the
// file that it makes, and told in errors.
func (r *Repository) Build(ctx context.Context, name, revision, command string) (Program, error) {
	p := Program{Path: filepath.Join(r.tmp, name)}
	where := r.top
	var err error
	if revision == "" {
		p.Commit, err = r.head(ctx)
	} else if p.Commit, err = r.commit(ctx, revision); err == nil {
		where, err = r.checkOut(ctx, name, p.Commit)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	dir := filepath.Join(where, r.prefix)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return p, fmt.Errorf("%s: %s has no directory %s, in which this was started; start it in one that both have", name, revision, r.prefix)
	}
	cmd := r.command(ctx, "sh", "-c", strings.ReplaceAll(command, Out, p.Path))
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return p, ctx.Err()
	case err != nil:
		return p, fmt.Errorf("%s: %q failed with %w: %s", name, command, err, telling(string(said)))
	}
	if info, err := os.Stat(p.Path); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return p, fmt.Errorf("%s: %q made no program at %s", name, command, Out)
	}
	return p, nil
}

// commit is the hash of a revision.
func (r *Repository) commit(ctx context.Context, revision string) (string, error) {
	hash, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err == nil || ctx.Err() != nil {
		return hash, err
	}
	remedy := "git log shows what there is"
	if shallow, err := r.git(ctx, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "true" {
		remedy = "this clone is shallow: git fetch --unshallow brings all of it"
	}
	return "", fmt.Errorf("there is no revision %q here; %s", revision, remedy)
}

// head is the commit that the working tree is of.
func (r *Repository) head(ctx context.Context) (string, error) {
	hash, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	changes, err := r.git(ctx, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
	if changes != "" {
		hash += " (modified)"
	}
	return hash, err
}

func (r *Repository) checkOut(ctx context.Context, name, commit string) (string, error) {
	path := filepath.Join(r.tmp, name+suffix)
	r.worktrees = append(r.worktrees, path)
	_, err := r.git(ctx, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet", path, commit)
	return path, err
}

// Close removes the worktrees and what was built.
func (r *Repository) Close() (err error) {
	for _, path := range r.worktrees {
		if _, serr := os.Stat(path); serr == nil {
			_, rerr := r.git(context.Background(), "worktree", "remove", "--force", path)
			err = errors.Join(err, rerr)
		}
	}
	err = errors.Join(err, os.RemoveAll(r.tmp))
	if r.lock != nil {
		r.lock.Close()
	}
	return err
}

// git runs git in the working tree, and returns what it prints.
func (r *Repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := r.command(ctx, "git", args...)
	cmd.Dir = r.top
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return "", fmt.Errorf("git: %s", strings.TrimPrefix(telling(string(exit.Stderr)), "fatal: "))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// command is a process group of its own, which a terminal's interrupt does not
// reach, so that git is never stopped halfway in the repository by more than us.
func (r *Repository) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), local), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// local reports whether a variable ties git to one working tree, as a hook has it:
// our worktree would become that.
func local(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}, name)
}

// telling is the line of what a compiler, make or git said that says what is wrong.
func telling(said string) (line string) {
	for l := range strings.Lines(said) {
		l = strings.TrimSpace(l)
		switch {
		case l == "" || strings.HasPrefix(l, "#"):
		case strings.Contains(l, "error") || strings.Contains(l, "fatal"):
			return l
		case line == "":
			line = l
		}
	}
	return line
}
