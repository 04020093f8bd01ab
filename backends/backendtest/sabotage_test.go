package backendtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/backendtest"
)

// A sabotage breaks the contract in one way, behind a backend that keeps it.
// Nil hooks change nothing.
type sabotage struct {
	check  string // of the suite, that must notice
	open   func(*backends.Config)
	submit func(*saboteur, *backends.Op) bool // false: swallowed
	wait   func(s *saboteur, done []backends.Completion) []backends.Completion
	pause  func(time.Duration) time.Duration
	keep   bool // buffers are not given back
	closed func(*saboteur)
	counts func(*backends.Counters)
}

var sabotages = map[string]sabotage{
	"a wrong byte": {check: "odd-sizes", wait: each(func(s *saboteur, c *backends.Completion) {
		if c.Op.Code == backends.Recv && c.Res > 4000 && c.Op.Buf != nil {
			c.Op.Buf[3999]++
		}
	})},
	"a lost completion": {check: "more-nops-than-queues-hold", wait: func(s *saboteur, done []backends.Completion) []backends.Completion {
		if s.n += len(done); len(done) > 0 && s.n > 9000 && !s.did {
			s.did = true
			return done[1:]
		}
		return done
	}},
	"a completion told twice": {check: "nop", wait: func(s *saboteur, done []backends.Completion) []backends.Completion {
		if len(done) == 1 && done[0].Op.Code == backends.Nop {
			return append(done, done[0])
		}
		return done
	}},
	"an op given back too early": {check: "close-with-ops-in-flight", wait: reverse},
	"a receive that is never final": {check: "end-of-file", wait: each(func(s *saboteur, c *backends.Completion) {
		c.More = c.Op.Flags&backends.Multishot != 0
	})},
	"a multishot that pretends to end": {check: "accept-multishot", wait: each(func(s *saboteur, c *backends.Completion) { c.More = false })},
	"a reset taken for an end": {check: "reset", wait: each(func(s *saboteur, c *backends.Completion) {
		if c.Res == backends.Fail(unix.ECONNRESET) {
			c.Res = 0
		}
	})},
	"a cancel that always succeeds": {check: "cancel-after-completion", wait: each(func(s *saboteur, c *backends.Completion) {
		if c.Op.Code == backends.Cancel {
			c.Res = 0
		}
	})},
	"an accepted descriptor for children": {check: "accept", wait: each(func(s *saboteur, c *backends.Completion) {
		if c.Op.Code == backends.Accept && c.Res >= 0 {
			unix.FcntlInt(uintptr(c.Res), unix.F_SETFD, 0)
		}
	})},
	"an allocation an op": {check: "allocations", submit: func(s *saboteur, op *backends.Op) bool {
		s.sink = new(backends.Completion)
		return true
	}},
	"a second submit let pass": {check: "submit-twice-panics", submit: func(s *saboteur, op *backends.Op) bool { return !op.Lent() }},
	"a timeout cut short":      {check: "wait-timeout", pause: func(d time.Duration) time.Duration { return d / 30 }},
	"a poll that blocks": {check: "wait-does-not-block", pause: func(d time.Duration) time.Duration {
		if d == 0 {
			return -1
		}
		return d
	}},
	"no poison":               {check: "poison-own-buffer", open: func(c *backends.Config) { c.Poison = false }},
	"no poison in the pool":   {check: "poison-chosen-buffer", open: func(c *backends.Config) { c.Poison = false }},
	"buffers never recycled":  {check: "buffers-run-out", keep: true},
	"a descriptor left open":  {check: "open-and-close", closed: func(s *saboteur) { unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0) }},
	"a goroutine left behind": {check: "open-and-close", closed: func(s *saboteur) { go func() { select {} }() }},
	"an owner's descriptor closed": {check: "loop-close-with-ops-in-flight", closed: func(s *saboteur) {
		unix.Close(int(s.last.FD))
	}, submit: func(s *saboteur, op *backends.Op) bool {
		if op.Code == backends.Recv {
			s.last = op
		}
		return true
	}},
	"a loan not returned": {check: "loop-close-with-timeouts", closed: func(s *saboteur) { s.last.Loan.Slot = 1 },
		submit: func(s *saboteur, op *backends.Op) bool {
			s.last = op
			return true
		}},
	"a splice that ends early": {check: "splice-what-the-pipe-left", wait: each(func(s *saboteur, c *backends.Completion) {
		if c.Op.Code == backends.Splice && c.Op.Off == backends.FromSocket {
			if s.n++; s.n > 3 {
				c.Res = 0
			}
		}
	})},
	"moved bytes counted twice":  {check: "move-counters", counts: func(c *backends.Counters) { c[backends.BytesOut] *= 2 }},
	"a counter that lies":        {check: "counters", counts: func(c *backends.Counters) { c[backends.BytesIn] *= 2 }},
	"a shortage not told":        {check: "buffers-run-out", counts: func(c *backends.Counters) { c[backends.NoBufs] = 0 }},
	"short sends not told right": {check: "partial-sends", counts: func(c *backends.Counters) { c[backends.ShortSends]++ }},
}

