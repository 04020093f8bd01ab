// Package testenv lets a test say what it needs of the machine, so that a skip
// cannot hide: RINGBENCH_REQUIRE, a comma-separated list such as
// "uring,root,cc,browser", turns the skip of what it names into a failure.
package testenv

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Need returns when why is nil. Else the test is skipped, or fails when
// RINGBENCH_REQUIRE names what is missing.
func Need(t testing.TB, what string, why error) {
	t.Helper()
	if why == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("RINGBENCH_REQUIRE"), ","), what) {
		t.Fatalf("RINGBENCH_REQUIRE names %s, but: %v", what, why)
	}
	t.Skipf("needs %s: %v", what, why)
}

// Root is nil when the test runs as root.
func Root() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	return nil
}

// Program is nil when a program of that name is installed.
func Program(name string) error {
	_, err := exec.LookPath(name)
	return err
}

// Strace runs an strace, and runs it again when that itself has failed: on a busy
// machine it now and then loses a thread that is starting.
func Strace(cmd *exec.Cmd) (out []byte, err error) {
	for range 3 {
		again := &exec.Cmd{Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir}
		if out, err = again.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("strace: ptrace(")) {
			break
		}
	}
	return out, err
}
