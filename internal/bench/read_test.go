package bench

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/storage"
	"github.com/ringbench/ringbench/internal/testenv"
)

// readOptions are a short comparison on a file of 1 MiB.
func readOptions(t testing.TB, g ReadGrid, backends ...string) Options {
	o := options(backends...)
	if g.Op == "" {
		g.Op = "read"
	}
	if len(g.Sizes) == 0 {
		g.Sizes = []int{4096}
	}
	if len(g.Depths) == 0 {
		g.Depths = []int{4}
	}
	if len(g.Patterns) == 0 {
		g.Patterns = []string{Random}
	}
	if g.File == "" {
		g.Dir, g.FileBytes = t.TempDir(), 1<<20
	}
	o.Grid = &g
	return o
}

// A load that drives itself leaves it little time to answer, and us little to look
// for what a program has started: nothing is asked of it until it has ended.
func TestLoadThatDrivesItselfIsLeftAlone(t *testing.T) {
	_, c := start(t, readOptions(t, ReadGrid{}, "net"))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readCounters(over, []*contestant{c}); err != nil {
		t.Errorf("it is asked for its counters: %v", err)
	}
	for _, program := range []struct {
		contestant
		read bool
	}{
		{contestant{pid: os.Getpid(), server: c.server, client: c.server}, false},
		{contestant{pid: os.Getpid(), server: c.server}, true},
	} {
		trees, err := readTrees([]*contestant{&program.contestant})
		if read := !reflect.DeepEqual(trees[0], meter.Tree{}); err != nil || read != program.read {
			t.Errorf("what a program started was read: %v, %v, want %v", read, err, program.read)
		}
	}
}

// drive runs the load of c until n operations have ended.
func (c *contestant) drive(t *testing.T, n float64) (report clientReport, counted backends.Counters) {
	t.Helper()
	startLoad(t, c)
	return c.goOn(t, n)
}

// goOn lets a load go on until n operations have ended, and ends it.
func (c *contestant) goOn(t *testing.T, n float64) (report clientReport, counted backends.Counters) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	eventually(t, "enough operations have ended", func() bool {
		var now progress
		if err := c.client.Call(ctx, "progress", nil, &now); err != nil {
			t.Fatal(err)
		}
		return now.Answered >= n
	})
	if err := c.client.Call(ctx, "stop", nil, &report); err != nil {
		t.Fatal(err)
	}
	if err := c.server.Call(ctx, "counters", nil, &counted); err != nil {
		t.Fatal(err)
	}
	return report, counted
}

// What strace sees of each backend's calls on the file is what the loops count
// and what was read.
func TestReadsAgreeWithStrace(t *testing.T) {
	testenv.Need(t, "strace", testenv.Program("strace"))
	testenv.Need(t, "root", testenv.Root())
	for _, backend := range []string{"uring", "epoll", "threadpool", "net"} {
		t.Run(backend, func(t *testing.T) {
			_, c := start(t, readOptions(t, ReadGrid{}, backend))
			finish := attachStrace(t, c.pid)
			environ, err := os.ReadFile("/proc/" + strconv.Itoa(c.pid) + "/environ")
			if quiet := strings.Contains(string(environ), "asyncpreemptoff=1"); err != nil || quiet != (backend != "net") {
				t.Errorf("without preemption: %v, %v", quiet, err)
			}
			report, n := c.drive(t, 400)
			calls := finish()
			t.Logf("%d reads: %v; strace: %v", report.Answered, n.Map(), calls)
			if backend == "uring" {
				// The first and the last are before and after strace.
				if own, got := n[backends.SysWait], calls["io_uring_enter"]; calls["pread64"] > 0 || got > own || got+2 < own {
					t.Errorf("strace saw %d of io_uring_enter and %d of pread64, the loop counted %d", got, calls["pread64"], own)
				}
				return
			}
			// A call that a signal interrupts is begun anew, and counted so by strace; where
			// the runtime preempts by signal that may befall a few.
			again := uint64(0)
			if backend == "net" {
				again = 4
			}
			if got := calls["pread64"]; got < report.Answered || got > report.Answered+again || n[backends.SysRecv] != report.Answered {
				t.Errorf("strace saw %d of pread64, the loops counted %d, and %d have ended", got, n[backends.SysRecv], report.Answered)
			}
		})
	}
}

// A process that is stopped for a known time reads nothing. Whatever is due
// meanwhile is read late, which its response time says and its service time does not.
func TestStallInReads(t *testing.T) {
	testenv.Full(t)
	const rate, stall = 1000, 200 * time.Millisecond
	for _, backend := range []string{"uring", "epoll", "threadpool", "net"} {
		t.Run(backend, func(t *testing.T) {
			b, err := backends.Lookup(backend)
			if err != nil {
				t.Fatal(err)
			}
			testenv.Need(t, backend, b.Probe())
			_, c := start(t, readOptions(t, ReadGrid{Depths: []int{1}, Pace: Pace{Rates: []float64{rate}}}, backend))
			startLoad(t, c)
			if err := stopFor(c.pid, stall); err != nil {
				t.Fatal(err)
			}
			report, _ := c.goOn(t, rate*stall.Seconds()+100)
			late, slow := over(*report.Response, stall/2), over(report.Service, stall/4)
			// Half of those that are due in the stall wait for longer than half of it.
			if n := late * float64(report.Messages); n < 0.97*rate*stall.Seconds()/2 {
				t.Errorf("%.0f of %d reads were late by half of a stall in which %v were due", n, report.Messages, rate*stall.Seconds())
			}
			if slow > late/4 {
				t.Errorf("%.3f of the reads took long themselves, of %.3f that were late", slow, late)
			}
		})
	}
}

