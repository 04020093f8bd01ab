package main

import (
	"encoding/json"
	"testing"

	"github.com/ringbench/ringbench/internal/doctor"
)

// The exit code and the counts agree with the checks, in both forms.
func TestDoctor(t *testing.T) {
	t.Parallel()
	r := newRun(t, "doctor", "--json").start()
	_ = r.cmd.Wait() // its exit code depends on the machine
	var got doctor.Report
	if err := json.Unmarshal(r.stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, &r.stdout)
	}
	count := map[doctor.Status]int{}
	for _, c := range got.Checks {
		count[c.Status]++
		if c.Name == "" || c.Found == "" || c.Status != doctor.OK && c.Advice == "" {
			t.Errorf("%+v", c)
		}
	}
	if len(count) > 3 || count[doctor.OK] != got.Fine || count[doctor.Warning] != got.Warnings || count[doctor.Unknown] != got.Unknowns {
		t.Errorf("%s; counted %v", &got, count)
	}
	code := exitOK
	if got.Warnings > 0 {
		code = exitFailed
		r.says("this machine is not as it should be to measure on: " + got.String())
	}
	if c := r.cmd.ProcessState.ExitCode(); c != code {
		t.Errorf("exit code %d with %d warnings", c, got.Warnings)
	}
	r = newRun(t, "doctor").start()
	_ = r.cmd.Wait()
	for _, c := range got.Checks {
		r.prints(" " + c.Name + " ")
	}
	r.leavesNothing()
}
