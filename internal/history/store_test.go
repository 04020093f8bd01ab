package history

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
)

// writerRole makes the test binary add entries to a store for as long as it lives, and
// print the ID of each that was added.
const writerRole = "history-writer"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == writerRole {
		write(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

func write(dir, name string) {
	s := At(dir)
	for i := range 10_000 {
		e := entry(i, name, 100, nil)
		if added, err := s.Add(e); err != nil || !added {
			fmt.Fprintln(os.Stderr, added, err)
			os.Exit(1)
		}
		fmt.Println(e.ID())
		if i%5 == 0 { // writes the index
			if _, _, err := s.Heads(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	os.Exit(0)
}

// entry is number i of a made-up history: cpu of uring.
func entry(i int, commit string, cpu float64, conditions map[string]string) *Entry {
	return &Entry{
		Schema: Schema, Time: time.Date(2026, 11, 1, 12, i, 0, 0, time.UTC), Commit: commit, Conditions: conditions,
		Labels: map[string]string{"branch": "main"},
		Cells: []Cell{{"uring", "echo", []Figure{
			{Metric: "cpu", Unit: "ns", Median: cpu, Lo: cpu * 0.99, Hi: cpu * 1.01, N: 5, Range: true},
			{Metric: "throughput", Unit: "1/s", More: true, Median: 1e9 / cpu, Lo: 9e8 / cpu, Hi: 1.1e9 / cpu, N: 5},
		}}},
	}
}

func ids(t *testing.T, s *Store) (all []string) {
	t.Helper()
	heads, damage, err := s.Heads()
	if err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
	for _, h := range heads {
		all = append(all, h.ID)
	}
	return all
}

func add(t *testing.T, s *Store, entries ...*Entry) {
	t.Helper()
	for _, e := range entries {
		if added, err := s.Add(e); err != nil || !added {
			t.Fatal(added, err)
		}
	}
}

func TestAddTwice(t *testing.T) {
	s := At(t.TempDir())
	add(t, s, entry(0, "a", 100, nil))
	if added, err := s.Add(entry(0, "a", 100, nil)); added || err != nil {
		t.Errorf("the same entry is added: %v, %v", added, err)
	}
	add(t, s, entry(0, "a", 101, nil)) // another of the same moment
	if n := len(ids(t, s)); n != 2 {
		t.Errorf("%d entries", n)
	}
}

// What two writers say is added is there, also when both are killed, at any moment, and
// so is the index. cmd/ringbench does that to the command.
func TestKilledWriters(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := At(dir)
	added := map[string]bool{}
	for round := range 15 {
		var mu sync.Mutex
		var writers sync.WaitGroup
		for w := range 2 {
			cmd := exec.Command(exe, writerRole, dir, strconv.Itoa(round)+"."+strconv.Itoa(w))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			left := rand.IntN(6)
			writers.Go(func() {
				lines := bufio.NewScanner(out)
				for ; lines.Scan(); left-- {
					mu.Lock()
					added[lines.Text()] = true
					mu.Unlock()
					if left == 0 { // anywhere within what comes next
						time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
					}
				}
				if err := cmd.Wait(); cmd.ProcessState.ExitCode() > 0 {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		all := ids(t, s)
		for id := range added {
			if !slices.Contains(all, id) {
				t.Fatalf("round %d: %s was added, and is not there", round, id)
			}
		}
		if round%5 == 4 { // what was killed leaves no more than its own file, which goes
			if err := os.Truncate(filepath.Join(dir, indexFile), rand.Int64N(500)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if entries, damage, err := s.Entries(Filter{}); err != nil || len(damage) > 0 || len(entries) < len(added) || len(added) == 0 {
		t.Errorf("%d entries, %d were added; %v, %v", len(entries), len(added), damage, err)
	}
}

// The index is right whatever becomes of the files behind its back, and an entry that
// was cut costs no other.
func TestIndexIsDerived(t *testing.T) {
	dir := t.TempDir()
	s := At(dir)
	all := []*Entry{entry(0, "a", 100, nil), entry(1, "b", 101, nil), entry(2, "c", 102, nil)}
	add(t, s, all...)
	want := ids(t, s)
	index := filepath.Join(dir, indexFile)
	for what, spoil := range map[string]func() error{
		"removed":   func() error { return os.Remove(index) },
		"empty":     func() error { return os.WriteFile(index, nil, 0o666) },
		"cut":       func() error { return os.Truncate(index, 50) },
		"another's": func() error { return os.WriteFile(index, []byte(`{"schema":"x"}`), 0o666) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if got := ids(t, s); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		if got := ids(t, s); !slices.Equal(got, want) {
			t.Errorf("%s, again: %v, want %v", what, got, want)
		}
	}
	names, _, err := s.names()
	if err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(dir, entriesDir, names[0].Name())
	whole, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := all[1].line()
	if err != nil {
		t.Fatal(err)
	}
	// Two entries and a cut one in a file, of which the second is in another, too.
	if err := os.WriteFile(first, slices.Concat(whole, []byte("\n"), two, whole[:len(whole)/2]), 0o666); err != nil {
		t.Fatal(err)
	}
	entries, damage, err := s.Entries(Filter{})
	if err != nil || len(entries) != 3 || len(damage) != 1 || !strings.Contains(damage[0], "line 4, is left out: it was cut") {
		t.Errorf("%d entries, %q, %v", len(entries), damage, err)
	}
	if err := os.WriteFile(first, []byte(`{"schema":"ringbench.history/9","time":"2026-01-01T00:00:00Z"}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, damage, _ := s.Heads(); len(damage) != 1 || !strings.Contains(damage[0], `"ringbench.history/9" and this ringbench reads "ringbench.history/1"`) {
		t.Errorf("%q", damage)
	}
}

func TestGet(t *testing.T) {
	s := At(t.TempDir())
	if _, err := s.Get("a"); err == nil || !strings.Contains(err.Error(), "history add begins one") {
		t.Error(err)
	}
	e := entry(0, "a", 100, map[string]string{"kernel": "6.18"})
	add(t, s, e, entry(1, "b", 100, nil))
	got, err := s.Get(e.ID()[:9])
	if err != nil || got.Commit != "a" || got.Conditions["kernel"] != "6.18" || got.Cells[0].Figures[0] != e.Cells[0].Figures[0] {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{"", "xyz"} {
		if _, err := s.Get(id); err == nil {
			t.Errorf("%q is an entry", id)
		}
	}
}

// Branches that each add entries, one of which also prunes and both of which add the
// same, merge without a conflict and lose nothing.
func TestMergesByGit(t *testing.T) {
	testenv.Need(t, "git", testenv.Program("git"))
	work := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.org"}, args...)...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	s := At(filepath.Join(work, "history"))
	commit := func() {
		t.Helper()
		ids(t, s)
		git("add", "-A")
		git("commit", "-qm", "x")
	}
	old, both := entry(0, "old", 100, nil), entry(9, "both", 100, nil)
	git("init", "-qb", "main")
	add(t, s, old, entry(1, "base", 100, nil))
	commit()
	git("checkout", "-qb", "other")
	add(t, s, entry(2, "other", 100, nil), both)
	commit()
	git("checkout", "-q", "main")
	add(t, s, entry(3, "main", 100, nil), both)
	if n, err := s.Remove([]*Entry{old}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	commit()
	git("merge", "-q", "--no-edit", "other")
	var commits []string
	entries, damage, err := s.Entries(Filter{})
	for _, e := range entries {
		commits = append(commits, e.Commit)
	}
	if want := []string{"base", "other", "main", "both"}; !slices.Equal(commits, want) || len(damage) > 0 || err != nil {
		t.Errorf("%v, want %v; %v, %v", commits, want, damage, err)
	}
	if out := git("status", "--porcelain"); out != "" {
		t.Errorf("git sees\n%s", out)
	}
}
