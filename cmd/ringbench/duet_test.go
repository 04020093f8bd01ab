package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A foreign server and one of ours are compared as two of ours are.
func TestForeignServerInDuet(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	r := measured(func() *run {
		return newRun(t, shortEcho("--backend=epoll", foreign(t, "good"), "--duet", "--trials=2", "--duration=300ms", "-o", "r.json")...).start().wait(exitOK, "r.json")
	})
	r.prints("epoll / mine", "relative under contention")
	set := r.result("r.json")
	if n := len(set.Trials); n != 4 || len(set.Void()) > 0 {
		t.Errorf("%d trials, want 2 pairs; void: %+v", n, set.Void())
	}
	for _, tr := range set.Trials {
		if tr.Messages == 0 || tr.Server == nil || tr.Ending != "" {
			t.Errorf("%s: %d messages, server %+v, ending %q", set.Plan.Name(tr.Cell), tr.Messages, tr.Server, tr.Ending)
		}
	}
}

// In a duet the pair shares the fate of a server that fails, which is named,
// and the next pair is run.
func TestForeignServerFailsInDuet(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][]string{
		"dies":    {"the mine server ended in mid-trial", "exit status 3: out of cheese"},
		"refuses": {"mine ended before it listened on port", "exit status 4: the licence has expired"},
		"deaf":    {"mine did not listen on port", "not ready within 4s", "--start-timeout"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			args := []string{"echo", "--duet", "--backend=epoll", foreign(t, kind), "--conns=4", "--aa=false", "--trials=2", "--duration=1m", "--warmup=50ms", "-o", "r.json"}
			if kind == "deaf" {
				args = append(args, "--start-timeout=4s")
			}
			r := newRun(t, args...).start().wait(exitFailed, "r.json").says("4 of 4 trials are void").says(want...)
			set := r.result("r.json")
			if len(set.Trials) != 4 || len(set.Void()) != 4 {
				t.Fatalf("%d trials, %d void; want 4 of 4", len(set.Trials), len(set.Void()))
			}
			for _, tr := range set.Trials {
				for _, part := range want {
					if !strings.Contains(tr.Void, part) {
						t.Errorf("void %q does not say %q", tr.Void, part)
					}
				}
			}
		})
	}
}

// A foreign server that does not end as it is asked to is measured all the same,
// and the result says how it ended.
func TestForeignServerEnding(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"lingers":  "did not stop within 2s and was killed",
		"grumbles": "at SIGTERM: exit status 5: not now",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, shortEcho("--backend=epoll", "--duet", foreign(t, kind), "-o", "r.json")...).start().wait(exitOK, "r.json")
			r.prints("ending: mine (tcp, 4 connections × 64 B, closed loop): ", want)
			for _, tr := range r.result("r.json").Trials {
				if tr.Void != "" || strings.Contains(tr.Ending, want) != (tr.Cell == 1) {
					t.Errorf("cell %d: void %q, ending %q", tr.Cell, tr.Void, tr.Ending)
				}
			}
		})
	}
}

// short makes a run of duets as short as it can be.
func short(args ...string) []string {
	return append(args, "--duration=50ms", "--warmup=50ms", "--trials=2", "--conns=4", "-o", "r.json", "--html=r.html")
}

// estimates takes the line that says how long it will take from standard error,
// which must be all there is.
func (r *run) estimates(what string) *run {
	r.t.Helper()
	line := r.stderr.String()
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, what) || !strings.Contains(line, ": about ") {
		r.t.Errorf("standard error %q is not the estimate of %s", line, what)
	}
	return r
}

// The default against itself stands first, and each feature is measured against it.
func TestAblate(t *testing.T) {
	t.Parallel()
	r := newRun(t, short("ablate", "echo", "--backend=epoll", "--size=100", "--features=syscall,splice")...).start().wait(exitOK, "r.json", "r.html").estimates("2 comparisons × 2 pairs")
	r.prints("what each feature of epoll is worth", "A/A", "+syscall", "× 100 B", "95 % interval", "epoll+syscall: backend epoll", "not measured: epoll+splice: ")
	set := r.result("r.json")
	if set.Plan.Purpose != result.PurposeAblation || len(set.Trials) != 2*4 || len(set.Void()) > 0 {
		t.Errorf("purpose %q, %d trials, %d void", set.Plan.Purpose, len(set.Trials), len(set.Void()))
	}
	if m := set.Plan.Matches[0]; !m.Same || set.Plan.Cells[m.A].Backend != set.Plan.Cells[m.B].Backend {
		t.Errorf("the first match is %+v, not the default against itself", m)
	}
	page, err := os.ReadFile(filepath.Join(r.dir, "r.html"))
	if err != nil || !strings.Contains(string(page), "what each feature of epoll is worth") {
		t.Errorf("the page has no ablation: %v", err)
	}
}

