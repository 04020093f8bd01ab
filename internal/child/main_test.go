package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // or every child of a race build sleeps a second before it exits
	if os.Getenv("CHILD_TEST_LIMITS") != "" {
		p, err := Start(Spec{Command: []string{"sh", "-c", "ulimit -Sn >&2; ulimit -Hn >&2"}})
		if err != nil {
			panic(err)
		}
		fmt.Print(p.Exit().Stderr)
		os.Exit(0)
	}
	if mode := os.Getenv("CHILD_TEST_SERVER"); mode != "" {
		server(mode, os.Args[1])
	}
	Main(map[string]func(*Control) error{
		"answer": answerRole,
		"parent": parentRole,
		"refuse": func(*Control) error { return errors.New("nothing to do here") },
		"panic":  func(*Control) error { panic("broken on purpose") },
		"linger": lingerRole,
	})
	os.Exit(m.Run())
}

// server is a foreign server that takes its time to end at SIGTERM, and then
// says so in a file. In a mode other than "plain" it does so in a process group
// or a session of its own, or not at all.
func server(mode, file string) {
	asked := make(chan os.Signal, 8)
	signal.Notify(asked, unix.SIGTERM)
	if mode == "own-group" {
		if err := unix.Setpgid(0, 0); err != nil {
			panic(err)
		}
	}
	if mode == "own-session" {
		if _, err := unix.Setsid(); err != nil {
			panic(err)
		}
	}
	fmt.Fprintln(os.Stderr, "serving as", os.Getpid())
	for <-asked; mode == "deaf"; <-asked {
	}
	time.Sleep(100 * time.Millisecond) // its wrapper is gone by now
	if err := os.WriteFile(file, []byte("ended in order"), 0o600); err != nil {
		panic(err)
	}
	os.Exit(0)
}

type handlers = map[string]func(json.RawMessage) (any, error)

// A self is what a child finds out about itself.
type self struct {
	PID, PGID, SID int
	Threads        []string // Cpus_allowed_list of every thread
	MaxProcs       int
	Role           string // what is left of the variable
	Extra          string
	Comm           string
	Autogroup      string
	Cgroup         string
}

func answerRole(c *Control) error {
	var config struct{ Greeting string }
	if err := c.Config(&config); err != nil {
		return err
	}
	c.Serve(handlers{
		"config": func(json.RawMessage) (any, error) { return config.Greeting, nil },
		"echo":   func(in json.RawMessage) (any, error) { return in, nil },
		"fail":   func(json.RawMessage) (any, error) { return nil, errors.New("no luck") },
		"self":   func(json.RawMessage) (any, error) { return lookAtSelf() },
		"sleep":  func(json.RawMessage) (any, error) { time.Sleep(time.Minute); return nil, nil },
		"freeze": func(json.RawMessage) (any, error) {
			runtime.LockOSThread() // this very thread stops: one that the kernel chose would let it reply before
			defer runtime.UnlockOSThread()
			return nil, unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
		},
		"segv": func(json.RawMessage) (any, error) { return nil, unix.Kill(os.Getpid(), unix.SIGKILL) },
		"exit": func(json.RawMessage) (any, error) {
			fmt.Fprintln(os.Stderr, "first line")
			fmt.Fprintln(os.Stderr, "the disk is on fire")
			os.Exit(3)
			return nil, nil
		},
	})
	return nil
}

func lookAtSelf() (any, error) {
	s := self{PID: os.Getpid(), PGID: unix.Getpgrp(), MaxProcs: runtime.GOMAXPROCS(0),
		Role: os.Getenv(roleVar), Extra: os.Getenv("EXTRA"), Comm: readTrimmed("/proc/self/comm"),
		Autogroup: readTrimmed("/proc/self/autogroup"), Cgroup: readTrimmed("/proc/self/cgroup")}
	s.SID, _ = unix.Getsid(0)
	statuses, err := filepath.Glob("/proc/self/task/*/status")
	for _, name := range statuses {
		s.Threads = append(s.Threads, statusField(name, "Cpus_allowed_list"))
	}
	return s, err
}

func statusField(name, field string) string {
	for line := range strings.Lines(readTrimmed(name)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// parentRole starts a child of either kind and tells their process ids.
func parentRole(c *Control) error {
	ours, err := Start(Spec{Role: "answer"})
	if err != nil {
		return err
	}
	foreign, err := Start(Spec{Command: []string{"sleep", "1000"}, Session: true})
	if err != nil {
		return err
	}
	c.Serve(handlers{"pids": func(json.RawMessage) (any, error) { return []int{ours.PID(), foreign.PID()}, nil }})
	return nil
}

// lingerRole ends, but leaves a process in its group that holds its standard error.
func lingerRole(*Control) error {
	cmd := exec.Command("sleep", "1000")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	return fmt.Errorf("left %d", cmd.Process.Pid)
}

func start(t *testing.T, spec Spec) *Proc {
	t.Helper()
	p, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	return p
}

// running reports whether a process exists and is more than a zombie.
func running(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	s := string(b)
	state, _, _ := strings.Cut(s[strings.LastIndexByte(s, ')')+2:], " ")
	return state != "Z" && state != "X"
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}
