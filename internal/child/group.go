package child

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// The answers of Grouping.
const (
	Autogroup = "autogroup"
	Cgroup    = "cgroup"
	NoGroups  = "none"
)

// Grouping says how a child that is started with Session gets a scheduling
// group of its own, so that on a shared CPU a process of one thread gets as
// much as a process of eight: Autogroup, by being a session; Cgroup, in a CPU
// cgroup of equal weight beside the others; or NoGroups.
//
// The kernel groups by session only tasks of the root CPU cgroup, and only when
// kernel.sched_autogroup_enabled is 1 (sched(7), "The autogroup feature").
func Grouping() string {
	switch h := whereWeAre(); {
	case h.root && readTrimmed("/proc/sys/kernel/sched_autogroup_enabled") == "1":
		return Autogroup
	case h.parent != "":
		return Cgroup
	}
	return NoGroups
}

func readTrimmed(name string) string {
	b, _ := os.ReadFile(name)
	return strings.TrimSpace(string(b))
}

// A place is where this process stands among the CPU cgroups.
type place struct {
	root   bool   // in the root group, where autogroup works
	v2     bool   // parent is of the unified hierarchy
	own    string // our own group's directory (v1)
	parent string // directory in which groups for children can be made, "" if there is none
}

var whereWeAre = sync.OnceValue(func() place {
	v1, v2 := ownPaths(readTrimmed("/proc/self/cgroup"), "cpu")
	m1, m2 := mounts(readTrimmed("/proc/self/mountinfo"), "cpu")
	// In the first cgroup namespace "/" is the root; elsewhere it may be any.
	first, _ := os.Readlink("/proc/self/ns/cgroup")
	initial := first == "cgroup:[4026531835]" // PROC_CGROUP_INIT_INO, include/linux/proc_ns.h
	if v1 != "" {
		p := place{root: v1 == "/" && initial}
		if p.own = m1.dir(v1); p.own != "" && writable(p.own) {
			p.parent = p.own
		}
		return p
	}
	return unified(m2, v2, initial)
})

// unified finds our place in the v2 hierarchy, where a process belongs to the
// nearest group upwards that has the CPU controller.
func unified(m mount, path string, initial bool) place {
	p := place{v2: true, root: path == "/" && initial}
	own := m.dir(path)
	if own == "" {
		return p
	}
	for dir := own; !p.root && strings.HasPrefix(dir, m.point); dir = filepath.Dir(dir) {
		if exists(dir + "/cpu.weight") {
			break
		}
		p.root = !exists(dir + "/cgroup.type") // which only the root lacks (cgroup-v2.rst)
	}
	// Only below a group that gives the controller on, which one that holds
	// processes may not do unless it is the root: ours, or the one above.
	for _, dir := range []string{own, filepath.Dir(own)} {
		if strings.HasPrefix(dir, m.point) && gives(dir) && writable(dir) && writable(dir+"/cgroup.procs") {
			p.parent = dir
			break
		}
	}
	return p
}

func gives(dir string) bool {
	for _, c := range strings.Fields(readTrimmed(dir + "/cgroup.subtree_control")) {
		if c == "cpu" {
			return true
		}
	}
	return false
}

func exists(name string) bool   { return unix.Access(name, unix.F_OK) == nil }
func writable(name string) bool { return unix.Access(name, unix.W_OK) == nil }

// ownPaths finds our group's path in the v1 hierarchy that has the controller,
// "" if none has, and in the unified one: in the text of /proc/self/cgroup.
func ownPaths(groups, controller string) (v1, v2 string) {
	for line := range strings.Lines(groups) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		if f[0] == "0" {
			v2 = f[2]
		}
		if listed(f[1], controller) {
			v1 = f[2]
		}
	}
	return v1, v2
}

func listed(list, item string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if s == item {
			return true
		}
	}
	return false
}

// A mount is where a cgroup hierarchy is mounted, and which part of it.
type mount struct{ point, root string }