// A variant whose thread spins never runs beside the default.
func TestAblateApart(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "uring", variantAvailable("uring+sqpoll"))
	t.Parallel()
	r := newRun(t, short("ablate", "echo", "--features=sqpoll,ringfd")...).start().wait(exitOK, "r.json", "r.html").estimates("3 comparisons × 2 pairs")
	r.prints("apart: one right after the other")
	set := r.result("r.json")
	for i := range set.Trials {
		set.Trials[i].Disturbed = "" // it is about their order
	}
	sqpoll := slices.IndexFunc(set.Plan.Cells, func(c result.Cell) bool { return c.Backend == "uring+sqpoll" })
	seen := 0
	for _, p := range set.Pairs() {
		apart := p.A.Order != p.B.Order
		if apart != (p.B.Cell == sqpoll) {
			t.Errorf("%s and %s: order %d and %d", set.Plan.Name(p.A.Cell), set.Plan.Name(p.B.Cell), p.A.Order, p.B.Order)
		}
		if apart {
			seen++
			if d := p.A.Order - p.B.Order; d != 1 && d != -1 || p.A.First == p.B.First {
				t.Errorf("a pair apart has order %d and %d, first %v and %v", p.A.Order, p.B.Order, p.A.First, p.B.First)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d pairs of sqpoll, want 2", seen)
	}
}

// Ours against C, through the real command; the programs are gone afterwards.
func TestCalibrate(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "cc", testenv.Program("cc"))
	testenv.Need(t, "uring", variantAvailable("uring"))
	t.Parallel()
	r := newRun(t, append(short("calibrate", "--backend=uring,epoll", "--size=64", "--sessions=2", "--session-gap=10ms"), "--trials=1")...).start().wait(exitOK, "r.json", "r.html").estimates("5 comparisons × 1 pairs")
	r.prints("uring / c-uring: Go / C", "epoll / c-epoll: Go / C",
		"uring / epoll: the suite's own ratio", "c-uring / c-epoll: the same ratio in C", "c-uring again / c-uring: A/A",
		"(uring / epoll) / (c-uring / c-epoll)", "over the means of 2 sessions", "C built by ")
	set := r.result("r.json")
	if len(set.Trials) != 2*2*5 || len(set.Void()) > 0 {
		t.Errorf("%d trials, want 10 pairs; %d void", len(set.Trials), len(set.Void()))
	}
	for _, tr := range set.Trials {
		if tr.Session != tr.Block || tr.Ending != "" {
			t.Errorf("%s: session %d, block %d, ending %q", set.Plan.Name(tr.Cell), tr.Session, tr.Block, tr.Ending)
		}
	}
}

// Proxies, in bulk.
func TestCalibrateProxy(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "cc", testenv.Program("cc"))
	t.Parallel()
	r := measured(func() *run {
		return newRun(t, append(short("calibrate", "proxy", "--backend=epoll", "--mode=stream"), "--trials=1", "--duration=200ms")...).start().wait(exitOK, "r.json", "r.html").estimates("2 comparisons × 1 pairs")
	})
	r.prints("epoll / c-epoll: Go / C", "c-epoll again / c-epoll: A/A", "4 × 65536 B, down")
}

// Reads of a file, which both programs have at the same moment.
func TestCalibrateRead(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "cc", testenv.Program("cc"))
	t.Parallel()
	r := newRun(t, "calibrate", "read", "--backend=threadpool", "--depth=4", "--bs=8k", "--file-size=1m", "--trials=1", "--duration=50ms", "--warmup=50ms", "-o", "r.json", "--html=r.html").
		start().wait(exitOK, "r.json", "r.html").estimates("2 comparisons × 1 pairs")
	r.prints("threadpool / c-pread: Go / C", "c-pread again / c-pread: A/A", "depth × size", "4 × 8 KiB")
}

// Without a compiler, or with one that fails, calibrate says what to do.
func TestCalibrateWithoutCompiler(t *testing.T) {
	fails := t.TempDir()
	if err := os.WriteFile(filepath.Join(fails, "cc"), []byte("#!/bin/sh\necho 'epoll.c:1: fatal error: errno.h: No such file or directory'\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"missing": {t.TempDir(), "no C compiler is installed"},
		"failing": {fails, "a header or library is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, "calibrate", "--backend=epoll")
			r.cmd.Env = append(r.cmd.Env, "PATH="+c.path, "CC=")
			r.start().wait(exitUsage).says(c.want, "apt-get install gcc libc6-dev")
		})
	}
}

func variantAvailable(name string) error {
	b, err := backends.Lookup(name)
	if err != nil {
		return err
	}
	return b.Probe()
}

// Where io_uring is refused the others are calibrated, and what is left out is
// said; an ablation of it has nothing left.
func TestDuetsWithoutRing(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "cc", testenv.Program("cc"))
	t.Parallel()
	limits := []string{fmt.Sprintf("-errno=%d", syscall.EPERM)}
	r := confined(t, limits, short("calibrate", "--backend=uring,epoll", "--size=64")...).start().wait(exitOK, "r.json", "r.html").estimates("2 comparisons × 2 pairs")
	r.prints("epoll / c-epoll: Go / C", "c-epoll again / c-epoll", "not measured: uring: ")
	if left := r.result("r.json").Plan.LeftOut; len(left) != 1 || left[0].Contestant != "uring" {
		t.Errorf("left out: %+v", left)
	}
	confined(t, limits, "ablate", "echo").start().wait(exitUsage).says("uring")
}
