package doctor

import (
	"time"

	"github.com/ringbench/ringbench/internal/meter"
)

// Schema names the format of a report in JSON.
const Schema = "ringbench.doctor/1"

// A Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it limits or bends what is measured here
	Unknown Status = "unknown" // this machine does not tell
)

// A Check is one thing that was looked at.
type Check struct {
	Name    string `json:"name"`
	Outcome        // in line
}

// An Outcome is what was found.
type Outcome struct {
	Status Status `json:"status"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

// A Report is all checks of a machine.
type Report struct {
	Schema   string  `json:"schema"`
	Checks   []Check `json:"checks"`
	Fine     int     `json:"ok"`
	Warnings int     `json:"warnings"`
	Unknowns int     `json:"unknown"`
}

// A Subject is the machine to be examined: its files, and what only trying
// tells.
type Subject struct {
	meter.Files
	Arch     string        // as GOARCH
	TempDir  string        // where temporary files go
	Ring     error         // of making a ring by way of trial
	Tier     string        // of io_uring support, where Ring is nil
	Trace    error         // of counting system calls by tracepoint
	Grouping string        // how contestants of a duet get a scheduling group each, as child.Grouping
	Span     time.Duration // for which what others do is observed
	Wait     func(time.Duration)
}

// checks in the order of the report.
var checks = []struct {
	name string
	of   func(*machine) Outcome
}{
	{"kernel", kernel},
	{"kernel debugging", debugging},
	{"io_uring", ring},
	{"seccomp", seccomp},
	{"container", container},
	{"virtualisation", virtualisation},
	{"locked memory", lockedMemory},
	{"open files", openFiles},
	{"CPUs", cpus},
	{"CPU quota", quota},
	{"SMT", smt},
	{"governor", governor},
	{"turbo", turbo},
	{"idle states", idleStates},
	{"mitigations", mitigations},
	{"clock source", clockSource},
	{"user/kernel split", accounting},
	{"steal", steal},
	{"other processes", others},
	{"scheduling groups", groups},
	{"tracepoints", tracepoints},
	{"TCP", tcp},
	{"congestion control", congestion},
	{"temporary files", tempDir},
	{"memory", memory},
	{"memory limit", memoryLimit},
	{"reclaim", reclaim},
	{"huge pages", hugePages},
}

// Examine makes all checks. It takes s.Span.
func Examine(s Subject) *Report {
	m := &machine{Subject: s}
	m.before = m.observe()
	s.Wait(s.Span)
	m.after = m.observe()
	r := &Report{Schema: Schema}
	for _, c := range checks {
		o := c.of(m)
		o.Found, o.Advice = clean(o.Found), clean(o.Advice)
		r.Checks = append(r.Checks, Check{c.name, o})
		switch o.Status {
		case OK:
			r.Fine++
		case Warning:
			r.Warnings++
		default:
			r.Unknowns++
		}
	}
	return r
}

func ok(found string) Outcome              { return Outcome{OK, found, ""} }
func warning(found, advice string) Outcome { return Outcome{Warning, found, advice} }
func unknown(found, advice string) Outcome { return Outcome{Unknown, found, advice} }

// with appends advice, in any case.
func (o Outcome) with(advice string) Outcome {
	if o.Advice != "" {
		o.Advice += "; "
	}
	o.Advice += advice
	return o
}

// A machine is a Subject under examination.
type machine struct {
	Subject
	before, after observation
}

// status is a field of /proc/self/status (proc_pid_status(5)).
func (m *machine) status(name string) string { return m.Field("proc/self/status", name) }
