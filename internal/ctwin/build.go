package ctwin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// compilers are tried in this order when CC is not set.
var compilers = []string{"cc", "gcc", "clang"}

// packages are what brings a compiler, a C library and the kernel's headers.
const packages = "Debian, Ubuntu: apt-get install gcc libc6-dev; Fedora: dnf install gcc; Alpine: apk add build-base linux-headers"

// Programs are twins that have been built.
type Programs struct {
	dir string
	// Compiler is what built them: the command, and the first line of what it
	// says of its version.
	Compiler string
}

// Build builds the named programs in a directory of their own. Its error names
// the packages to install where something is missing.
func Build(ctx context.Context, names ...string) (_ *Programs, err error) {
	cc, err := compiler()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ringbench-ctwin-")
	if err != nil {
		return nil, fmt.Errorf("build C twins: %w; set TMPDIR to a directory that can be written", err)
	}
	p := &Programs{dir: dir, Compiler: strings.Join(append(cc, optimize), " ") + " (" + version(ctx, cc) + ")"}
	defer func() {
		if err != nil {
			p.Remove()
		}
	}()
	if err := os.CopyFS(filepath.Join(dir, "ctwin"), Sources); err != nil {
		return nil, fmt.Errorf("build C twins: %w", err)
	}
	for _, name := range names {
		if err := p.build(ctx, cc, name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Path is where a program is.
func (p *Programs) Path(name string) string { return filepath.Join(p.dir, name) }

// UsesRing reports whether a program is one of io_uring.
func UsesRing(name string) bool { return name == Uring || name == ProxyUring || name == ReadUring }

// Check tells why a program cannot run on this kernel, as the program itself
// says; nil when it can. Only those of io_uring ask anything of it.
func (p *Programs) Check(name string) error {
	if !UsesRing(name) {
		return nil
	}
	out, err := exec.Command(p.Path(name), "check").CombinedOutput()
	if err != nil && len(out) > 0 {
		err = errors.New(strings.TrimSpace(string(out)))
	}
	if err != nil {
		return fmt.Errorf("its C twin cannot run here: %w", err)
	}
	return nil
}

// Remove removes the programs.
func (p *Programs) Remove() { os.RemoveAll(p.dir) }

// compiler finds the C compiler, with the arguments that CC may give it.
func compiler() ([]string, error) {
	if cc := strings.Fields(os.Getenv("CC")); len(cc) > 0 {
		if _, err := exec.LookPath(cc[0]); err != nil {
			return nil, fmt.Errorf("CC=%s: there is no such program; unset CC, or install it (%s)", os.Getenv("CC"), packages)
		}
		return cc, nil
	}
	for _, name := range compilers {
		if _, err := exec.LookPath(name); err == nil {
			return []string{name}, nil
		}
	}
	return nil, fmt.Errorf("no C compiler is installed (%s): install one (%s), or name it by CC", strings.Join(compilers, ", "), packages)
}

func version(ctx context.Context, cc []string) string {
	out, err := exec.CommandContext(ctx, cc[0], "--version").Output()
	if err != nil {
		return "version unknown"
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(first)
}

const optimize = "-O2"

func (p *Programs) build(ctx context.Context, cc []string, name string) error {
	args := append(cc[1:len(cc):len(cc)], optimize, "-pthread", "-o", p.Path(name), filepath.Join(p.dir, "ctwin", "src", name+".c"))
	cmd := exec.CommandContext(ctx, cc[0], args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TMPDIR="+p.dir) // what an interrupt leaves of the compiler goes with it
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("build C twin %s: %w", name, diagnosis(string(out), err))
	}
	if err := unix.Access(p.Path(name), unix.X_OK); err != nil {
		return fmt.Errorf("build C twin %s: %s cannot be run (%w): TMPDIR may be mounted noexec; set it to another directory", name, p.Path(name), err)
	}
	return nil
}

// diagnosis is one line of what the compiler said, with what to do about it.
func diagnosis(out string, err error) error {
	said := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if said == "" || strings.Contains(line, "error") && !strings.Contains(said, "error") {
			said = line
		}
	}
	switch {
	case said == "":
		return fmt.Errorf("the C compiler failed (%w) and said nothing; run it by hand on the files of internal/ctwin/src", err)
	case strings.Contains(said, "linux/") || strings.Contains(out, "io_uring"):
		return fmt.Errorf("the kernel's headers are missing or too old; install newer ones (Debian, Ubuntu: linux-libc-dev; Fedora: kernel-headers; Alpine: linux-headers): %s", said)
	case strings.Contains(said, "o such file") || strings.Contains(said, "file not found") || strings.Contains(said, "cannot find"):
		return fmt.Errorf("a header or library is missing; install the C library's (%s): %s", packages, said)
	}
	return errors.New(said)
}