// dir is the directory of the group with the given path, "" if not mounted.
func (m mount) dir(path string) string {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(m.root, "/"))
	if m.point == "" || !ok || strings.HasPrefix(path, "/..") {
		return ""
	}
	return filepath.Join(m.point, rest)
}

// mounts finds the v1 hierarchy that has the controller and the unified one in
// the text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
func mounts(mountinfo, controller string) (v1, v2 mount) {
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 3 {
			continue
		}
		m := mount{point: l[4], root: l[3]}
		switch {
		case r[0] == "cgroup" && listed(r[2], controller):
			v1 = m
		case r[0] == "cgroup2":
			v2 = m
		}
	}
	return v1, v2
}

// Groups lists the directories of our cgroup of a controller, such as "cpu", and
// of those above it as far as they are mounted, ours first. files is a tree that
// begins at the root, and the names are relative to it.
func Groups(files fs.FS, controller string) (dirs []string) {
	groups, _ := fs.ReadFile(files, "proc/self/cgroup")
	mountinfo, _ := fs.ReadFile(files, "proc/self/mountinfo")
	v1, path := ownPaths(string(groups), controller)
	m, unified := mounts(string(mountinfo), controller)
	if v1 != "" {
		path = v1
	} else {
		m = unified
	}
	if path == "" {
		return nil
	}
	for dir := m.dir(path); dir != "" && (dir == m.point || strings.HasPrefix(dir, m.point+"/")); dir = filepath.Dir(dir) {
		dirs = append(dirs, strings.TrimPrefix(dir, "/"))
	}
	return dirs
}

// A group is a CPU cgroup made for one child. A nil group is none.
type group struct {
	dir string
	at  place
}

var groupsMade atomic.Int64

// newGroup makes a group if that is the way to have one here; else it is nil.
func newGroup() (*group, error) {
	if Grouping() != Cgroup {
		return nil, nil
	}
	return newGroupAt(whereWeAre())
}

func newGroupAt(at place) (*group, error) {
	removeStale(at.parent)
	g := &group{at: at, dir: fmt.Sprintf("%s/ringbench-%d-%d", at.parent, os.Getpid(), groupsMade.Add(1))}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make scheduling group: %w", err)
	}
	return g, nil
}

// removeStale removes the groups of a parent that was killed. Nothing can do so
// at that moment: its children, whose death is the kernel's doing, are in them
// until then, and v2 removes no group by itself. Until the next grouped run they
// are empty directories.
func removeStale(dir string) {
	left, _ := filepath.Glob(dir + "/ringbench-*-*")
	for _, d := range left {
		pid := strings.Split(filepath.Base(d), "-")[1]
		if !exists("/proc/" + pid) {
			_ = os.Remove(d) // fails, rightly, if something runs in it
		}
	}
}

// enter arranges that what the calling thread forks next is born in the group.
// In v2 the kernel's clone3 does it; in v1 the thread itself moves there.
func (g *group) enter(attr *syscall.SysProcAttr) (leave func() error, err error) {
	if g == nil {
		return func() error { return nil }, nil
	}
	if g.at.v2 {
		fd, err := unix.Open(g.dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open scheduling group %s: %w", g.dir, err)
		}
		attr.UseCgroupFD, attr.CgroupFD = true, fd
		return func() error { return unix.Close(fd) }, nil
	}
	if err := moveThread(g.dir); err != nil {
		return nil, err
	}
	return func() error { return moveThread(g.at.own) }, nil
}

func moveThread(dir string) error {
	tid := strconv.Itoa(unix.Gettid())
	if err := os.WriteFile(dir+"/tasks", []byte(tid), 0); err != nil {
		return fmt.Errorf("join scheduling group: %w", err)
	}
	return nil
}

// remove removes the group. Killed processes that were the child's own children
// leave it a moment after they are told to.
func (g *group) remove() {
	if g == nil {
		return
	}
	for range 100 {
		if os.Remove(g.dir) == nil {
			return
		}
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 10e6}, nil)
	}
}
