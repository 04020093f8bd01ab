package backends

import (
	"errors"
	"testing"
	"time"
)

// A script is a loop that hands out prepared batches.
type script struct {
	batches [][]Completion
	err     error
}

func (s *script) Submit(*Op) bool    { return false }
func (s *script) Recycle([]byte)     {}
func (s *script) Close() error       { return nil }
func (s *script) Counters() Counters { return Counters{} }

func (s *script) Wait(dst []Completion, min int, timeout time.Duration) (int, error) {
	if min != 1 || timeout >= 0 {
		return 0, errors.New("Run must wait for one completion, for ever")
	}
	if len(s.batches) == 0 {
		return 0, s.err
	}
	n := copy(dst, s.batches[0])
	s.batches = s.batches[1:]
	return n, nil
}

// A recorder notes the results that reach it.
type recorder []Result

func (r *recorder) Complete(c *Completion) { *r = append(*r, c.Res) }

func TestRunDispatchesInOrder(t *testing.T) {
	var a, b recorder
	x, y := &Op{Done: &a}, &Op{Done: &b}
	s := &script{batches: [][]Completion{{{Op: x, Res: 1}, {Op: y, Res: 2}}, {}, {{Op: x, Res: 3}}}}
	if err := Run(s, func() bool { return len(a) == 2 }); err != nil {
		t.Fatal(err)
	}
	if len(a) != 2 || a[0] != 1 || a[1] != 3 || len(b) != 1 || b[0] != 2 {
		t.Errorf("the handlers got %v and %v", a, b)
	}
}

func TestRunEndsWithTheLoop(t *testing.T) {
	broken := errors.New("broken")
	if err := Run(&script{err: broken}, func() bool { return false }); err != broken {
		t.Errorf("Run returned %v", err)
	}
}

func TestConfigDefaults(t *testing.T) {
	if c := (Config{}).WithDefaults(); c.Entries != 1024 || c.BufSize != 4096 || c.Bufs != 256 {
		t.Errorf("defaults are %+v", c)
	}
	c := Config{Entries: 1000, Bufs: 3, BufSize: 100, CPU: 2, Poison: true}.WithDefaults()
	if (c != Config{Entries: 1024, Bufs: 4, BufSize: 100, Threads: 4, CPU: 2, Poison: true}) {
		t.Errorf("%+v", c)
	}
	if c := (Config{Entries: 1 << 20, Bufs: 1 << 20, Threads: 1 << 20}).WithDefaults(); c.Entries != 1<<15 || c.Bufs != 1<<15 || c.Threads != 1024 {
		t.Errorf("limits are %+v", c)
	}
}

func TestUnavailableIsOneLine(t *testing.T) {
	cause := errors.New("operation not permitted")
	u := &Unavailable{Backend: "ring+poll", Why: "needs poll, since Linux 9.9", Remedy: "run a newer kernel", Err: cause}
	want := "backend ring+poll is not available here: needs poll, since Linux 9.9 (operation not permitted); run a newer kernel"
	if u.Error() != want {
		t.Errorf("got  %s\nwant %s", u, want)
	}
	if !errors.Is(u, cause) {
		t.Error("the cause is lost")
	}
	if got := (&Unavailable{Backend: "x", Why: "y"}).Error(); got != "backend x is not available here: y" {
		t.Error(got)
	}
}
