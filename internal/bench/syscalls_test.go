package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/testenv"
)

// At most so many system calls a message at 64 connections of 64 bytes,
// saturated, as the design demands.
var ceilings = map[string]float64{"epoll": 2.3, "uring": 0.5}

// eachNetwork calls f for a stream and for datagrams on every backend of ceilings,
// and for proxies, which have every message twice.
func eachNetwork(f func(server, network string, ceiling float64)) {
	for backend, ceiling := range ceilings {
		for _, network := range []string{"tcp", "udp"} {
			f(backend, network, ceiling)
		}
	}
	f("epoll+mmsg", "udp", 0.9)
	for server, ceiling := range map[string]float64{"proxy/epoll": 4.6, "proxy/uring": 1.5, "proxy/epoll+splice": 6.6} {
		f(server, "tcp", ceiling)
	}
}

// saturated starts a server and a load on it, which goes on until the test ends.
func saturated(t *testing.T, backend, network string) *contestant {
	t.Helper()
	backend, isProxy := strings.CutPrefix(backend, "proxy/")
	b, err := backends.Lookup(backend)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, backend, b.Probe())
	o := options(backend)
	o.echo().Conns, o.echo().Networks = []int{64}, []string{network}
	if isProxy {
		o.Grid = &ProxyGrid{EchoGrid: *o.echo(), Modes: []string{ModeRequest}}
	}
	_, c := start(t, o)
	return c
}

func startLoad(t *testing.T, c *contestant) {
	t.Helper()
	now := load.Monotonic()
	if err := c.client.Call(t.Context(), "start", load.Window{Start: now, Open: now, Close: now + 1e18}, nil); err != nil {
		t.Fatal(err)
	}
}

func counters(t *testing.T, c *contestant) backends.Counters {
	t.Helper()
	n, err := readCounters(t.Context(), []*contestant{c})
	if err != nil {
		t.Fatal(err)
	}
	return n[0]
}

func needTrace(t *testing.T) {
	t.Helper()
	testenv.Need(t, "root", testenv.Root())
	err := meter.CanTrace()
	if err != nil && strings.Contains(err.Error(), "not mounted") {
		if m := unix.Mount("nodev", "/sys/kernel/tracing", "tracefs", 0, ""); m == nil {
			t.Cleanup(func() { unix.Unmount("/sys/kernel/tracing", 0) })
			err = meter.CanTrace()
		}
	}
	testenv.Need(t, "root", err)
}

// runtimeCalls is how many system calls a second the Go runtime of a server may
// make beside the loops, which do not count them: sysmon sleeps 100 times a
// second and preempts 50 times, at getpid, tgkill and rt_sigreturn each; strace
// shows some 450 in all with futex and the control pipe. One call that a loop
// forgot to count would be thousands.
const runtimeCalls = 800

