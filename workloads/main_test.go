package workloads_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	_ "github.com/ringbench/ringbench/backends/epoll"
	_ "github.com/ringbench/ringbench/backends/gonet"
	_ "github.com/ringbench/ringbench/backends/threadpool"
	_ "github.com/ringbench/ringbench/backends/uring"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/workloads"
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	watchFamilies()
	child.Main(map[string]func(*child.Control) error{"echo": role(workloads.StartEcho), "proxy": role(workloads.StartProxy), "bulk": role(workloads.StartBulk), "stream": role(workloads.StartStream)})
	testenv.Waiting()
	os.Exit(m.Run())
}

// families are the backends that serve sockets.
var families = []string{"uring", "epoll", "threadpool", "net"}

// A state is what a server process says of itself.
type state struct {
	Files    int // sockets and pipes with a descriptor, in whichever table
	RSS      int // KiB
	Counters backends.Counters
}

// role runs a server: its loops last as long as their process.
func role[Config any](start func(Config) (*workloads.Server, error)) func(*child.Control) error {
	return func(c *child.Control) error {
		var cfg Config
		if err := c.Config(&cfg); err != nil {
			return err
		}
		s, err := start(cfg)
		if err != nil {
			return err
		}
		tell(c, s)
		return nil
	}
}

// tell answers what a test asks of the server.
func tell(c *child.Control, s *workloads.Server) {
	go func() {
		fmt.Fprintln(os.Stderr, <-s.Failed())
		os.Exit(1)
	}()
	c.Serve(map[string]func(json.RawMessage) (any, error){
		"addr": func(json.RawMessage) (any, error) { return s.Addr(), nil },
		"mallocs": func(json.RawMessage) (any, error) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.Mallocs, nil
		},
		"ops": func(json.RawMessage) (any, error) { return watched.list(), nil },
		"state": func(json.RawMessage) (any, error) {
			return state{files(), resident(), s.Counters()}, nil
		},
	})
}

// files counts sockets and pipes that any thread has a descriptor of: loops may
// have a table of their own (backends.OwnDescriptors).
func files() int {
	seen := map[string]bool{}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		dir := "/proc/self/task/" + task.Name() + "/fd/"
		fds, _ := os.ReadDir(dir) // fails for a thread that has ended
		for _, fd := range fds {
			if to, err := os.Readlink(dir + fd.Name()); err == nil && (strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "pipe:")) {
				seen[to] = true
			}
		}
	}
	return len(seen)
}

func resident() (kib int) {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			fmt.Sscan(v, &kib)
		}
	}
	return kib
}

// A server is one under test in a process of its own.
type server struct {
	t    *testing.T
	cfg  workloads.Config
	proc *child.Proc
	addr string
}

// serve starts an echo server; zero values of cfg choose the test's defaults.
func serve(t *testing.T, cfg workloads.Config) *server {
	t.Helper()
	return start(t, "echo", cfg, func(cfg workloads.Config) any { return cfg })
}

// start starts a server in that role, of which whole makes the configuration.
func start(t *testing.T, role string, cfg workloads.Config, whole func(workloads.Config) any) *server {
	t.Helper()
	needBackend(t, cfg.Backend)
	cfg.Address = workloads.LoopbackAddress(cfg.Network)
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	if cfg.Bufs == 0 {
		cfg.Bufs, cfg.BufSize = 256, 4096
	}
	p, err := child.Start(child.Spec{Role: role, Config: whole(cfg), GoMaxProcs: cfg.Loops + 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, cfg: cfg, proc: p}
	t.Cleanup(func() {
		select {
		case <-p.Done():
			t.Errorf("the server ended: %s: %s", p.Exit().Status, p.Exit().Stderr)
		default:
		}
		p.Stop(2 * time.Second)
	})
	s.call("addr", &s.addr)
	return s
}

func needBackend(t *testing.T, name string) {
	t.Helper()
	b, err := backends.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, name, b.Probe())
}

func (s *server) call(method string, out any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	if err := s.proc.Call(ctx, method, nil, out); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) state() (st state) {
	s.t.Helper()
	s.call("state", &st)
	return st
}
