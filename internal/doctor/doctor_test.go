package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/meter"
)

var update = flag.Bool("update", false, "rewrite the golden file; read the difference before you commit it")

// A tree is the files of a made-up machine; those below "later/" take the place
// of others when the time of the observation is over.
type tree map[string]string

func readTree(t *testing.T, name string) tree {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	files := tree{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// but is the tree with some files changed, or removed where the text is "".
func (files tree) but(changes tree) tree {
	files = maps.Clone(files)
	maps.Copy(files, changes)
	maps.DeleteFunc(files, func(_, text string) bool { return text == "" })
	return files
}

// subject is a machine with these files on which all that is tried succeeds.
func subject(files tree) Subject {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Subject{
		Files: meter.Files{FS: m}, Arch: "amd64", TempDir: "/tmp", Tier: "6.1", Grouping: child.Autogroup, Span: time.Second,
		Wait: func(time.Duration) {
			for name, f := range m {
				if later, ok := strings.CutPrefix(name, "later/"); ok {
					m[later] = f
				}
			}
		},
	}
}

func (r *Report) check(t *testing.T, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return Check{}
}

// A machine that its owner has made ready has no warning.
func TestReady(t *testing.T) {
	r := Examine(subject(readTree(t, "metal")))
	for _, c := range r.Checks {
		if c.Status != OK {
			t.Errorf("%s: %s: %s; %s", c.Name, c.Status, c.Found, c.Advice)
		}
	}
	if r.Fine != len(r.Checks) || r.Warnings != 0 || r.Unknowns != 0 {
		t.Errorf("%s of %d", r, len(r.Checks))
	}
}

// Of a machine that tells nothing, nothing is ok.
func TestNothingTold(t *testing.T) {
	s := subject(tree{})
	s.Ring, s.Trace, s.Grouping = errors.New("refused"), errors.New("refused"), child.NoGroups
	for _, c := range Examine(s).Checks {
		if c.Status == OK || c.Advice == "" {
			t.Errorf("%s: %s: %s; %q", c.Name, c.Status, c.Found, c.Advice)
		}
	}
}

// Files without which a check stays ok, and why; all others of those that it
// reads are what it is ok by.
var spare = map[string]string{
	"kernel: proc/version":                                            "adds how it preempts",
	"kernel: proc/cmdline":                                            "adds how it preempts",
	"kernel: boot/config-6.12.9-generic":                              "adds how it preempts",
	"io_uring: proc/sys/kernel/io_uring_disabled":                     "the trial decides",
	"other processes: proc/pressure/cpu":                              "adds to the shares",
	"tracepoints: proc/sys/kernel/perf_event_paranoid":                "the trial decides",
	"huge pages: sys/kernel/mm/transparent_hugepage/enabled":          "adds the transparent ones",
	"virtualisation: sys/class/dmi/id/sys_vendor":                     "the CPU's flags tell",
	"steal: sys/class/dmi/id/sys_vendor":                              "the CPU's flags tell",
	"user/kernel split: sys/class/dmi/id/sys_vendor":                  "the CPU's flags tell",
	"SMT: sys/class/dmi/id/sys_vendor":                                "the CPU's flags tell",
	"SMT: sys/devices/system/cpu/smt/active":                          "the topology tells",
	"idle states: sys/class/dmi/id/sys_vendor":                        "the CPU's flags tell",
	"idle states: proc/cmdline":                                       "could only be better",
	"idle states: sys/devices/system/cpu/cpuidle/current_governor":    "adds the governor",
	"idle states: sys/devices/system/cpu/cpu0/cpuidle/state0/name":    "adds the name",
	"idle states: sys/devices/system/cpu/cpu0/cpuidle/state0/disable": "harmless where enabled",
	"idle states: sys/devices/system/cpu/cpu0/cpuidle/state1/name":    "adds the name",
	"idle states: sys/devices/system/cpu/cpu0/cpuidle/state1/disable": "harmless where enabled",
	"CPUs: sys/devices/system/cpu/cpu0/topology/physical_package_id":  "adds the cores",
	"CPUs: sys/devices/system/cpu/cpu0/topology/core_id":              "adds the cores",
	"CPUs: sys/devices/system/cpu/cpu1/topology/physical_package_id":  "adds the cores",
	"CPUs: sys/devices/system/cpu/cpu1/topology/core_id":              "adds the cores",
}

// Files whose absence tells something, other than that they cannot be read.
var telling = map[string]string{
	"container: proc/gvisor":                                            "only gVisor has it",
	"CPU quota: sys/fs/cgroup/user.slice/cpu.max":                       "the group has no controller",
	"CPU quota: sys/fs/cgroup/user.slice/user-1000.slice/cpu.max":       "the group has no controller",
	"memory limit: sys/fs/cgroup/user.slice/memory.max":                 "the group has no controller",
	"governor: sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "there is one policy",
	"governor: sys/devices/system/cpu/cpufreq/policy1/scaling_governor": "there is one policy",
	"mitigations: sys/devices/system/cpu/vulnerabilities/meltdown":      "the kernel does not know it",
	"mitigations: sys/devices/system/cpu/vulnerabilities/spectre_v2":    "the kernel does not know it",
	"TCP: proc/sys/net/core/busy_poll":                                  "the kernel has no busy polling",
}

// Without any one of the files that a check reads, be it gone or not to be read,
// a check is not ok that was not, and one that was ok by this file is unknown.
func TestOneFileMissing(t *testing.T) {
	ready := readTree(t, "metal")
	for _, files := range []tree{ready, ready.but(amend(ready, changes()))} {
		for i, c := range checks {
			before, read := recorded(files, c.of)
			for _, name := range read {
				gone := Examine(subject(files.but(tree{name: ""}))).Checks[i]
				s := subject(files)
				s.Files.FS = unreadable{s.FS, name}
				shut := Examine(s).Checks[i]
				key := c.name + ": " + name
				for _, after := range []struct {
					how string
					Check
					excused bool
				}{{"gone", gone, telling[key] != ""}, {"unreadable", shut, false}} {
					switch {
					case before.Status == OK && after.Status != Unknown && spare[key] == "" && !after.excused:
						t.Errorf("%s is ok by %s (%s); with the file %s it is %s (%s)", c.name, name, before.Found, after.how, after.Status, after.Found)
					case before.Status != OK && after.Status == OK && !after.excused:
						t.Errorf("%s was %s (%s); with %s %s it is ok (%s)", c.name, before.Status, before.Found, name, after.how, after.Found)
					}
				}
			}
		}
	}
}

// recorded makes one check, and tells which files it read.
func recorded(files tree, of func(*machine) Outcome) (Outcome, []string) {
	s := subject(files)
	r := &recorder{FS: s.FS}
	m := &machine{Subject: s}
	m.before = m.observe()
	s.Wait(s.Span)
	m.after = m.observe()
	m.FS = r
	o := of(m)
	slices.Sort(r.names)
	return o, slices.Compact(r.names)
}

// A recorder knows the files that were read.
type recorder struct {
	fs.FS
	names []string
}

func (r *recorder) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(r.FS, name)
	if err == nil && !info.IsDir() {
		r.names = append(r.names, name)
	}
	return info, err
}

func (r *recorder) Open(name string) (fs.File, error) {
	_, _ = r.Stat(name)
	return r.FS.Open(name)
}

// unreadable has a file that is there and may not be read.
type unreadable struct {
	fs.FS
	name string
}

func (u unreadable) Stat(name string) (fs.FileInfo, error) { return fs.Stat(u.FS, name) }
func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.FS.Open(name)
}