// Over the same stretch of a saturated load, the server's own counters and the
// kernel's tracepoint, which sees every call of every thread of the process.
func TestCountersAgreeWithTracepoint(t *testing.T) {
	needTrace(t)
	eachNetwork(func(backend, network string, ceiling float64) {
		t.Run(backend+"/"+network, func(t *testing.T) {
			c := saturated(t, backend, network)
			startLoad(t, c)
			time.Sleep(100 * time.Millisecond)
			trace, err := meter.TraceSyscalls(c.pid)
			if err != nil {
				t.Fatal(err)
			}
			defer trace.Close()
			if err := trace.Enable(); err != nil {
				t.Fatal(err)
			}
			take := func() stock {
				s, err := c.stock(t.Context(), trace)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			// Counters and tracepoint are read one after the other, and on a busy
			// machine much can happen between; a call that a loop does not count
			// is missing every time.
			best, agreed := math.Inf(1), false
			for i := range 8 {
				s0 := take()
				time.Sleep(200 * time.Millisecond << min(i, 4))
				s1 := take()
				n := s1.counters.Sub(s0.counters)
				own, kernel := float64(n.Syscalls()), float64(s1.calls-s0.calls)
				messages := s1.messages - s0.messages
				t.Logf("%.0f messages: %.4f calls a message by the counters, %.4f by the tracepoint", messages, own/messages, kernel/messages)
				if messages < 1000 {
					continue
				}
				best = min(best, own/messages)
				if kernel >= 0.99*own && kernel <= 1.01*own+runtimeCalls*float64(s1.now-s0.now)/1e9 {
					agreed = true
				}
				if agreed && best <= ceiling {
					break
				}
			}
			if !agreed {
				t.Error("the counters and the tracepoint never agree")
			}
			if best > ceiling {
				t.Errorf("%.3f system calls a message, at most %.1f are allowed", best, ceiling)
			}
		})
	})
}

// The same under strace, which stops the server at every call: from before the
// load until after it, the calls that strace saw of each kind are those that the
// server counted.
func TestCountersAgreeWithStrace(t *testing.T) {
	testenv.Need(t, "strace", testenv.Program("strace"))
	testenv.Need(t, "root", testenv.Root()) // or kernel.yama.ptrace_scope may forbid it
	eachNetwork(func(backend, network string, _ float64) {
		t.Run(backend+"/"+network, func(t *testing.T) {
			t.Parallel()
			c := saturated(t, backend, network)
			time.Sleep(100 * time.Millisecond) // all connections accepted
			report, n, calls := underStrace(t, c, 2000)
			t.Logf("%d messages; the server: %v; strace: %v", report.Answered, n.Map(), calls)
			for _, kind := range []struct {
				names []string
				own   uint64
				slack float64
			}{
				{[]string{"recvfrom", "recvmmsg", "read"}, n[backends.SysRecv], 64 + 5}, // the ends of connections may not be published yet
				{[]string{"sendto", "sendmmsg"}, n[backends.SysSend], 5},
				{[]string{"epoll_pwait2", "io_uring_enter"}, n[backends.SysWait], 5},
			} {
				var got uint64
				for _, name := range kind.names {
					if name == "read" && backend == "epoll" {
						continue // of the control pipe
					}
					got += calls[name]
				}
				if kind.names[0] == "recvfrom" && backend == "uring" {
					continue // reads of the control pipe only
				}
				if d := math.Abs(float64(got) - float64(kind.own)); d > 0.01*float64(kind.own)+kind.slack {
					t.Errorf("strace saw %d calls of %v, the server counted %d", got, kind.names, kind.own)
				}
			}
		})
	})
}

// What a run prints, its own count plus what the audit finds besides, is the
// total that strace sees, to one per cent: the Go runtime's calls and the control
// pipe's included. Those come by the second and not by the message, and strace
// sees a longer stretch than the audit; so they are scaled by time.
func TestPrintedSyscallsAgreeWithStrace(t *testing.T) {
	testenv.Full(t)
	needTrace(t)
	testenv.Need(t, "strace", testenv.Program("strace"))
	for backend := range ceilings {
		t.Run(backend, func(t *testing.T) {
			var all []string
			for range 6 {
				printed, seen, messages := printedAndSeen(t, backend)
				all = append(all, fmt.Sprintf("printed %.4f, strace %.4f", printed, seen))
				// Some dozens of calls go with starting and stopping, more where
				// that takes long.
				if math.Abs(printed-seen) <= 0.01*seen+300/messages {
					t.Log(all)
					return
				}
			}
			t.Errorf("more than 1 %% apart: %v", all)
		})
	}
}

// printedAndSeen are the system calls a message of one saturated server, as a
// run reports them and as strace counted them.
func printedAndSeen(t *testing.T, backend string) (printed, seen, messages float64) {
	t.Helper()
	c := saturated(t, backend, "tcp")
	defer c.stop()
	time.Sleep(100 * time.Millisecond) // all connections accepted
	finish := attachStrace(t, c.pid)
	began := time.Now()
	before := counters(t, c)
	startLoad(t, c)
	trace, err := meter.TraceSyscalls(c.pid)
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	if err := trace.Enable(); err != nil {
		t.Fatal(err)
	}
	var edges [2]stock
	for i := range edges {
		s, err := takeStock(t.Context(), []*contestant{c}, []*meter.SyscallTrace{trace})
		if err != nil {
			t.Fatal(err)
		}
		edges[i] = s[0]
		if i == 0 {
			time.Sleep(1500 * time.Millisecond)
		}
	}
	own := edges[1].counters.Sub(edges[0].counters)
	calls := float64(edges[1].calls-edges[0].calls) - float64(own.Syscalls())
	other := calls / float64(edges[1].now-edges[0].now) // a nanosecond
	var report clientReport
	if err := c.client.Call(t.Context(), "stop", nil, &report); err != nil {
		t.Fatal(err)
	}
	n := counters(t, c).Sub(before)
	other *= float64(time.Since(began))
	var total uint64
	for _, k := range finish() {
		total += k
	}
	messages = float64(report.Answered)
	return (float64(n.Syscalls()) + other) / messages, float64(total) / messages, messages
}

// underStrace puts the load on until so many messages are answered. From before it
// until after it strace sees the calls and the server counts.
func underStrace(t *testing.T, c *contestant, messages float64) (report clientReport, n backends.Counters, calls map[string]uint64) {
	t.Helper()
	finish := attachStrace(t, c.pid)
	before := counters(t, c)
	startLoad(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	eventually(t, "the messages are answered", func() bool {
		var now progress
		if err := c.client.Call(ctx, "progress", nil, &now); err != nil {
			t.Fatal(err)
		}
		return float64(now.Answered) >= messages
	})
	if err := c.client.Call(ctx, "stop", nil, &report); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server is at rest", func() bool {
		last := n
		n = counters(t, c)
		return n == last
	})
	return report, n.Sub(before), finish()
}

