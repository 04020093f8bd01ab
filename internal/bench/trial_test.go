package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// start brings up the first contestant of a plan, ready to start. It has its files
// until the test ends.
func start(t *testing.T, o Options) (*runner, *contestant) {
	t.Helper()
	p := planOf(t, o)
	r := &runner{plan: p}
	if supply := of(p.Cells[0]).supply; supply != nil {
		files, release, err := supply(t.Context(), &result.Set{Plan: *p})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(release)
		r.files = files
	}
	c, err := r.start(t.Context(), p.Cells[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.stop() })
	return r, c
}

// CPU is metered for as long as the window is. The threads, which take long to
// read, were read in the warm-up.
func TestThreadsAreReadOutsideTheWindow(t *testing.T) {
	o := options("threadpool")
	o.echo().Conns, o.Warmup = []int{64}, 200*time.Millisecond
	var seen []string
	for range 5 { // of which one must find the machine in time
		trial := mustRun(t, o).Trials[0]
		for _, p := range []*result.Process{trial.Server, trial.Client} {
			if p.Seconds < trial.Seconds {
				t.Errorf("CPU was metered for %v s of a window of %v s", p.Seconds, trial.Seconds)
			}
		}
		seen = append(seen, fmt.Sprintf("threads %.3f s, window %.3f s", trial.Server.ThreadSeconds, trial.Server.Seconds))
		if trial.Server.ThreadSeconds > trial.Server.Seconds+o.Warmup.Seconds()/2 {
			return
		}
	}
	t.Errorf("the threads were not read in the warm-up: %v", seen)
}

// Every second of a window is metered by itself: together they are the window, and what
// another process took is told where it ran, though ticks miss some of the load.
func TestMoments(t *testing.T) {
	testenv.Full(t)
	o := options("epoll")
	o.echo().Rates, o.Duration = []float64{5000}, 3*time.Second
	r, c := start(t, o)
	trials, measured := make([]result.Trial, 1), make(chan error, 1)
	go func() { measured <- r.measure(t.Context(), []*contestant{c}, trials) }()
	time.Sleep(lead + o.Warmup + 1200*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	rival := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
	_ = rival.Run() // it is killed
	if err := <-measured; err != nil {
		t.Fatal(err)
	}
	m := trials[0].Moments
	if len(m) != 3 {
		t.Fatalf("%d moments of a window of %v", len(m), o.Duration)
	}
	var length, busy float64
	for _, one := range m {
		length, busy = length+one.Seconds, busy+one.BusySeconds
	}
	if all := trials[0].Machine; math.Abs(length-all.Seconds) > 1e-6 || math.Abs(busy-all.BusySeconds) > 1e-6 {
		t.Errorf("the moments are %v s, of which CPUs were busy for %v s, want %v and %v", length, busy, all.Seconds, all.BusySeconds)
	}
	const slack = 0.15
	known, others := trials[0].Server.CPUSeconds+trials[0].Client.CPUSeconds, m[1].OtherSeconds+m[2].OtherSeconds
	took := (rival.ProcessState.UserTime() + rival.ProcessState.SystemTime()).Seconds()
	t.Logf("others took %.3f s in the last two moments, the rival %.3f s; server and client took %.3f s, and CPUs were busy for %.3f s", others, took, known, busy)
	if took == 0 || others < took-slack { // it may have begun late
		t.Errorf("others took %v s in the last two moments, of which one process took %v s", others, took)
	}
	if others += m[0].OtherSeconds; known < 4*slack || others > busy-known/2 {
		t.Errorf("others took %v s of the %v s that CPUs were busy, of which server and client took %v s", others, busy, known)
	}
}

// What a pool counts is the load, without what hanging up costs it: a close for
// each connection, and an accept for the next.
func TestPoolCountsTheLoadAlone(t *testing.T) {
	o := options("threadpool")
	o.echo().Conns, o.echo().Rates = []int{20}, []float64{2000}
	trial := busyRun(t, o).Trials[0]
	// A worker to spare may begin to accept when the load is on.
	if n := trial.Counters["sys_accept"] + trial.Counters["sys_other"]; n > 1 {
		t.Errorf("%d calls that accept and close connections: %v", n, trial.Counters)
	}
	// Where the load ends a worker may not be back in its receive yet.
	messages := float64(trial.Counters["bytes_in"]) / 64
	if n := *trial.CountedSyscalls; n < 2-20/messages || n > 2+20/messages {
		t.Errorf("%.3f system calls a message over %.0f messages", n, messages)
	}
}

// A process that hangs makes its trial void, is named, and is gone in the end.
func TestHungProcess(t *testing.T) {
	type hang struct {
		backend, who string
		patience     time.Duration
	}
	cases := []hang{{"epoll", "epoll server", 200 * time.Millisecond}, {"epoll", "client of epoll", 200 * time.Millisecond}}
	if testenv.IsLong() { // a pool is asked last, when its client has given up
		cases = append(cases, hang{"threadpool", "threadpool server", 8 * time.Second})
	}
	for _, tc := range cases {
		t.Run(tc.who, func(t *testing.T) {
			var err error
			for range 5 { // a busy machine may keep the other from answering too
				r, c := start(t, options(tc.backend))
				hung := c.server
				if strings.HasPrefix(tc.who, "client") {
					hung = c.client
				}
				if err := unix.Kill(hung.PID(), unix.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				r.plan.PatienceSeconds = tc.patience.Seconds()
				err = r.measure(t.Context(), []*contestant{c}, make([]result.Trial, 1))
				if !isVoid(err) {
					t.Fatalf("%v, want a trial that is void", err)
				}
				if stop := hung.Stop(10 * time.Millisecond); stop == nil || !strings.Contains(stop.Error(), "was killed") {
					t.Errorf("end of the process: %v", stop)
				}
				if strings.HasPrefix(err.Error(), tc.who+": ") && strings.Contains(err.Error(), "it has hung for "+tc.patience.String()) {
					return
				}
			}
			t.Errorf("void because: %v", err)
		})
	}
}

// Of a server that is not ready in time it is said how far it has come.
func TestNotAllAccepted(t *testing.T) {
	_, c := start(t, options("threadpool"))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("out of time"))
	defer cancel()
	err := c.settle(ctx, 2) // the second never comes
	if err == nil || !strings.Contains(err.Error(), " of 2 connections") || !strings.Contains(err.Error(), "out of time") {
		t.Errorf("error %v", err)
	}
	over, end := context.WithCancelCause(t.Context())
	end(errors.New("out of time"))
	want := "threadpool server: accepted: no reply: out of time, 0 of 2 connections accepted"
	if err := c.settle(over, 2); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// By default the server has a CPU of its own and the client one or two others,
// where there are as many, and that is where the kernel runs them.
func TestDefaultCPUs(t *testing.T) {
	may := child.Allowed()
	server, client := may[:1], may[:1]
	if len(may) > 1 {
		client = may[1:min(3, len(may))]
	}
	_, c := start(t, options("epoll"))
	for _, p := range []struct {
		name string
		pid  int
		want []int
	}{{"server", c.pid, server}, {"client", c.client.PID(), client}} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "\nCpus_allowed_list:")
		got, _, _ := strings.Cut(rest, "\n")
		if want := child.List(p.want); strings.TrimSpace(got) != want {
			t.Errorf("the %s may run on CPUs %s, want %s", p.name, strings.TrimSpace(got), want)
		}
	}
}