// stopFor stops a process for at least so long.
func stopFor(pid int, d time.Duration) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for st, _ := procStat(pid); st != "T"; st, _ = procStat(pid) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(d)
	return syscall.Kill(pid, syscall.SIGCONT)
}

// The kernel's account of the process has as many bytes as were read: asked for by
// calls, which those of a ring are not, and, around the page cache, fetched from
// the device.
func TestReadsAgreeWithProcIO(t *testing.T) {
	for _, backend := range []string{"uring", "epoll", "threadpool", "net"} {
		for field, direct := range map[string]bool{"rchar": false, "read_bytes": true} {
			if backend == "uring" && !direct {
				continue
			}
			t.Run(backend+"/"+field, func(t *testing.T) {
				t.Parallel()
				b, err := backends.Lookup(backend)
				if err != nil {
					t.Fatal(err)
				}
				testenv.Need(t, backend, b.Probe())
				o := readOptions(t, ReadGrid{Direct: direct}, backend)
				if _, err := o.Grid.Loads(); err != nil {
					testenv.Need(t, "disk", err)
				}
				r, c := start(t, o)
				before := procIO(t, c.pid)
				report, _ := c.drive(t, 1000)
				got := procIO(t, c.pid)[field] - before[field]
				const control = 1 << 16 // bytes by its pipe, at most
				if want := report.Answered * uint64(r.plan.Cells[0].Size); got < want || got > want+control {
					t.Errorf("%d reads are %d bytes; the kernel counted %d", report.Answered, want, got)
				}
			})
		}
	}
}

func procIO(t *testing.T, pid int) map[string]uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/io")
	if err != nil {
		testenv.Need(t, "root", err)
	}
	m := map[string]uint64{}
	for line := range strings.Lines(string(b)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		m[k], _ = strconv.ParseUint(v, 10, 64)
	}
	return m
}

// Trials are made hot or cold, each of them, and a file that cannot be is void.
func TestReadsColdAndHot(t *testing.T) {
	g := ReadGrid{Caches: []string{Hot, Cold}}
	o := readOptions(t, g, "epoll")
	o.Trials = 2
	if _, err := o.Grid.Loads(); err != nil {
		testenv.Need(t, "disk", err)
	}
	set := busyRun(t, o)
	warned := slices.ContainsFunc(set.Warnings, func(w string) bool { return strings.Contains(w, "cold at first was not for long") })
	warm := slices.ContainsFunc(set.Trials, func(tr result.Trial) bool {
		return set.Plan.Cells[tr.Cell].Cache == Cold && tr.Messages >= 1<<19/4096
	})
	if warned != warm {
		t.Errorf("half of the file is read: %v; warned: %v", warm, set.Warnings)
	}
	// A file that has shrunk since the plan was made can be no more hot.
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := planOf(t, readOptions(t, ReadGrid{File: path}, "epoll"))
	if err := os.Truncate(path, 5000); err != nil {
		t.Fatal(err)
	}
	set, err := Run(t.Context(), p, silent, nil)
	if err != nil {
		t.Fatal(err)
	}
	if void := set.Void(); len(void) != 1 || !strings.Contains(void[0].Void, "the file has shrunk: it ends at byte 5000") {
		t.Errorf("%+v", void)
	}
}

// A cold file is not warmed before its window, and a log has room by default.
func TestReadDefaults(t *testing.T) {
	o := readOptions(t, ReadGrid{Caches: []string{Cold}}, "epoll")
	if _, err := o.Grid.Loads(); err != nil {
		testenv.Need(t, "disk", err)
	}
	if p := planOf(t, o); p.WarmupSeconds != 0 {
		t.Errorf("a cold file has %v s of warm-up", p.WarmupSeconds)
	}
	g := o.Grid.(*ReadGrid)
	g.Op, g.Caches, g.FileBytes = "append", nil, 0
	most := storage.Most(g.Dir)
	if got := planOf(t, o).Cells[0].FileBytes; got < min(16<<30, most/5) || got > most {
		t.Errorf("a log may have %d bytes of %d", got, most)
	}
}

// Every process has as many Ps as its loops and their threads hold.
func TestReadsProcs(t *testing.T) {
	p := &result.Plan{ServerCPUs: []int{0}}
	for backend, want := range map[string]int{"uring": 3, "epoll": 35, "threadpool": 33, "net": 0, "null": 3} {
		c := result.Cell{Backend: backend, Loops: 2}
		c.Load = result.Load{Workload: "read", Op: "read", Size: 4096, Depth: 32, FileBytes: 1 << 20}
		s, err := readServer(c, p, "")
		if err != nil {
			t.Fatal(err)
		}
		if s.procs != want {
			t.Errorf("%s: GOMAXPROCS %d, want %d", backend, s.procs, want)
		}
		if loops := s.loops.loops; loops != 2 && (backend == "uring" || backend == "epoll") || loops != 0 && (backend == "threadpool" || backend == "net") {
			t.Errorf("%s: %d loops", backend, loops)
		}
	}
}

// A load that needs no file and no client is measured by the server's own clock.
func TestReadsFloor(t *testing.T) {
	o := readOptions(t, ReadGrid{}, "threadpool")
	set := mustRun(t, o)
	for range 3 { // the machine may stall for all of the window
		if set.Floor == nil || set.Floor.Messages > 0 {
			break
		}
		set = mustRun(t, o)
	}
	if f := set.Floor; f == nil || f.Messages == 0 || f.CPUSeconds <= 0 {
		t.Errorf("%+v", f)
	}
	if set.Plan.Client != "" || len(set.Plan.ClientCPUs) > 0 || set.Plan.Placement != Alone {
		t.Errorf("%+v", set.Plan)
	}
}
