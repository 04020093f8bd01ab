package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/testenv"
)

func public(t *testing.T) string {
	t.Helper()
	exe, err := publicBinary()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// The soft limit of open files is raised; with a hard limit that is just what
// the connections take, every backend works.
func TestJustEnoughDescriptors(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	limits := []string{"-nofile-soft=30", "-nofile-hard=266"} // 200 connections, 2 for the loop, 64
	args := shortEcho("--conns=200", "-o", "r.json", "--rate=2000", "--warmup=600ms", "--placement=shared")
	set := confined(t, limits, args...).start().wait(exitOK, "r.json").result("r.json")
	for _, tr := range set.Trials {
		if tr.Void != "" || tr.Unserved > 0 {
			t.Errorf("%s: void %q, %d connections unserved", set.Plan.Name(tr.Cell), tr.Void, tr.Unserved)
		}
	}
}

// Where a pool has more threads than events can be opened, the result says why
// its system calls were not counted by tracepoint: here the first pool of a duet
// takes the descriptors that the second would need.
func TestTooFewDescriptorsToTrace(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "root", testenv.Root())
	testenv.Need(t, "root", meter.CanTrace())
	limits := []string{"-nofile-soft=30", "-nofile-hard=266"}
	args := shortEcho("--backend=threadpool,threadpool", "--duet", "--audit", "--conns=200", "-o", "r.json", "--rate=2000", "--placement=shared")
	r := confined(t, limits, args...).start()
	for try := 1; r.cmd.Wait() != nil && strings.Contains(r.stderr.String(), "(--start-timeout)") && try < 3; try++ {
		t.Logf("started again: %s", &r.stderr)
		r = confined(t, limits, args...).start() // two pools on a busy CPU may take long to get ready
	}
	if code := r.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &r.stderr)
	}
	r.leavesNothing("r.json")
	r.prints("not counted by tracepoint in", "an event for each of its", "raise the limit with ulimit -n")
	var traced, failed int
	for _, tr := range r.result("r.json").Trials {
		if tr.TracedSyscalls != nil {
			traced++
		}
		if strings.Contains(tr.TraceFailure, "too many open files") {
			failed++
		}
	}
	// Of the two there is room for one, or for none while that has threads to spare.
	if failed < 1 || traced+failed != 2 {
		t.Errorf("of two trials %d traced, %d say that they are not", traced, failed)
	}
}

// The clients alone take a descriptor a connection, so that no backend can run.
func TestTooFewDescriptors(t *testing.T) {
	t.Parallel()
	limits := []string{"-nofile-soft=100", "-nofile-hard=265"}
	for _, which := range []string{"epoll", "all"} {
		confined(t, limits, "echo", "--backend="+which, "--conns=200").start().wait(exitUsage).says("--conns=200: 266 open files are needed, but the hard limit is 265", `"ulimit -Hn 266"`, "LimitNOFILE=", "fewer connections")
	}
}

// More connections than one address has ports are spread over 127.0.0.0/8; ::1
// has no neighbours.
func TestMoreConnectionsThanPorts(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	testenv.Need(t, "root", testenv.Root()) // to have a network with few ports
	limits := []string{"-ports=40000 40199"}
	args := shortEcho("--backend=epoll", "--conns=1000", "--rate=5000", "--warmup=600ms", "-o", "r.json")
	set := confined(t, limits, args...).start().wait(exitOK, "r.json").result("r.json")
	for _, tr := range set.Trials {
		if tr.Void != "" || tr.Unserved > 0 {
			t.Errorf("void %q, %d connections unserved", tr.Void, tr.Unserved)
		}
	}
	confined(t, limits, "echo", "--backend=epoll", "--conns=1000", "--network=tcp6").start().wait(exitUsage).
		says("--conns=1000: this machine has ports for 150 connections to one address by --network=tcp6", "ip_local_port_range", "unix")
	confined(t, limits, "echo", "--backend=epoll", "--conns=50000").start().wait(exitUsage).
		says("--conns=50000: this machine has ports for 37500 connections", "use --network=unix")
}

func TestTooFewThreads(t *testing.T) {
	testenv.Need(t, "root", testenv.Root()) // to become a user with few processes
	limits := []string{"-uid=65534", "-nproc=120", "-exe=" + public(t)}
	inDir := func(r *run) *run {
		for _, d := range []string{r.dir, r.tmp} {
			if err := os.Chmod(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	inDir(confined(t, limits, "echo", "--backend=threadpool", "--conns=200")).start().wait(exitUsage).
		says("threadpool with 200 connections needs 232 threads", "(ulimit -u) leaves", "raise it with ulimit -u", "--workers")
	// Of all, the pool alone is left out.
	all := inDir(confined(t, limits, shortEcho("--backend=all", "--conns=200", "--rate=2000", "--placement=shared")...)).start().wait(exitOK)
	all.prints("epoll", "net", "left out: threadpool with 200 connections needs 232 threads")
	// The other backends, and a pool that is limited, do without.
	inDir(confined(t, limits, shortEcho("--backend=epoll", "--conns=200", "--rate=2000")...)).start().wait(exitOK).prints("epoll")
	inDir(confined(t, limits, shortEcho("--backend=threadpool", "--workers=8", "--conns=12", "--rate=2000")...)).start().wait(exitOK).
		prints("never answered, waiting in the backlog")
}

// An unprivileged user gets all backends, and is told what only root can see.
func TestUnprivileged(t *testing.T) {
	testenv.Need(t, "root", testenv.Root()) // to give up
	b, err := backends.Lookup("uring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	r := confined(t, []string{"-uid=65534", "-exe=" + public(t)}, shortEcho("--audit", "--rate=1000", "--placement=shared")...)
	r.start().wait(exitOK).prints("uring", "epoll", "threadpool", "net", "system calls are counted by the backends themselves only")
}

// A result that cannot be stored is refused before the run.
func TestUnwritable(t *testing.T) {
	testenv.Need(t, "root", testenv.Root()) // to become a user who may not
	r := confined(t, []string{"-uid=65534", "-exe=" + public(t)}, "echo", "-o", "r.json")
	if err := os.Chmod(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.start().wait(exitUsage).says("write r.json: permission denied", "make . writable for this user or name a file elsewhere")
	r = confined(t, []string{"-uid=65534", "-exe=" + public(t)}, "serve", "echo", "--backend=epoll", "--listen=127.0.0.1:80")
	if ports, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil && atoi(string(ports)) > 80 {
		r.start().wait(exitUsage).says("cannot listen on tcp 127.0.0.1:80: not permitted; choose a port of 1024 or above")
	}
}

func atoi(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}
