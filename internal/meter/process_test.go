package meter

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
	"golang.org/x/sys/unix"
)

// begin is Prepare and Begin in one.
func begin(t *testing.T, pids ...int) Sample {
	t.Helper()
	s, err := Prepare(pids...)
	if err == nil {
		err = s.Begin()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// window measures what a worker does on request.
func window(t *testing.T, p *child.Proc, job string, n int) (result.Process, result.Machine, own) {
	t.Helper()
	a := begin(t, p.PID())
	o := do(t, p, job, n)
	b, err := a.End()
	if err != nil {
		t.Fatal(err)
	}
	procs, machine := b.Since(a)
	return procs[0], machine, o
}

// slack is the CPU time that a worker may need to take a call and reply.
const slack = 0.02

func TestCPUSumIsWhatTheProcessItselfReads(t *testing.T) {
	p := worker(t)
	for _, job := range []string{"nothing", "spin", "kernel"} {
		got, machine, o := window(t, p, job, 300)
		if got.CPUSeconds < o.CPUSeconds || got.CPUSeconds > o.CPUSeconds+slack {
			t.Errorf("%s: %.6f s of CPU, the process itself says %.6f", job, got.CPUSeconds, o.CPUSeconds)
		}
		if got.CPUSeconds > got.Seconds*float64(got.CPUs) {
			t.Errorf("%s: %.3f s of CPU in %.3f s on %d CPUs", job, got.CPUSeconds, got.Seconds, got.CPUs)
		}
		// Everybody's time holds this process's, give or take a tick an edge and CPU.
		if tick := 2.0 / userHz * 2; machine.BusySeconds < o.CPUSeconds-tick-machine.StealSeconds {
			t.Errorf("%s: machine was busy %.3f s, one process of it %.3f", job, machine.BusySeconds, o.CPUSeconds)
		}
	}
}

func TestReadingARunningProcess(t *testing.T) {
	p := worker(t)
	a, err := ReadProcess(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan own)
	go func() { done <- do(t, p, "spin", 400) }()
	last := a
	for i := 0; ; i++ {
		now, err := ReadProcess(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		if now.clocks.cpu < last.clocks.cpu || now.clocks.ticks < last.clocks.ticks {
			t.Fatalf("CPU time went back from %v to %v", last.clocks, now.clocks)
		}
		last = now
		select {
		case o := <-done:
			now, err := ReadProcess(p.PID())
			if r := now.Since(a); err != nil || r.CPUSeconds < o.CPUSeconds || r.CPUSeconds > o.CPUSeconds+slack {
				t.Errorf("%.6f s of CPU, the process itself says %.6f (%v)", r.CPUSeconds, o.CPUSeconds, err)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// What is done between Prepare and Begin is the threads' and not the window's.
func TestPrepareIsBeforeTheWindow(t *testing.T) {
	p := worker(t)
	a, err := Prepare(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	o := do(t, p, "sleep", 100)
	o.CPUSeconds += do(t, p, "spin", 150).CPUSeconds
	if err := a.Begin(); err != nil {
		t.Fatal(err)
	}
	b, err := a.End()
	if err != nil {
		t.Fatal(err)
	}
	procs, _ := b.Since(a)
	r := procs[0]
	if r.CPUSeconds > slack || int64(r.Voluntary) < o.Voluntary {
		t.Errorf("before the window: %.3f s of CPU and %d switches; in it %.3f s, and its threads have %d", o.CPUSeconds, o.Voluntary, r.CPUSeconds, r.Voluntary)
	}
	if r.ThreadSeconds < r.Seconds+o.CPUSeconds {
		t.Errorf("threads cover %.3f s of a window of %.3f s and the %.3f s before it", r.ThreadSeconds, r.Seconds, o.CPUSeconds)
	}
}

func TestSplit(t *testing.T) {
	p := worker(t)
	// Softirqs of others are charged to whom they interrupt, hence 0.1, and
	// another try where the machine's other users made many.
	var r result.Process
	for range 8 {
		if r, _, _ = window(t, p, "spin", 600); r.UserShare >= 0.9-4*r.UserShareError {
			break
		}
	}
	if r.UserShare < 0.9-4*r.UserShareError {
		t.Errorf("user share of a loop without system calls is %.3f ± %.3f", r.UserShare, r.UserShareError)
	}
	if r, _, _ := window(t, p, "kernel", 600); r.UserShare > 0.1+4*r.UserShareError {
		t.Errorf("user share of a loop of mmap and munmap is %.3f ± %.3f", r.UserShare, r.UserShareError)
	}
	if r, _, _ := window(t, p, "nothing", 0); r.UserShareError < 0.3 {
		t.Errorf("user share of next to nothing is %.3f ± %.3f, too sure of itself", r.UserShare, r.UserShareError)
	}
}

func TestUserShare(t *testing.T) {
	const tick = 4 * time.Millisecond
	for _, c := range []struct {
		user, all     time.Duration
		share, stderr float64
	}{
		{0, 0, 0.5, 0.5},
		{0, -tick, 0.5, 0.5},
		{tick, tick, 1, 0.47},
		{250 * tick, 250 * tick, 1, 0.004},
		{0, 250 * tick, 0, 0.004},
		{125 * tick, 250 * tick, 0.5, 0.0316},
		{75 * tick, 2500 * tick, 0.03, 0.0034},
	} {
		share, stderr := userShare(c.user, c.all, tick)
		if math.Abs(share-c.share) > 1e-9 || math.Abs(stderr-c.stderr) > 0.05*c.stderr {
			t.Errorf("%v of %v: %.4f ± %.4f, want %.4f ± %.4f", c.user, c.all, share, stderr, c.share, c.stderr)
		}
	}
}

func TestSwitches(t *testing.T) {
	const calls = 30 // switches that taking a call and replying may cost
	near := func(kind string, n uint64, usage int64) error {
		if int64(n) < usage || int64(n) > usage+calls {
			return fmt.Errorf("%d %s switches, getrusage says %d", n, kind, usage)
		}
		return nil
	}
	p := worker(t)
	var err error
	for range 5 { // between the two readings the runtime's threads may switch, too
		r, _, o := window(t, p, "sleep", 200)
		if o.Voluntary < 200 {
			t.Fatalf("200 sleeps made %d switches by getrusage", o.Voluntary)
		}
		spun, _, of := window(t, p, "spin", 300)
		if spun.ThreadSeconds < spun.Seconds || spun.ThreadSeconds > spun.Seconds+10 {
			t.Fatalf("threads cover %.3f s of a window of %.3f s", spun.ThreadSeconds, spun.Seconds)
		}
		if err = errors.Join(near("voluntary", r.Voluntary, o.Voluntary), near("involuntary", spun.Involuntary, of.Involuntary)); err == nil {
			return
		}
	}
	t.Error(err)
}

// A thread that never sleeps either runs or waits, so the two add up to the time
// that passed, however busy the machine is; the runtime's other threads add to it.
func TestRunQueueWait(t *testing.T) {
	workers := []*child.Proc{worker(t, 0), worker(t, 0)}
	cpu := func(p *child.Proc) time.Duration {
		now, err := ReadProcess(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		return now.clocks.cpu
	}
	before := []time.Duration{cpu(workers[0]), cpu(workers[1])}
	for _, p := range workers {
		go p.Call(t.Context(), "spin", 600_000, nil) // until the test ends
	}
	for i, p := range workers {
		for end := time.Now().Add(time.Minute); cpu(p)-before[i] < 50*time.Millisecond && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	first := begin(t, workers[0].PID(), workers[1].PID())
	time.Sleep(500 * time.Millisecond)
	end, err := first.End()
	if err != nil {
		t.Fatal(err)
	}
	procs, machine := end.Since(first)
	for _, r := range procs {
		if r.RunQueueWait == nil {
			testenv.Need(t, "schedstat", errors.New("this kernel keeps no run-queue waits"))
		}
		if sum := r.CPUSeconds + *r.RunQueueWait; sum < 0.8*r.Seconds-machine.StealSeconds || sum > 1.1*r.ThreadSeconds*float64(r.Threads) {
			t.Errorf("ran %.3f s, waited %.3f s in %.3f s", r.CPUSeconds, *r.RunQueueWait, r.Seconds)
		}
		if *r.RunQueueWait < 0.1*r.Seconds || r.CPUs != 1 {
			t.Errorf("waited %.3f s of %.3f s for the CPU shared with another, allowed on %d CPUs", *r.RunQueueWait, r.Seconds, r.CPUs)
		}
	}
}

func TestThreadsThatEnd(t *testing.T) {
	p := worker(t)
	do(t, p, "hold", 3)
	before, err := ReadProcess(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	r, _, _ := window(t, p, "threads", 10)
	if r.Voluntary > 10_000 || r.Involuntary > 10_000 || *r.RunQueueWait < 0 {
		t.Errorf("wrapped figures: %+v", r)
	}
	// One that was there before and is no more.
	before.state.threads[1<<30] = thread{voluntary: 1 << 40}
	after, err := ReadProcess(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	if r := after.Since(before); r.ThreadsEnded < 1 || r.Voluntary > 10_000 {
		t.Errorf("%d threads ended, %d switches", r.ThreadsEnded, r.Voluntary)
	}
	// Another of the same number: its figures start anew.
	if d := (thread{voluntary: 5, cpu: 7}).since(thread{voluntary: 9, cpu: 3}); d.voluntary != 5 || d.cpu != 7 {
		t.Errorf("thread whose number was used again: %+v", d)
	}
	// The second file was read the first time only.
	if d := (thread{voluntary: 9}).since(thread{voluntary: 5, cpu: 7, wait: 3}); d != (thread{voluntary: 4}) {
		t.Errorf("thread whose times were not read again: %+v", d)
	}
}

func TestMemoryAndThreads(t *testing.T) {
	p := worker(t)
	const size = 64 << 20
	r, _, o := window(t, p, "grow", size)
	if r.PeakRSS < size || int64(r.PeakRSS) < o.MaxRSS-1<<20 || int64(r.PeakRSS) > o.MaxRSS+1<<20 {
		t.Errorf("peak is %d bytes, getrusage says %d", r.PeakRSS, o.MaxRSS)
	}
	for range 5 { // the runtime may start one in between
		r, _, _ = window(t, p, "nothing", 0)
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
		if want := fmt.Sprintf("Threads:\t%d\n", r.Threads); strings.Contains(string(status), want) {
			return
		}
	}
	t.Errorf("counted %d threads; /proc says otherwise", r.Threads)
}

func TestManyThreads(t *testing.T) {
	p := worker(t)
	do(t, p, "hold", maxWaits+50)
	start := time.Now()
	r, _, o := window(t, p, "sleep", 50)
	t.Logf("two readings of %d threads took %v", r.Threads, time.Since(start))
	if r.Threads <= maxWaits || r.RunQueueWait != nil {
		t.Errorf("%d threads, run-queue wait %v; want none above %d", r.Threads, r.RunQueueWait, maxWaits)
	}
	if int64(r.Voluntary) < o.Voluntary {
		t.Errorf("%d switches, getrusage says %d", r.Voluntary, o.Voluntary)
	}
}

func TestProcessThatEnded(t *testing.T) {
	p := worker(t)
	a := begin(t, p.PID())
	other := a
	other.Processes = []Process{a.Processes[0]}
	other.Processes[0].state.started = "1"
	if _, err := other.End(); err == nil || !strings.Contains(err.Error(), "another has its number") {
		t.Errorf("process of another start time: %v", err)
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("process %d has ended", p.PID())
	_, err1 := a.End()
	_, err2 := Prepare(p.PID())
	_, err3 := ReadProcess(p.PID())
	_, err4 := TraceSyscalls(p.PID())
	for _, err := range []error{err1, err2, err3, err4} {
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), "tracepoint") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestZombieHasEnded(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(cmd.Process.Pid); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("zombie: %v", err)
	}
}

// A thread with the name of a helper stands in for one.
func TestHelpersAreRows(t *testing.T) {
	r, _, o := window(t, worker(t), "helper", 200)
	if len(r.Helpers) != 1 || r.Helpers[0].Name != "iou-wrk" || r.Helpers[0].Threads != 1 {
		t.Fatalf("helpers %+v, want one thread iou-wrk", r.Helpers)
	}
	if cpu := r.Helpers[0].CPUSeconds; cpu < 0.2-slack || cpu > o.CPUSeconds+slack {
		t.Errorf("helper used %.3f s of %.3f s of CPU, it burnt 0.2", cpu, o.CPUSeconds)
	}
}

func TestHelperKind(t *testing.T) {
	for comm, want := range map[string]string{"iou-sqp-1234": "iou-sqp", "iou-wrk-1234567": "iou-wrk", "iou-wrkx": "", "nginx": ""} {
		if got := helperKind(comm); got != want {
			t.Errorf("%q: %q, want %q", comm, got, want)
		}
	}
}

func TestCountCPUs(t *testing.T) {
	if n := countCPUs(map[string]bool{"0-3,8": true, "3-4": true, "": true}); n != 6 {
		t.Errorf("%d, want 6", n)
	}
}
