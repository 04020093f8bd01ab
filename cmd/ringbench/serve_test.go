package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

// serve starts `ringbench serve echo` and returns the line it greets with and
// the address in it. The rest of what it prints goes to r.stdout.
func serve(t *testing.T, args ...string) (r *run, greeting, address string) {
	t.Helper()
	r = newRun(t, append([]string{"serve", "echo"}, args...)...)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	r.cmd.Stdout = writer
	r.start()
	writer.Close()
	out := bufio.NewReader(reader)
	if greeting, err = out.ReadString('\n'); err != nil {
		_ = r.cmd.Wait()
		t.Fatalf("it does not say that it listens: %v\n%s", err, &r.stderr)
	}
	if f := strings.Fields(greeting); len(f) > 4 {
		address = strings.TrimSuffix(f[4], ",") // BACKEND echo on NETWORK ADDRESS
	}
	rest := make(chan struct{})
	go func() {
		_, _ = io.Copy(&r.stdout, out)
		close(rest)
	}()
	r.rest = rest
	return r, greeting, address
}

// end sends a signal and waits until the server has ended.
func (r *run) end(sig os.Signal, files ...string) *run {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
	<-r.rest
	return r.wait(exitOK, files...)
}

// atRest reports whether all threads of the server sleep.
func (r *run) atRest() bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", r.cmd.Process.Pid))
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		state := b[bytes.LastIndexByte(b, ')')+2:]
		if state[0] != 'S' {
			return false
		}
	}
	return len(stats) > 0
}

// counter is a figure that a server printed when it ended.
func (r *run) counter(name string) (n int) {
	r.t.Helper()
	for line := range strings.Lines(r.stdout.String()) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			return atoi(f[1])
		}
	}
	r.t.Errorf("no counter %s in %q", name, &r.stdout)
	return -1
}

// What has connections is not offered datagrams, and does not take them.
func TestStreamsOnly(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"churn", "proxy", "stream", "serve proxy --origin=127.0.0.1:1", "serve stream --file=/etc/passwd"} {
		words := strings.Fields(command)
		offered := newRun(t, append(append([]string{"__complete"}, words...), "--network", "")...).start().wait(exitOK).stdout.String()
		if !strings.HasPrefix(offered, "tcp\ntcp6\nunix\n:") {
			t.Errorf("%s offers %q", command, offered)
		}
		if help := newRun(t, append(words, "--help")...).start().wait(exitOK).stdout.String(); !strings.Contains(help, "tcp, tcp6, unix") || strings.Contains(help, "udp") {
			t.Errorf("the help of %s: %s", command, help)
		}
		listen := "--trials=1"
		if words[0] == "serve" {
			listen = "--listen=127.0.0.1:0"
		}
		newRun(t, append(words, "--network=udp", listen)...).start().wait(exitUsage).says("--network", "udp", "tcp, tcp6, unix")
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"uring", "epoll", "threadpool", "net"} {
		for network, listen := range map[string]string{"tcp": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": "socket"} {
			t.Run(backend+"/"+network, func(t *testing.T) {
				t.Parallel()
				available(t, backend)
				if network == "tcp6" {
					l, err := net.Listen("tcp6", listen)
					testenv.Need(t, "ipv6", err)
					l.Close()
				}
				r, greeting, address := serve(t, "--backend="+backend, "--network="+network, "--listen="+listen)
				if want := fmt.Sprintf("%s echo on %s ", backend, network); !strings.HasPrefix(greeting, want) {
					t.Errorf("greeting %q does not begin with %q", greeting, want)
				}
				if backend == "uring" && !strings.Contains(greeting, ", tier ") {
					t.Errorf("greeting %q does not name the tier", greeting)
				}
				if network == "unix" {
					address = filepath.Join(r.dir, address)
				}
				echoes(t, network, address, 10_000)
				r.eventually("a server at rest", r.atRest) // counters are published when a loop goes to sleep
				sig := os.Interrupt
				if network == "tcp" {
					sig = syscall.SIGTERM
				}
				r.end(sig)
				for _, name := range []string{"bytes_in", "bytes_out"} {
					if n := r.counter(name); n != 10_000 {
						t.Errorf("%s is %d, and 10000 bytes were sent", name, n)
					}
				}
				if r.counter("syscalls") < 1 {
					t.Error("no system calls")
				}
				if r.stderr.Len() > 0 {
					t.Errorf("standard error: %q", &r.stderr)
				}
			})
		}
	}
}

