package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A rehearsal opens every loop and gives all of them back, and what it has
// tried it does not try again.
func TestRehearsalLeavesNothing(t *testing.T) {
	b, err := backends.Lookup("uring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	// Of the kernel's own files: what else the process opens or closes at the
	// moment is not the rehearsal's.
	descriptors := func() map[string]bool {
		open := map[string]bool{}
		paths, _ := filepath.Glob("/proc/self/fd/*")
		for _, path := range paths {
			if file, err := os.Readlink(path); err == nil && strings.HasPrefix(file, "anon_inode:") {
				open[path+" "+file] = true
			}
		}
		return open
	}
	before := descriptors()
	r := rehearsal{}
	p := &result.Plan{Client: "epoll", ClientCPUs: []int{0}}
	c := result.Cell{Backend: "uring", Load: result.Load{Workload: "echo", Conns: 4, Size: 64, Pipeline: 1}, Loops: 3}
	for range 2 {
		if err := r.servers(p, []result.Cell{c, c}); err != nil {
			t.Fatal(err)
		}
	}
	for fd := range descriptors() {
		if !before[fd] {
			t.Errorf("left open: %s", fd)
		}
	}
	if len(r) != 1 {
		t.Errorf("tried: %v", r)
	}
}

// A duet holds the loops of both contestants and of both clients at once.
func TestRehearsalOfADuet(t *testing.T) {
	held.most = held.now
	before := held.now
	r := rehearsal{}
	p := &result.Plan{Client: "fake", ClientCPUs: []int{0, 1}}
	a := result.Cell{Backend: "fake", Load: result.Load{Workload: "echo", Conns: 4, Size: 64, Pipeline: 1}, Loops: 3}
	b := a
	b.Loops = 5
	if err := r.clients(p, []result.Cell{a, b}); err != nil {
		t.Fatal(err)
	}
	if n := held.most - before; n != 2+2 {
		t.Errorf("%d loops of the clients at once, want 4", n)
	}
	if err := r.servers(p, []result.Cell{a, b}); err != nil {
		t.Fatal(err)
	}
	if n := held.most - before; n != 2+2+3+5 {
		t.Errorf("%d loops at once, want 12", n)
	}
	if held.now != before {
		t.Errorf("%d loops left open", held.now-before)
	}
}

// Pools of one moment share the limits of the system; each has its own of a process.
func TestThreadsOfADuet(t *testing.T) {
	pool := result.Cell{Contestant: "threadpool", Load: result.Load{Workload: "echo", Conns: 200}}
	small := result.Cell{Contestant: "small", Load: result.Load{Workload: "echo", Conns: 200}, Workers: 50}
	for _, c := range []struct {
		pools []result.Cell
		limit threadLimit
		need  int // 0: it fits
	}{
		{[]result.Cell{pool}, threadLimit{free: 232}, 0},
		{[]result.Cell{pool}, threadLimit{free: 231}, 232},
		{[]result.Cell{pool, pool}, threadLimit{free: 432}, 0},
		{[]result.Cell{pool, pool}, threadLimit{free: 431}, 432},
		{[]result.Cell{pool, small}, threadLimit{free: 281}, 282},
		{[]result.Cell{pool, small}, threadLimit{free: 232, each: true}, 0},
		{[]result.Cell{small, pool}, threadLimit{free: 231, each: true}, 232},
	} {
		err := needThreads(c.pools, []threadLimit{c.limit})
		if c.need == 0 && err != nil || c.need > 0 && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("needs %d threads", c.need))) {
			t.Errorf("%+v under %+v: %v, want %d threads needed", c.pools, c.limit, err, c.need)
		}
	}
}

// Of a duet that cannot be had goes the one that cannot be had alone, else the
// later; with the others the first may still do.
func TestDuetThatCannotBeHad(t *testing.T) {
	p := &result.Plan{Client: "fake", ClientCPUs: []int{0}, Cells: []result.Cell{
		{Contestant: "threadpool", Backend: "threadpool", Load: result.Load{Workload: "echo", Conns: 200}, Loops: 1},
		{Contestant: "threadpool", Backend: "threadpool", Load: result.Load{Workload: "echo", Conns: 200}, Loops: 1},
		{Contestant: "threadpool", Backend: "threadpool", Load: result.Load{Workload: "echo", Conns: 900}, Loops: 1},
		{Contestant: "fake", Backend: "fake", Load: result.Load{Workload: "echo", Conns: 200}, Loops: 1},
	}}
	limits := func() []threadLimit { return []threadLimit{{free: 300}} }
	for _, c := range []struct {
		moment []int
		out    int // -1: none
	}{{[]int{0, 1}, 1}, {[]int{1, 0}, 1}, {[]int{2, 3}, 2}, {[]int{0, 3}, -1}} {
		out, err := refused(p, c.moment, rehearsal{}, limits)
		if err == nil {
			out = -1
		}
		if out != c.out {
			t.Errorf("of %v cell %d has to go (%v), want %d", c.moment, out, err, c.out)
		}
	}
}

// A loop that cannot be had is told with what the backend says, once.
func TestRehearsalRefused(t *testing.T) {
	r := rehearsal{}
	bad := cast{"uring+nosuchthing", backends.Config{}, 3}
	err := r.hold(cast{"epoll", backends.Config{}, 2}, bad)
	if err == nil || strings.Count(err.Error(), "nosuchthing") != 1 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if again := r.hold(cast{"epoll", backends.Config{}, 2}, bad); again == nil {
		t.Error("what was refused passed when it was tried again")
	}
}

func TestFirstOf(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	for _, err := range []error{a, errors.Join(a, b), errors.Join(errors.Join(a, b), b), fmt.Errorf("a%w", errors.New(""))} {
		if got := firstOf(err); got == nil || got.Error() != "a" {
			t.Errorf("of %q: %v", err, got)
		}
	}
	if firstOf(nil) != nil {
		t.Error("nothing became an error")
	}
}

// What was named must be had; what all brought in may be left out.
func TestNamed(t *testing.T) {
	for _, c := range []struct {
		backends string
		cell     result.Cell
		named    bool
	}{
		{"all", result.Cell{Backend: "threadpool"}, false},
		{"all,threadpool", result.Cell{Backend: "threadpool"}, true},
		{"all,uring+sqpoll", result.Cell{Backend: "uring"}, false},
		{"all,uring+sqpoll", result.Cell{Backend: "uring+sqpoll"}, true},
		{"all", result.Cell{Command: "server {port}"}, true},
	} {
		o := Options{Backends: strings.Split(c.backends, ",")}
		if got := o.named(c.cell); got != c.named {
			t.Errorf("%s: %+v named %v", c.backends, c.cell, got)
		}
	}
}
