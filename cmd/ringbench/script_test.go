package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/*.txtar: the whole command line as its user types
// it. $RESULT is the file of a result. Three commands are added:
//
//	exits CODE ARGS…    runs ringbench and asserts its exit code
//	refused CODE ARGS…  the same, and that it prints one line on standard error and nothing else
//	result FILE ARGS…   writes a made-up result
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			a, err := filepath.Abs("../../internal/result/testdata/1.json")
			e.Setenv("RESULT", a)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"result": func(ts *testscript.TestScript, _ bool, args []string) { writeResult(ts, args) },
			"exits":  func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, args) },
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