// What was tried decides, whatever the files say.
func TestTried(t *testing.T) {
	s := subject(readTree(t, "metal").but(tree{"proc/sys/kernel/io_uring_disabled": "1\n", "proc/sys/kernel/io_uring_group": "1000\n"}))
	if c := Examine(s).check(t, "io_uring"); c.Status != OK || !strings.Contains(c.Found, "kernel.io_uring_disabled is 1, io_uring_group 1000") {
		t.Errorf("%+v", c)
	}
	s = subject(readTree(t, "metal"))
	s.Ring = &backends.Unavailable{Backend: "uring", Why: "a filter forbids it", Remedy: "run without"}
	if c := Examine(s).check(t, "io_uring"); c.Status != Warning || !strings.HasPrefix(c.Found, "a filter forbids it; ") || c.Advice != "run without" {
		t.Errorf("%+v", c)
	}
	s = subject(readTree(t, "metal").but(tree{"sys/kernel/tracing/events/enable": ""}))
	s.Trace = errors.New("counting needs tracefs: mount it")
	if c := Examine(s).check(t, "tracepoints"); c.Status != Warning || !strings.HasPrefix(c.Found, "tracefs is not mounted") || !strings.HasPrefix(c.Advice, "mount it;") {
		t.Errorf("%+v", c)
	}
	s = subject(readTree(t, "metal"))
	s.FS, s.Trace = forbidden{s.FS}, errors.New("no")
	if c := Examine(s).check(t, "tracepoints"); c.Status != Warning || !strings.HasPrefix(c.Found, "tracefs is for root only") {
		t.Errorf("%+v", c)
	}
	s.Grouping = child.NoGroups
	if c := Examine(s).check(t, "scheduling groups"); c.Status != Warning || !strings.Contains(c.Advice, "sched_autogroup_enabled=1") {
		t.Errorf("%+v", c)
	}
}