func each(f func(*saboteur, *backends.Completion)) func(*saboteur, []backends.Completion) []backends.Completion {
	return func(s *saboteur, done []backends.Completion) []backends.Completion {
		for i := range done {
			f(s, &done[i])
		}
		return done
	}
}

func reverse(s *saboteur, done []backends.Completion) []backends.Completion {
	for i, j := 0, len(done)-1; i < j; i, j = i+1, j-1 {
		done[i], done[j] = done[j], done[i]
	}
	return done
}

// A saboteur is a loop with a sabotage in front of it.
type saboteur struct {
	backends.Loop
	sabotage
	n    int
	did  bool
	last *backends.Op
	sink *backends.Completion
}

func (s *saboteur) Submit(op *backends.Op) bool {
	if s.submit == nil || s.submit(s, op) {
		return s.Loop.Submit(op)
	}
	return false
}

func (s *saboteur) Wait(dst []backends.Completion, min int, timeout time.Duration) (int, error) {
	if s.pause != nil {
		timeout = s.pause(timeout)
	}
	n, err := s.Loop.Wait(dst, min, timeout)
	if s.sabotage.wait != nil && n > 0 {
		n = copy(dst, s.sabotage.wait(s, dst[:n:n]))
	}
	return n, err
}

func (s *saboteur) Recycle(buf []byte) {
	if !s.keep {
		s.Loop.Recycle(buf)
	}
}

func (s *saboteur) Close() error {
	err := s.Loop.Close()
	if s.closed != nil {
		s.closed(s)
	}
	return err
}

func (s *saboteur) Counters() backends.Counters {
	c := s.Loop.Counters()
	if s.counts != nil {
		s.counts(&c)
	}
	return c
}

type traitor struct {
	backends.Backend
	sabotage
}

func (b traitor) Open(cfg backends.Config) (backends.Loop, error) {
	if b.open != nil {
		b.open(&cfg)
	}
	l, err := b.Backend.Open(cfg)
	return &saboteur{Loop: l, sabotage: b.sabotage}, err
}

// TestSabotaged is what TestSuiteNotices runs, in a process of its own.
func TestSabotaged(t *testing.T) {
	name, asked := os.LookupEnv("BACKENDTEST_SABOTAGE")
	if !asked {
		t.Skip("part of TestSuiteNotices")
	}
	b, err := backends.Lookup("epoll")
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		backendtest.SetPatience(2 * time.Second) // some hang, and that is noticed too
	}
	backendtest.Run(t, traitor{b, sabotages[name]}) // the zero sabotage of no name changes nothing
}

// TestSuiteNotices: the suite fails for a backend that breaks the contract, in
// the check that is there for it, and passes for the same wrapper that breaks
// nothing. A suite that cannot fail proves nothing.
func TestSuiteNotices(t *testing.T) {
	var checks []string
	for _, s := range sabotages {
		checks = append(checks, s.check)
	}
	if out, err := sabotaged(t, "", strings.Join(checks, "|")); err != nil {
		t.Fatalf("without sabotage: %v\n%s", err, out)
	}
	for name, s := range sabotages {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of them wait for what never comes
			out, err := sabotaged(t, name, s.check)
			if !strings.Contains(out, "TestSabotaged/"+s.check) {
				t.Fatalf("there is no check %s\n%s", s.check, out)
			}
			if err == nil {
				t.Fatalf("%s was not noticed by %s\n%s", name, s.check, out)
			}
			if !strings.Contains(out, "FAIL: TestSabotaged/"+s.check) && !strings.Contains(out, "hangs") {
				t.Errorf("noticed, but not by a failure of %s:\n%s", s.check, out)
			}
		})
	}
}

func sabotaged(t *testing.T, name, check string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSabotaged$/^("+check+")$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "BACKENDTEST_SABOTAGE="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
