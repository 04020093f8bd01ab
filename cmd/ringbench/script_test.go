package main

import (
	"errors"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/*.txtar: the whole command line as its user types
// it. Two commands are added:
//
//	exits CODE ARGS…    runs ringbench and asserts its exit code
//	refused CODE ARGS…  the same, and that it prints one line on standard error and nothing else
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, args) },
			"refused": func(ts *testscript.TestScript, _ bool, args []string) {
				exits(ts, args)
				ts.Check(oneLine(ts.ReadFile("stderr")))
				if out := ts.ReadFile("stdout"); out != "" {
					ts.Fatalf("standard output is not empty: %q", out)
				}
			},
		},
	})
}

func exits(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("ringbench", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("ringbench exited with %d, not %d", code, want)
	}
}
