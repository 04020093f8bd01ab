package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// measureKnown runs one trial of a server, started as "COMMAND {port} LOG SIZE",
// and returns what was measured and what the server logged.
func measureKnown(t *testing.T, command string, o Options) (*result.Trial, []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	o.Commands = []string{fmt.Sprintf("known=%s {port} %s %d", command, path, o.echo().Sizes[0])}
	set := mustRun(t, o)
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &set.Trials[0], log
}

// measureStall is measureKnown for the server that stalls.
func measureStall(t *testing.T, o Options) (*result.Trial, *knownLog) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	trial, b := measureKnown(t, exe+" known-stall", o)
	var log knownLog
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	return trial, &log
}

// A server that takes 5 ms, a C program, reads as one that takes 5 ms: its own
// clock says how long it took, and what it cannot know of is the way there and
// back. A machine that others use can make that long, so the best of several
// trials counts.
func TestKnownDelay(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "cc", testenv.Program("cc"))
	bin := filepath.Join(t.TempDir(), "delay")
	if out, err := exec.Command("cc", "-O2", "-pthread", "-o", bin, "testdata/delay.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o := options()
	// On one CPU a wake-up is short, and a few hundred messages a second keep
	// its caches warm; evenly, so that none waits for another.
	o.Placement, o.echo().Conns, o.echo().Rates = Shared, []int{10}, []float64{1000}
	o.Duration = 500 * time.Millisecond
	keepAwake(t)
	// The machine may add anything; what decides is that the delay is there
	// and nothing like it is added.
	tolerance := 0.5
	if testenv.IsLong() {
		o.Duration, tolerance = 10*time.Second, 0.02
	}
	var off []string
	for range 8 {
		trial, log := measureKnown(t, bin, o)
		p50, want := float64(trial.Service.ValueAtQuantile(50)), medianLine(t, log)
		off = append(off, fmt.Sprintf("measured %.0f ns, the server took %.0f ns", p50, want))
		if p50 < 5e6*(1-0.002) { // no sleep is shorter; the histogram rounds
			t.Fatalf("faster than the server: %s", off[len(off)-1])
		}
		if math.Abs(p50/want-1) <= tolerance {
			t.Log(off)
			return
		}
	}
	t.Errorf("p50 is more than %g %% off: %v", 100*tolerance, off)
}

// medianLine is the median of a log with a number a line.
func medianLine(t *testing.T, log []byte) float64 {
	t.Helper()
	var n []float64
	for line := range strings.Lines(string(log)) {
		v, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			t.Fatal(err)
		}
		n = append(n, v)
	}
	slices.Sort(n)
	return n[len(n)/2]
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

// What arithmetic demands is of a server that answers a backlog at once, and of
// percentiles as histograms have them.
func TestKnownStallIsWhatItSeems(t *testing.T) {
	c := backlog{left: make([]byte, 1000)}
	new(known).gated(&c)
	if c.answers != 1 {
		t.Errorf("1000 bytes that have come are answered by %d writes", c.answers)
	}
	for n := 1; n < 400; n++ {
		h, waits := result.NewHistogram(), make([]time.Duration, n)
		for i := range waits {
			waits[i] = time.Duration(i + 1)
			h.Record(int64(i + 1))
		}
		for _, p := range []float64{50, 92.5, 95, 97.5, 99} {
			if got, want := percentile(waits, p), h.ValueAtQuantile(p); int64(got) != want {
				t.Fatalf("p%g of %d values is %d, of their histogram %d", p, n, got, want)
			}
		}
	}
}

// A backlog is a connection on which all has come.
type backlog struct {
	net.Conn
	left    []byte
	answers int
}

func (c *backlog) Read(b []byte) (n int, err error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n = copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *backlog) Write(b []byte) (int, error) {
	c.answers++
	return len(b), nil
}

func (c *backlog) Close() error { return nil }

// A server that stalls for a part of every period. In open loop the stall counts
// against every message that was due in it, in the proportion that arithmetic
// demands of the stalls that the server really made, however messages arrive.
func TestKnownStallInOpenLoop(t *testing.T) {
	testenv.Full(t)
	for _, arrivals := range Arrivals {
		if arrivals != ArrivalsConstant && !testenv.IsLong() {
			continue
		}
		t.Run(arrivals, func(t *testing.T) { stallInOpenLoop(t, arrivals) })
	}
}

