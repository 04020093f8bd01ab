package load

import (
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
)

// A slowLoop moves nothing. Its sends and its waits take a time each; a wait
// yields so many completions.
type slowLoop struct {
	backends.Loop
	send   time.Duration
	wait   time.Duration
	yields int
	onWait func()
	sent   bool  // since the wait before
	took   int64 // the wait before, if it was a poll for nothing
	inVain int64 // what all such took after which the load went on
}

func busy(d time.Duration) (took int64) {
	for from := backends.Nanotime(); took < int64(d); {
		took = backends.Nanotime() - from
	}
	return took
}

func (l *slowLoop) Submit(*backends.Op) bool {
	l.sent = true
	busy(l.send)
	return true
}

func (l *slowLoop) Wait(dst []backends.Completion, least int, _ time.Duration) (int, error) {
	l.inVain += l.took
	l.onWait()
	l.took = min(busy(l.wait), spinMargin)
	if least > 0 || l.yields > 0 || l.sent {
		l.took = 0
	}
	l.sent = false
	for i := range l.yields {
		dst[i] = backends.Completion{Op: &backends.Op{Done: ignore{}}}
	}
	return l.yields, nil
}

// onSlowLoop is a worker with one loop of that kind, for an open loop that has
// just started.
func onSlowLoop(t *testing.T, cfg Config, l *slowLoop) *worker {
	t.Helper()
	p, err := pattern.New(1, cfg.Size*cfg.Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Free() })
	g := &Generator{cfg: cfg, pattern: p}
	k := newWorker(g, lookup(t, "null"), 0, 1, make([]int32, cfg.Conns))
	g.workers = []*worker{k}
	k.loop = l
	now := backends.Nanotime()
	k.window = Window{Start: now, Open: now, Close: now + int64(time.Hour)}
	k.pace = newPacer(k)
	return k
}

// What a generator polls in vain is counted, as the loop itself saw it; not polls
// that bring something or go with a send, nor those of one that sleeps.
func TestSpinIsCounted(t *testing.T) {
	for _, c := range []struct {
		name   string
		spin   bool
		yields int
		counts bool
	}{{"in vain", true, 0, true}, {"with completions", true, 1, false}, {"asleep", false, 0, false}} {
		t.Run(c.name, func(t *testing.T) {
			// A message each spinMargin: it never sleeps.
			cfg := Config{Conns: 1, Size: 1, Pipeline: 100_000, Rate: 1e9 / spinMargin, Spin: c.spin}
			l := &slowLoop{wait: 10 * time.Microsecond, yields: c.yields}
			k := onSlowLoop(t, cfg, l)
			var waits int
			l.onWait = func() {
				if waits++; waits == 500 {
					k.stopping.Store(true)
				}
			}
			if err := k.openLoop(); err != nil {
				t.Fatal(err)
			}
			all := backends.Nanotime() - k.window.Start
			switch {
			case !c.counts && k.spun != 0:
				t.Errorf("%d ns of spinning counted, there was none", k.spun)
			case c.counts && (l.inVain == 0 || k.spun < l.inVain || k.spun > all):
				t.Errorf("%d ns of spinning counted, the loop saw %d of %d ns", k.spun, l.inVain, all)
			}
		})
	}
}
