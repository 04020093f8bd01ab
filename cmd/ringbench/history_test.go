package main

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/history"
	"github.com/ringbench/ringbench/internal/testenv"
)

// What the command said it added is there, whatever moment those that add beside it are
// killed at. 1,000 are killed with -long.
func TestHistoryAddKilled(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	kills := 20
	if testenv.IsLong() {
		kills = 1000
	}
	file, err := filepath.Abs("../../internal/result/testdata/1.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "history")
	commits := 0
	add := func() *run {
		commits++
		return newRun(t, "history", "add", file, "--dir="+dir, "--commit=c"+strconv.Itoa(commits)).start()
	}
	var said []string
	ended := func(r *run) (killed bool) {
		t.Helper()
		_ = r.cmd.Wait()
		if id, ok := strings.CutSuffix(r.stdout.String(), " added\n"); ok {
			said = append(said, id)
		} else if r.cmd.ProcessState.Success() {
			t.Errorf("it says %q", &r.stdout)
		}
		status := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if killed = status.Signaled() && status.Signal() == syscall.SIGKILL; !killed && !r.cmd.ProcessState.Success() {
			t.Errorf("%v: %s", r.cmd.ProcessState, &r.stderr)
		}
		return killed
	}
	began := time.Now()
	ended(add())
	whole := time.Since(began)
	for killed := 0; killed < kills; {
		pair := []*run{add(), add()}
		victim := pair[rand.IntN(2)].cmd.Process
		time.Sleep(time.Duration(rand.Int64N(int64(2 * whole)))) // any moment of its life
		_ = victim.Kill()
		for _, r := range pair {
			if ended(r) {
				killed++
			}
		}
		entries, damage, err := history.At(dir).Entries(history.Filter{})
		if err != nil || len(damage) > 0 {
			t.Fatalf("%v; %v", damage, err)
		}
		for _, id := range said {
			if !slices.ContainsFunc(entries, func(e *history.Entry) bool { return strings.HasPrefix(e.ID(), id) }) {
				t.Fatalf("%s was added, and is not among %d entries", id, len(entries))
			}
		}
	}
	t.Logf("%d of %d were killed; %d entries were added", kills, commits, len(said))
}
