package ctwin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/testenv"
)

// fakeCompiler is a shell script, put first and alone on the PATH under name.
func fakeCompiler(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What can be amiss with a compiler is said in one line that names what to
// install, and nothing is left behind.
func TestBuildFails(t *testing.T) {
	const debian, alpine = "apt-get install gcc libc6-dev", "apk add build-base linux-headers"
	for name, c := range map[string]struct {
		cc, compiler, script string
		want                 []string
	}{
		"none":           {want: []string{"no C compiler is installed (cc, gcc, clang)", debian, alpine, "CC"}},
		"CC is wrong":    {cc: "no-such-compiler -m64", want: []string{"CC=no-such-compiler -m64: there is no such program", debian}},
		"no C library":   {compiler: "gcc", script: `echo "epoll.c:7:10: fatal error: errno.h: No such file or directory" >&2; exit 1`, want: []string{"C twin epoll", "header or library is missing", debian, "errno.h"}},
		"no libpthread":  {compiler: "cc", script: `echo "/usr/bin/ld: cannot find -lpthread" >&2; exit 1`, want: []string{"header or library is missing", debian}},
		"no headers":     {compiler: "cc", script: `echo "uring.c:11:10: fatal error: linux/version.h: No such file or directory" >&2; exit 1`, want: []string{"linux-libc-dev", "kernel-headers"}},
		"old headers":    {compiler: "clang", script: `echo "In file included" >&2; echo "uring.c:12:2: error: #error the header linux/io_uring.h is older than Linux 5.19" >&2; exit 1`, want: []string{"missing or too old", "linux-libc-dev", "older than Linux 5.19"}},
		"fails":          {compiler: "cc", script: `echo "warning: w" >&2; echo "cc: internal compiler error: Killed" >&2; exit 4`, want: []string{"internal compiler error"}},
		"says nothing":   {compiler: "cc", script: `[ $# = 1 ] || : >"$TMPDIR/half.s"; exit 7`, want: []string{"exit status 7", "said nothing"}},
		"makes nothing":  {compiler: "cc", script: `exit 0`, want: []string{"cannot be run"}},
		"not executable": {compiler: "cc", script: `while [ "$1" != -o ]; do shift; done; : > "$2"`, want: []string{"cannot be run", "noexec"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.compiler != "" {
				dir = fakeCompiler(t, c.compiler, c.script)
			}
			tmp := t.TempDir()
			t.Setenv("PATH", dir)
			t.Setenv("CC", c.cc)
			t.Setenv("TMPDIR", tmp)
			p, err := Build(t.Context(), Epoll, Uring)
			if err == nil {
				p.Remove()
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			if left, _ := os.ReadDir(tmp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestBuildInterrupted(t *testing.T) {
	t.Setenv("PATH", fakeCompiler(t, "cc", "exec /bin/sleep 100"))
	t.Setenv("CC", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, Epoll); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Headers from before Linux 5.19 are told apart from other errors by the
// program itself.
func TestOldHeaders(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	include := t.TempDir()
	if err := os.Mkdir(filepath.Join(include, "linux"), 0o755); err != nil {
		t.Fatal(err)
	}
	old := "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n#define LINUX_VERSION_CODE KERNEL_VERSION(5, 18, 19)\n"
	if err := os.WriteFile(filepath.Join(include, "linux", "version.h"), []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CC", "cc -I"+include)
	if _, err := Build(t.Context(), Uring); err == nil || !strings.Contains(err.Error(), "missing or too old") {
		t.Errorf("error %v", err)
	}
}

func TestRemove(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("cc"))
	t.Setenv("TMPDIR", t.TempDir())
	p, err := Build(t.Context(), Threads)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Access(p.Path(Threads), unix.X_OK); err != nil {
		t.Error(err)
	}
	if !strings.Contains(p.Compiler, "-O2 (") {
		t.Errorf("compiler %q", p.Compiler)
	}
	p.Remove()
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
