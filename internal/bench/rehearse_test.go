package bench

import (
	"errors"
	"fmt"
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
	descriptors := func() int {
		fds, _ := filepath.Glob("/proc/self/fd/*")
		return len(fds)
	}
	before := descriptors()
	r := rehearsal{}
	p := &result.Plan{Client: "epoll", ClientCPUs: []int{0}}
	c := result.Cell{Backend: "uring", Conns: 4, Size: 64, Pipeline: 1, Loops: 3}
	for range 2 {
		if err := r.server(p, c); err != nil {
			t.Fatal(err)
		}
	}
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors, and %d before", after, before)
	}
	if len(r) != 1 {
		t.Errorf("tried: %v", r)
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
