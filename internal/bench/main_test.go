package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/ringbench/ringbench/backends/epoll"
	_ "github.com/ringbench/ringbench/backends/gonet"
	_ "github.com/ringbench/ringbench/backends/null"
	_ "github.com/ringbench/ringbench/backends/threadpool"
	_ "github.com/ringbench/ringbench/backends/uring"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

var soak = flag.Uint64("soak", 0, "echo this many messages through each of uring and epoll")

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "known-stall", "known-serial":
			knownServer(os.Args[1:])
		case "known-prefork":
			preforkServer(os.Args[2])
		case "known-worker":
			preforkWorker()
		case "known-corrupt":
			corruptProxy(os.Args[2:])
		}
	}
	roles := Roles()
	roles["harness"] = harnessRole
	child.Main(roles)
	registerFake()
	testenv.Waiting()
	if testenv.IsLong() {
		longStalls()
	}
	os.Exit(m.Run())
}

// options are an echo comparison over quickly.
func options(backends ...string) Options {
	if len(backends) == 0 {
		backends = []string{"all"}
	}
	return Options{
		Grid:     &EchoGrid{Networks: []string{"tcp"}, Conns: []int{1}, Sizes: []int{64}, Pipelines: []int{1}},
		Backends: backends,
		Loops:    1, Duration: 100 * time.Millisecond, Warmup: 50 * time.Millisecond, Trials: 1, Seed: 1, Client: DefaultClient, Patience: DefaultPatience,
	}
}

// echo is the grid of options, to be changed.
func (o *Options) echo() *EchoGrid { return o.Grid.(*EchoGrid) }

func planOf(t testing.TB, o Options) *result.Plan {
	t.Helper()
	p, _, err := o.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func silent(Step, *result.Set) {}

// mustRun carries out a plan that must succeed.
func mustRun(t testing.TB, o Options) *result.Set {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	set, err := Run(ctx, planOf(t, o), silent, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range set.Void() {
		t.Fatalf("a trial of %s is void: %s", set.Plan.Name(v.Cell), v.Void)
	}
	return set
}

// busyRun is mustRun with a window in which something comes in every trial, however
// busy the machine.
func busyRun(t *testing.T, o Options) *result.Set {
	t.Helper()
	for range 6 {
		set := mustRun(t, o)
		if !slices.ContainsFunc(set.Trials, func(trial result.Trial) bool { return trial.Messages == 0 }) {
			return set
		}
		o.Duration *= 2
	}
	t.Fatalf("nothing comes in a window of %v", o.Duration/2)
	return nil
}

// harnessRole is a whole run in a process of its own, to be killed.
func harnessRole(c *child.Control) error {
	var p result.Plan
	if err := c.Config(&p); err != nil {
		return err
	}
	go Run(context.Background(), &p, silent, nil)
	c.Serve(map[string]func(json.RawMessage) (any, error){
		"children": func(json.RawMessage) (any, error) { return children(os.Getpid()), nil },
	})
	return errors.New("unreachable")
}

// children lists the processes whose parent is pid, by /proc.
func children(pid int) (pids []int) {
	for _, n := range child.Processes() {
		if st, ppid := procStat(n); ppid == pid && st != "Z" {
			pids = append(pids, n)
		}
	}
	return pids
}

// procStat is the state and the parent of a process; "" when there is none.
func procStat(pid int) (state string, ppid int) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	ppid, _ = strconv.Atoi(f[1])
	return f[0], ppid
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}
