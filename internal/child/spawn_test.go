package child

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
	"golang.org/x/sys/unix"
)

func allowed(t *testing.T) []int {
	t.Helper()
	var s unix.CPUSet
	if err := unix.SchedGetaffinity(0, &s); err != nil {
		t.Fatal(err)
	}
	return members(&s)
}

func ask(t *testing.T, p *Proc) (s self) {
	t.Helper()
	if err := p.Call(within(t, 20*time.Second), "self", nil, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryThreadIsPinnedFromBirth(t *testing.T) {
	cpus := allowed(t)
	for _, c := range []int{cpus[0], cpus[len(cpus)-1]} {
		s := ask(t, start(t, Spec{Role: "answer", CPUs: []int{c}, GoMaxProcs: 3, Env: []string{"EXTRA=word"}}))
		for _, list := range s.Threads {
			if list != strconv.Itoa(c) {
				t.Errorf("pinned to %d, threads may run on %q", c, s.Threads)
				break
			}
		}
		if s.MaxProcs != 3 || s.Extra != "word" || s.Role != "" || s.Comm != "rb-answer" {
			t.Errorf("environment of the child: %+v", s)
		}
		foreign := start(t, Spec{Command: []string{"sleep", "1000"}, CPUs: []int{c}})
		if got := statusField("/proc/"+strconv.Itoa(foreign.PID())+"/status", "Cpus_allowed_list"); got != strconv.Itoa(c) {
			t.Errorf("foreign program pinned to %d may run on %q", c, got)
		}
	}
	// None of our threads stays behind on a child's CPUs, and a child that is
	// not pinned is not.
	statuses, _ := filepath.Glob("/proc/self/task/*/status")
	for _, name := range statuses {
		if got := statusField(name, "Cpus_allowed_list"); got != List(cpus) {
			t.Errorf("%s: allowed on %s, want %s", name, got, List(cpus))
		}
	}
	if s := ask(t, start(t, Spec{Role: "answer"})); slices.Max(s.Threads) != List(cpus) {
		t.Errorf("unpinned child may run on %q", s.Threads)
	}
}

func TestCPUThatDoesNotExist(t *testing.T) {
	cpus := allowed(t)
	for _, c := range []int{cpus[len(cpus)-1] + 500, 1 << 20, -1} {
		_, err := Start(Spec{Role: "answer", CPUs: []int{cpus[0], c}})
		mustSay(t, err, "start answer", "CPU "+strconv.Itoa(c)+" does not exist", "available are "+List(cpus))
	}
	_, err := Start(Spec{Role: "answer", CPUs: []int{cpus[len(cpus)-1] + 500}})
	mustSay(t, err, "does not exist")
	if s := ask(t, start(t, Spec{Role: "answer"})); slices.Max(s.Threads) != List(cpus) {
		t.Errorf("after refusals a child may run on %q, want %s", s.Threads, List(cpus))
	}
}

func TestList(t *testing.T) {
	for want, in := range map[string][]int{"": nil, "3": {3}, "0-1": {1, 0, 1}, "0-2,5,7-8": {0, 1, 2, 5, 7, 8}} {
		if got := List(in); got != want {
			t.Errorf("List(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestSession(t *testing.T) {
	mine, _ := unix.Getsid(0)
	plain := ask(t, start(t, Spec{Role: "answer"}))
	if plain.SID != mine || plain.PGID != plain.PID {
		t.Errorf("session %d, group %d of child %d; want session %d and a group of its own", plain.SID, plain.PGID, plain.PID, mine)
	}
	a := ask(t, start(t, Spec{Role: "answer", Session: true}))
	b := ask(t, start(t, Spec{Role: "answer", Session: true}))
	if a.SID != a.PID || b.SID != b.PID {
		t.Errorf("sessions %d, %d of children %d, %d", a.SID, b.SID, a.PID, b.PID)
	}
	if Grouping() == Autogroup && (a.Autogroup == b.Autogroup || a.Autogroup == "") {
		t.Errorf("both in autogroup %q", a.Autogroup)
	}
}

// The way with cgroups is taken where autogroup cannot be; here it is forced.
func TestCgroup(t *testing.T) {
	testenv.Need(t, "root", testenv.Root())
	t.Run("v1", func(t *testing.T) {
		at := whereWeAre()
		if at.v2 || at.parent == "" {
			t.Skip("no v1 CPU cgroup in which groups can be made")
		}
		startInGroup(t, at)
	})
	t.Run("v2", func(t *testing.T) {
		_, path := ownPaths(readTrimmed("/proc/self/cgroup"), "cpu")
		_, m := mounts(readTrimmed("/proc/self/mountinfo"), "cpu")
		at := place{v2: true, parent: m.dir(path)} // being born there works without the controller, too
		if at.parent == "" || !writable(at.parent+"/cgroup.procs") {
			t.Skip("no v2 cgroup in which groups can be made")
		}
		startInGroup(t, at)
	})
}

func startInGroup(t *testing.T, at place) {
	g, err := newGroupAt(at)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proc{name: "grouped", done: make(chan struct{}), group: g}
	if err := p.start(Spec{Role: "answer"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	if s := ask(t, p); !strings.Contains(s.Cgroup, "/"+filepath.Base(g.dir)) {
		t.Errorf("child's cgroups are %q, want %s", s.Cgroup, g.dir)
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/cgroup")
	for _, name := range tasks {
		if strings.Contains(readTrimmed(name), "ringbench-") {
			t.Errorf("%s: a thread of ours stayed in the group", name)
		}
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	if exists(g.dir) {
		t.Errorf("%s is left", g.dir)
	}
}

func TestStaleGroupsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	stale, live := dir+"/ringbench-999999999-1", dir+"/ringbench-"+strconv.Itoa(os.Getpid())+"-1"
	for _, d := range []string{stale, live} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(dir)
	if exists(stale) || !exists(live) {
		t.Errorf("stale exists: %v, live exists: %v", exists(stale), exists(live))
	}
}

func TestPlaceIsReadFromProc(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	v1, v2 := ownPaths("4:memory:/m\n3:cpu,cpuacct:/a:b\n2:cpuset:/\n0::/user.slice/x\n", "cpu")
	if v1 != "/a:b" || v2 != "/user.slice/x" {
		t.Errorf("own paths %q, %q", v1, v2)
	}
	m1, m2 := mounts("30 25 0:26 /docker/1 /sys/fs/cgroup/cpu rw,nosuid shared:9 - cgroup cgroup rw,cpuacct,cpu\n"+
		"31 25 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "cpu")
	if got := m1.dir("/docker/1/x"); got != "/sys/fs/cgroup/cpu/x" {
		t.Errorf("v1 group is at %q", got)
	}
	if got := m2.dir("/user.slice/x"); got != "/sys/fs/cgroup/unified/user.slice/x" {
		t.Errorf("v2 group is at %q", got)
	}

	// A tree like systemd's: the slice gives the CPU controller on, ours has it.
	write("tree/slice/cgroup.subtree_control", "cpu memory\n")
	write("tree/slice/cgroup.procs", "")
	write("tree/slice/own/cpu.weight", "100")
	write("tree/slice/own/cgroup.type", "domain")
	m := mount{point: filepath.Join(dir, "tree"), root: "/"}
	if p := unified(m, "/slice/own", true); p.root || p.parent != filepath.Join(dir, "tree/slice") {
		t.Errorf("below a controller: %+v", p)
	}
	// Nothing up to the root has it: we are in the root group.
	write("bare/a/b/cgroup.type", "domain")
	write("bare/a/cgroup.type", "domain")
	if p := unified(mount{point: filepath.Join(dir, "bare"), root: "/"}, "/a/b", true); !p.root || p.parent != "" {
		t.Errorf("without controllers: %+v", p)
	}
}
