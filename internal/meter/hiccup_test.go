package meter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/testenv"
)

// watcherRole watches one CPU for hiccups.
func watcherRole(c *child.Control) error {
	var cpu int
	if err := c.Config(&cpu); err != nil {
		return err
	}
	h, err := WatchHiccups([]int{cpu})
	if err != nil {
		return err
	}
	c.Serve(map[string]func(json.RawMessage) (any, error){
		"record": func(raw json.RawMessage) (any, error) {
			var w [2]int64
			if err := json.Unmarshal(raw, &w); err != nil {
				return nil, err
			}
			h.Record(w[0], w[1])
			return nil, nil
		},
		"take": func(json.RawMessage) (any, error) { return h.Take(), nil },
	})
	return errors.New("unreachable")
}

// A stall of known length, of the watching process as a whole, shows in the
// histogram: the longest hiccup is no shorter, and those of half its length and
// more are as many as wake-ups were due meanwhile. So does a thread that does not give way.
func TestHiccupsShowAStall(t *testing.T) {
	allowed := child.Allowed()
	cpu := allowed[len(allowed)-1]
	p, err := child.Start(child.Spec{Role: "watcher", CPUs: []int{cpu}, Config: cpu, GoMaxProcs: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	t.Run("stopped", func(t *testing.T) {
		shows(t, p, func(length time.Duration) (from, to int64) {
			if err := unix.Kill(p.PID(), unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			for state := ""; state != "T"; time.Sleep(time.Millisecond) {
				b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
				if err != nil {
					t.Fatal(err)
				}
				state = strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))[0]
			}
			from = monotonic()
			time.Sleep(length)
			to = monotonic()
			_ = unix.Kill(p.PID(), unix.SIGCONT)
			return from, to
		})
	})
	t.Run("beside a real-time thread", func(t *testing.T) {
		testenv.Need(t, "root", testenv.Root())
		hog := worker(t, cpu)
		shows(t, p, func(length time.Duration) (from, to int64) {
			from = monotonic()
			spent := do(t, hog, "hog", int(length/time.Millisecond))
			return from, from + int64(spent.CPUSeconds*1e9) // that long it had the CPU
		})
	})
}

// shows demands that a stall is seen in its length.
func shows(t *testing.T, p *child.Proc, stall func(time.Duration) (from, to int64)) {
	t.Helper()
	const length = 60 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var from, to, end int64
	var seen []HiccupSample
	for ok := false; !ok; ok = to < end { // on a machine that stalls by itself it may come too late
		open := monotonic()
		end = open + int64(time.Second)
		if err := p.Call(ctx, "record", [2]int64{open, end}, nil); err != nil {
			t.Fatal(err)
		}
		from, to = stall(length)
		if err := p.Call(ctx, "take", nil, &seen); err != nil {
			t.Fatal(err)
		}
	}
	h, every := seen[0].Late, seen[0].Every
	if most, least := time.Duration(h.Max()), time.Duration(to-from-2*every); most < least*99/100 {
		t.Errorf("the longest hiccup was %v, a stall took %v", most, least)
	}
	var long int64
	for _, bar := range h.Distribution() {
		if bar.To >= (to-from)/2 {
			long += bar.Count
		}
	}
	if least := (to-from)/2/every - 2; long < least {
		t.Errorf("%d moments were late by half of a stall of %v, at least %d were", long, time.Duration(to-from), least)
	}
	if n := h.TotalCount(); n > int64(time.Second)/every+1 {
		t.Errorf("%d moments in a second, one every %v", n, time.Duration(every))
	}
}

// What it takes to watch a CPU for a millisecond of a window.
func BenchmarkHiccups(b *testing.B) {
	h, err := WatchHiccups(child.Allowed()[:1])
	if err != nil {
		b.Fatal(err)
	}
	defer h.Stop()
	h.Record(monotonic(), monotonic()+int64(time.Hour)) // as seldom as a wake-up is dear
	b.ResetTimer()
	begin := readOwn().CPUSeconds
	time.Sleep(time.Duration(b.N) * time.Millisecond)
	b.ReportMetric((readOwn().CPUSeconds-begin)*1e9/float64(b.N), "cpu-ns/ms")
}