func available(t *testing.T, backend string) {
	t.Helper()
	b, err := backends.Lookup(backend)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, backend, b.Probe())
}

// echoes sends n bytes to a server and wants them back, by package net.
func echoes(t *testing.T, network, address string, n int) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := make([]byte, n)
	for i := range sent {
		sent[i] = byte(i % 251)
	}
	go func() {
		_, _ = c.Write(sent) // what fails shows in what comes back
	}()
	got := make([]byte, n)
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("what came back is not what was sent: %v", err)
	}
}

// A port or a path that is taken, also by a server that would share it.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	one, _, address := serve(t, "--backend=epoll", "--loops=2", "--listen=127.0.0.1:0")
	for _, loops := range []string{"--loops=1", "--loops=2"} {
		newRun(t, "serve", "echo", "--backend=epoll", loops, "--listen="+address).start().wait(exitUsage).
			says("cannot listen on tcp "+address+": the address is in use", "choose another port (0 takes a free one)")
	}
	one.end(os.Interrupt)

	two, _, path := serve(t, "--backend=epoll", "--network=unix", "--listen=socket")
	path = filepath.Join(two.dir, path)
	if len(path) <= 107 {
		newRun(t, "serve", "echo", "--backend=epoll", "--network=unix", "--listen="+path).start().wait(exitUsage).
			says("cannot listen on unix "+path, "the path exists; remove it if no server uses it")
	}
	two.end(os.Interrupt)
}

// A server that runs already is driven, and measured if its process is named.
func TestTarget(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	server, _, address := serve(t, "--backend=epoll", "--listen=127.0.0.1:0")
	args := shortEcho("--target="+address, "--audit", "-o", "r.json")
	blind := measured(func() *run { return newRun(t, args...).start().wait(exitOK, "r.json") }).prints(address, "server that ran already")
	seen := measured(func() *run {
		return newRun(t, append(args, fmt.Sprintf("--target-pid=%d", server.cmd.Process.Pid))...).start().wait(exitOK, "r.json")
	})
	for _, tr := range blind.result("r.json").Trials {
		if tr.Void != "" || tr.Messages == 0 || tr.Server != nil {
			t.Errorf("void %q, %d messages, server %+v", tr.Void, tr.Messages, tr.Server)
		}
	}
	set := seen.result("r.json")
	for _, tr := range set.Trials {
		if tr.Void != "" || tr.Server == nil || tr.Server.PeakRSS < 1<<20 || tr.Server.Threads < 1 {
			t.Fatalf("void %q, server %+v", tr.Void, tr.Server)
		}
		stalled := strings.Contains(tr.TraceFailure, "no message")
		if set.Plan.Audit && !stalled && (tr.TracedSyscalls == nil || *tr.TracedSyscalls < 1) {
			t.Error("an epoll server makes at least two system calls a message; traced: ", tr.TracedSyscalls)
		}
	}
	server.end(os.Interrupt)
}

// A target that ends in mid-trial voids the trial.
func TestTargetEnds(t *testing.T) {
	testenv.Full(t)
	t.Parallel()
	server, _, address := serve(t, "--backend=epoll", "--listen=127.0.0.1:0")
	pid := fmt.Sprintf("--target-pid=%d", server.cmd.Process.Pid)
	r := newRun(t, "echo", "--target="+address, pid, "--conns=4", "--trials=1", "--duration=1m", "--rate=1000", "-o", "r.json").start()
	r.eventually("the connections", func() bool { return len(connections(t, address)) >= 4 })
	server.end(os.Interrupt)
	r.wait(exitFailed, "r.json").says("1 of 1 trials are void").prints("void: " + address)
}

// connections lists the lines of /proc/net/tcp that have the address as their
// own and are established.
func connections(t *testing.T, address string) (lines []string) {
	t.Helper()
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	own := fmt.Sprintf(":%04X", atoi(port))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[1], own) && f[3] == "01" {
			lines = append(lines, line)
		}
	}
	return lines
}
