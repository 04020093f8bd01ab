package backendtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A census is what a process holds that a loop must give back.
type census struct {
	fds        map[string]bool // "7 -> socket:[1234]"
	goroutines int
}

func takeCensus(t testing.TB) census {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := census{fds: map[string]bool{}, goroutines: runtime.NumGoroutine()}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || strings.HasSuffix(target, "/fd") {
			continue // gone, or the directory being read
		}
		c.fds[fmt.Sprintf("%s -> %s", e.Name(), target)] = true
	}
	return c
}

// compare fails the test when descriptors or goroutines stay that were not
// there before. Goroutines that were told to end get a while to do so.
func (before census) compare(t testing.TB) {
	t.Helper()
	var left []string
	var now census
	for range 400 {
		now, left = takeCensus(t), nil
		for fd := range now.fds {
			if !before.fds[fd] {
				left = append(left, fd)
			}
		}
		if len(left) == 0 && now.goroutines <= before.goroutines {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	slices.Sort(left)
	if len(left) > 0 {
		t.Errorf("descriptors left open: %s", strings.Join(left, ", "))
	}
	if now.goroutines > before.goroutines {
		stacks := make([]byte, 1<<16)
		stacks = stacks[:runtime.Stack(stacks, true)]
		t.Errorf("%d goroutines before, %d after:\n%s", before.goroutines, now.goroutines, stacks)
	}
}