// attachStrace counts the calls of a process; finish ends that and returns the
// count by name.
func attachStrace(t *testing.T, pid int) (finish func() map[string]uint64) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "strace")
	cmd := exec.Command("strace", "-f", "-c", "-o", out, "-p", strconv.Itoa(pid))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	eventually(t, "strace has every thread", func() bool { return tracedThreads(pid) })
	return func() map[string]uint64 {
		t.Helper()
		if err := cmd.Process.Signal(unix.SIGINT); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done: // it ends by the signal it was sent
		case <-time.After(60 * time.Second):
			t.Fatal("strace does not end")
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]uint64{}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) >= 5 && f[len(f)-1] != "total" {
				if n, err := strconv.ParseUint(f[3], 10, 64); err == nil {
					calls[f[len(f)-1]] = n
				}
			}
		}
		if len(calls) == 0 {
			t.Fatalf("strace printed no counts:\n%s", b)
		}
		return calls
	}
}

// tracedThreads reports whether every thread of a process has a tracer.
func tracedThreads(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, name := range files {
		b, _ := os.ReadFile(name)
		if strings.Contains(string(b), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(files) > 0
}

// What a run prints of the audit agrees with the counters, although the two
// windows are different ones: for epoll, whose calls a message depend little on
// how the load bunches.
func TestAuditOfARun(t *testing.T) {
	needTrace(t)
	o := options("epoll")
	o.echo().Conns, o.Audit, o.Duration = []int{64}, true, 300*time.Millisecond
	var last string
	for range 5 {
		trial := mustRun(t, o).Trials[0]
		if trial.CountedSyscalls == nil || trial.TracedSyscalls == nil { // a stall can leave the window, or the audit, without a message
			last = fmt.Sprintf("calls a message: counted %v, traced %v (%s)", trial.CountedSyscalls, trial.TracedSyscalls, trial.TraceFailure)
			continue
		}
		last = fmt.Sprintf("counted %.3f, traced %.3f", *trial.CountedSyscalls, *trial.TracedSyscalls)
		if math.Abs(*trial.TracedSyscalls / *trial.CountedSyscalls - 1) < 0.1 {
			t.Log(last)
			return
		}
	}
	t.Error(last)
}