// forbidden lets nobody see tracefs.
type forbidden struct{ fs.FS }

func (f forbidden) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "sys/kernel/tracing") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.FS.Open(name)
}

// The table of a machine of which much is to be said, and what it holds from
// outside does no harm to the terminal.
func TestTable(t *testing.T) {
	bad := readTree(t, "metal").but(amend(readTree(t, "metal"), changes()))
	s := subject(bad.but(tree{"later/proc/77/stat": "77 (\x1b[2J名前) S 1 77 77 0 -1 0 0 0 0 0 1150 550 0 0 20 0 5 0\n"}))
	s.TempDir = "/tmp/" + strings.Repeat("long", 40)
	r := Examine(s)
	var b bytes.Buffer
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := twwidth.Width(strings.TrimRight(line, "\n")); n > 120 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, c := range r.Checks { // nothing is lost in folding
		if !strings.Contains(squeezed(b.String()), c.Name) {
			t.Errorf("no line %s", c.Name)
		}
	}
	path := filepath.Join("testdata", "table.txt")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != b.String() {
		t.Errorf("%s differs (go test ./internal/doctor -update rewrites it; %v); got:\n%s", path, err, &b)
	}
	if strings.ContainsRune(b.String(), '\x1b') {
		t.Error("an escape sequence gets through")
	}
}

func squeezed(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		"ab cd ef":       "ab cd\nef",
		"abcdefgh ij":    "abcde\nfgh\nij",
		"a  b":           "a b",
		"名前名前 x":         "名前\n名前\nx",
		"abcde":          "abcde",
		"ab abcdefghijk": "ab\nabcde\nfghij\nk",
	} {
		if got := fold(in, 5); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	r := Examine(subject(readTree(t, "metal")))
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema      string
		Checks      []map[string]string
		OK, Unknown int
		Warnings    *int
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != Schema || len(got.Checks) != len(r.Checks) || got.OK != r.Fine || got.Warnings == nil {
		t.Errorf("%+v", got)
	}
	if c := got.Checks[0]; c["name"] != "kernel" || c["status"] != "ok" || c["found"] == "" {
		t.Errorf("%v", c)
	}
}
