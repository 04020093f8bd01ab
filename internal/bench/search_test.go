package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// A search ends with a bracket around what a contestant can do, wherever it starts
// from, both ends confirmed; also where single trials err.
func TestSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		start, capacity, noise float64
		lo, hi                 bool // it has that end
	}{
		{10_000, 123_456, 0, true, true},
		{10_000, 123_456, 0.1, true, true},
		{10_000, 333, 0.02, true, true},
		{500, 500, 0, true, true},
		{10_000, 3, 0, false, true},
		{10_000, 1e9, 0, true, false},
	} {
		s := search{start: c.start, least: 100, most: 1e8, ratio: 1.05, confirm: 5}
		missed, count := map[float64]int{}, map[float64]int{}
		trials := 0
		for ; trials < findTrials; trials++ {
			rate, ok := s.next()
			if !ok {
				break
			}
			if rate > c.capacity*(1+c.noise*(2*rng.Float64()-1)) {
				missed[rate]++
			}
			count[rate]++
			verdict := ""
			if 2*missed[rate] > count[rate] {
				verdict = "p99" // in the median
			}
			s.took(rate, verdict)
		}
		lo, hi := s.bracket()
		if (lo != nil) != c.lo || (hi != nil) != c.hi || trials == findTrials {
			t.Errorf("%+v: after %d trials %+v, %+v", c, trials, lo, hi)
			continue
		}
		if lo != nil && (lo.rate > c.capacity*(1+c.noise) || lo.trials < 5) {
			t.Errorf("%+v: %v is said to be sustained by %d trials", c, lo.rate, lo.trials)
		}
		if hi != nil && (hi.rate < c.capacity*(1-c.noise) || hi.trials < 5) {
			t.Errorf("%+v: %v is said not to be sustained by %d trials", c, hi.rate, hi.trials)
		}
		if lo != nil && hi != nil && hi.rate > 1.05*lo.rate {
			t.Errorf("%+v: the bracket is %v to %v", c, lo.rate, hi.rate)
		}
	}
}

func TestParseSLO(t *testing.T) {
	list, err := parseSLO("p99.9<1ms,p50<200us")
	s := result.Search{Objectives: list}
	if err != nil || s.String() != "p99.9<1ms,p50<200µs" {
		t.Errorf("%s, %v", &s, err)
	}
	for _, text := range []string{"p99", "99<1ms", "p0<1ms", "p100<1ms", "p99<1", "p99<0s", "p99<-1ms", "pNaN<1ms", "p99<1ms,", "p99>1ms", "p99<1ms<2ms"} {
		if _, err := parseSLO(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// What no server can do is sustained at no rate: the search ends at the lowest that
// tells, and its trials are kept as cells of their rates. Two of a name are two.
func TestFindMaxOfNothing(t *testing.T) {
	o := options("epoll", "epoll")
	o.Duration, o.Warmup = 50*time.Millisecond, 0
	o.FindMax, o.SLO, o.echo().Rates, o.echo().Mix = true, "p50<1ns", []float64{600}, "8:1,100:1"
	if !testenv.IsLong() {
		o.Backends = o.Backends[:1]
	}
	set := mustRun(t, o)
	if len(set.Found) != len(o.Backends) {
		t.Fatalf("%+v was found of %d contestants", set.Found, len(o.Backends))
	}
	for _, f := range set.Found {
		if f.Sustained != -1 || f.Failed < 0 || f.Unfinished != "" {
			t.Fatalf("%+v", f)
		}
		// Ten messages beyond the median in 50 ms.
		if c := set.Plan.Cells[f.Failed]; c.Rate != 400 || c.Contestant != f.Contestant || len(set.Valid(f.Failed)) != 1 {
			t.Errorf("%s ended at %+v after %d trials", f.Contestant, c, len(set.Valid(f.Failed)))
		}
	}
	for _, trial := range set.Trials {
		if trial.Messages > 20 && (trial.Bytes <= 8*trial.Messages || trial.Bytes >= 100*trial.Messages) {
			t.Errorf("%d bytes in %d messages of 8 or 100", trial.Bytes, trial.Messages)
		}
		// Where wake-ups are dear, or the machine stalls, none may be due in the window.
		if h := trial.Hiccups; h == nil || h.Server == nil || trial.Messages > 0 && h.EverySeconds < 0.005 && (h.Server.TotalCount() == 0 || h.CPUSeconds <= 0) {
			t.Errorf("hiccups: %+v", h)
		}
	}
	if n := len(set.Trials); n != 2*len(o.Backends) || len(set.Plan.Cells) != n {
		t.Errorf("%d trials of %d cells", n, len(set.Plan.Cells))
	}
}

// A server that takes a known time for a message, one after the other, sustains
// as many a second as it has of those times, and no more: beyond that the queue
// grows as long as the load lasts.
func TestKnownCapacity(t *testing.T) {
	testenv.Long(t)
	o := options()
	o.FindMax, o.SLO, o.echo().Rates, o.echo().Conns = true, "p50<50ms", []float64{50}, []int{16}
	o.Duration, o.Warmup, o.Trials = 2*time.Second, time.Second, 3
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "log")
	o.Commands = []string{fmt.Sprintf("known=%s known-serial {port} %s %d", exe, path, o.echo().Sizes[0])}
	set := mustRun(t, o)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var log knownLog
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	capacity := float64(log.Served) / (float64(log.Busy) / 1e9)
	f := set.Found[0]
	if f.Sustained < 0 || f.Failed < 0 || f.Unfinished != "" {
		t.Fatalf("%+v", f)
	}
	lo, hi := set.Plan.Cells[f.Sustained].Rate, set.Plan.Cells[f.Failed].Rate
	if lo > 1.01*capacity || hi < 0.85*capacity || hi > 1.1*lo {
		t.Errorf("between %v and %v a second are sustained by a server that can do %v", lo, hi, capacity)
	}
}

// What a search starts from reads well, and is not below what a percentile takes.
func TestLeastRate(t *testing.T) {
	for seconds, want := range map[float64]float64{1: 1000, 0.15: 6670, 0.3: 3340, 30: 33.4} {
		p := &result.Plan{DurationSeconds: seconds, Search: &result.Search{Objectives: []result.Objective{{Percentile: 99}}}}
		if got := leastRate(p); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("in %v s: %v, not %v", seconds, got, want)
		}
	}
}