func stallInOpenLoop(t *testing.T, arrivals string) {
	o := options()
	o.echo().Arrivals = arrivals
	o.echo().Conns, o.echo().Pipelines, o.echo().Rates = []int{16}, []int{64}, []float64{2000}
	o.Duration = 2 * stallPeriod
	// Of all messages: a twentieth. A generator that waits for answers
	// would show next to none.
	tolerance := 0.05
	if testenv.IsLong() {
		// Slow enough that the server has caught up with a stall at once, and so
		// close that one message more or less is no percent of a percentile.
		o.Duration, tolerance, o.echo().Rates = 6*stallPeriod, 0.005, []float64{1000}
	}
	var last error
	for range 6 {
		trial, log := measureStall(t, o)
		if c := trial.Client; runtime.NumCPU() > 1 && (c.SpinSeconds <= 0 || c.SpinSeconds > c.CPUSeconds) { // else it may not spin
			t.Errorf("of its %v s of CPU the client spun %v s", c.CPUSeconds, c.SpinSeconds)
		}
		if last = stallShows(trial, log.waits(o), tolerance); last == nil {
			return
		}
		t.Log(last)
	}
	t.Error(last)
}

// stallShows demands what arithmetic does, and no more than that of a machine
// which is left alone for long: one that others use makes all kinds of messages
// late. What holds on any is that no more are late than were sent or served late.
func stallShows(trial *result.Trial, waits []time.Duration, tolerance float64) error {
	most := 1.0
	if testenv.IsLong() {
		most = 5 * tolerance
	}
	for _, percent := range []time.Duration{5, 12, 25, 50, 75, 90, 97} {
		x := stallLength * percent / 100
		want, got := longer(waits, x), over(*trial.Response, x)
		if got < want-tolerance || got > want+most {
			return fmt.Errorf("%.4f of the messages took longer than %v, arithmetic demands %.4f", got, x, want)
		}
		half := x * 49 / 100 // histograms round
		if sent, served := over(*trial.SendLag, half), over(trial.Service, half); got > sent+served {
			return fmt.Errorf("%.4f of the messages took longer than %v, although %.4f were sent and %.4f served later than half of that", got, x, sent, served)
		}
	}
	for _, p := range []float64{92.5, 95, 97.5, 99} { // the same, read as percentiles are
		x := time.Duration(trial.Response.ValueAtQuantile(p))
		if want, got := longer(waits, x), (100-p)/100; got < want-tolerance || got > want+most {
			return fmt.Errorf("p%g is %v, which arithmetic demands of p%.1f", p, x, 100-100*want)
		}
		if want := percentile(waits, p); testenv.IsLong() && math.Abs(float64(x)/float64(want)-1) > 0.02 {
			return fmt.Errorf("p%g is %v, arithmetic demands %v", p, x, want)
		}
	}
	return nil
}

// In closed loop the same server delays one message a connection a stall, and
// the percentiles hide it: this is why a rate can be offered.
func TestKnownStallInClosedLoop(t *testing.T) {
	testenv.Full(t)
	var last error
	for range 4 {
		if last = stallHides(t); last == nil {
			return
		}
		t.Log(last)
	}
	t.Error(last)
}

func stallHides(t *testing.T) error {
	const conns, stalls = 8, 2
	o := options()
	o.echo().Conns, o.Duration = []int{conns}, stalls*stallPeriod
	trial, log := measureStall(t, o)
	slow := over(trial.Service, stallLength/2) * float64(trial.Service.TotalCount())
	if slow < conns*(stalls-1) || slow > conns*(stalls+1) {
		return fmt.Errorf("%.0f slow messages of %d, want one a connection and stall: %d", slow, trial.Messages, conns*stalls)
	}
	if longest := time.Duration(trial.Service.Max()); longest < stallLength*9/10 {
		return fmt.Errorf("the slowest message took %v, stalls %v", longest, log.Stalls)
	}
	if p := over(trial.Service, stallLength/2); p > 0.01 {
		return fmt.Errorf("%.4f of the messages were slow: the stall should show beyond p99 only", p)
	}
	if trial.Response != nil {
		return errors.New("a closed loop has no response time from when a message was due")
	}
	return nil
}
