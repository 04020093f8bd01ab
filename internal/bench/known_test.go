package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// measureKnown runs one trial of a known server and returns what was measured
// and what the server did.
func measureKnown(t *testing.T, kind string, o Options) (*result.Trial, *knownLog) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "log")
	o.Commands = []string{fmt.Sprintf("%s=%s %s {port} %s %d", kind, exe, kind, path, o.Sizes[0])}
	set := mustRun(t, o)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var log knownLog
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	return &set.Trials[0], &log
}

// A server that takes 5 ms reads as one that takes 5 ms. What it cannot know of
// is the way there and back; a machine that others use can make that long, so
// the best of several trials counts.
func TestKnownDelay(t *testing.T) {
	o := options()
	// On one CPU a wake-up is short, and a few hundred messages a second keep
	// its caches warm; evenly, so that none waits for another.
	o.Placement, o.Conns, o.Rates = Shared, []int{10}, []float64{1000}
	o.Duration = 500 * time.Millisecond
	keepAwake(t)
	// A machine that others use may add anything; what decides is that the
	// delay is there and nothing like it is added.
	tolerance := 0.2
	if *long {
		o.Duration, tolerance = 10*time.Second, 0.02
	}
	var off []string
	for range 4 {
		trial, log := measureKnown(t, "known-delay", o)
		p50, want := float64(trial.Service.ValueAtQuantile(50)), log.median()
		off = append(off, fmt.Sprintf("measured %.0f ns, the server took %.0f ns", p50, want))
		if p50 < want*(1-0.002) { // the histogram's own rounding
			t.Fatalf("faster than the server: %s", off[len(off)-1])
		}
		if math.Abs(p50/want-1) <= tolerance {
			t.Log(off)
			return
		}
	}
	t.Errorf("p50 is more than %g %% off: %v", 100*tolerance, off)
}

// over is the fraction of values above x.
func over(h result.Histogram, x time.Duration) float64 {
	var n int64
	for _, bar := range h.Distribution() {
		if bar.From > int64(x) {
			n += bar.Count
		}
	}
	return float64(n) / float64(h.TotalCount())
}

// A server that stalls for 200 ms in every second. In open loop the stall counts
// against every message that was due in it, in the proportion that arithmetic
// demands of the stalls that the server really made.
func TestKnownStallInOpenLoop(t *testing.T) {
	o := options()
	o.Conns, o.Pipelines, o.Rates = []int{16}, []int{64}, []float64{2000}
	o.Duration = 3 * stallPeriod
	if *long {
		o.Duration = 30 * stallPeriod
	}
	const tolerance = 0.015 // of all messages: 15 ms of each second
	var last error
	for range 3 {
		trial, log := measureKnown(t, "known-stall", o)
		if last = stallShows(trial, log, tolerance); last == nil {
			return
		}
		t.Log(last)
	}
	t.Error(last)
}

func stallShows(trial *result.Trial, log *knownLog, tolerance float64) error {
	for _, x := range []time.Duration{10, 25, 50, 100, 150, 180, 195} {
		x *= time.Millisecond
		want, got := log.slower(x), over(*trial.Response, x)
		if math.Abs(got-want) > tolerance {
			return fmt.Errorf("%.4f of the messages took longer than %v, arithmetic demands %.4f", got, x, want)
		}
	}
	for _, p := range []float64{85, 90, 95, 99} { // the same, read as percentiles are
		x := time.Duration(trial.Response.ValueAtQuantile(p))
		if want := log.slower(x); math.Abs(want-(100-p)/100) > tolerance {
			return fmt.Errorf("p%g is %v, which arithmetic demands of p%.1f", p, x, 100-100*want)
		}
	}
	return nil
}

// In closed loop the same server delays one message a connection a stall, and
// the percentiles hide it: this is why a rate can be offered.
func TestKnownStallInClosedLoop(t *testing.T) {
	const conns, stalls = 8, 2
	o := options()
	o.Conns, o.Duration = []int{conns}, stalls*stallPeriod
	trial, log := measureKnown(t, "known-stall", o)
	slow := over(trial.Service, stallLength/2) * float64(trial.Service.TotalCount())
	if slow < conns*(stalls-1) || slow > conns*(stalls+1) {
		t.Errorf("%.0f slow messages of %d, want one a connection and stall: %d", slow, trial.Messages, conns*stalls)
	}
	if longest := time.Duration(trial.Service.Max()); longest < stallLength*9/10 {
		t.Errorf("the slowest message took %v, stalls %v", longest, log.Stalls)
	}
	if p := over(trial.Service, stallLength/2); p > 0.01 {
		t.Errorf("%.4f of the messages were slow: the stall should show beyond p99 only", p)
	}
	if trial.Response != nil {
		t.Error("a closed loop has no response time from when a message was due")
	}
}
