package bench

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
)

// proxyOptions are a comparison of proxies over quickly.
func proxyOptions(backends ...string) Options {
	o := options(backends...)
	grid := *o.echo()
	grid.Conns = []int{4}
	o.Grid = &ProxyGrid{EchoGrid: grid, Modes: []string{ModeRequest}}
	return o
}

// Three processes on every backend and network: all are metered, the CPU of each
// is its own, and the system calls are those that passing a message on twice takes.
func TestProxy(t *testing.T) {
	t.Parallel()
	for network, names := range map[string][]string{"tcp": {"all", "epoll+splice", "threadpool+splice", "uring+splice"}, "unix": {"epoll", "uring+splice"}} {
		o := proxyOptions(names...)
		o.Grid.(*ProxyGrid).Networks = []string{network}
		set := busyRun(t, o)
		for i := range set.Trials {
			trial := &set.Trials[i]
			name := set.Plan.Name(trial.Cell)
			if trial.Server == nil || trial.Client == nil || trial.Origin == nil {
				t.Fatalf("%s: %+v", name, trial)
			}
			for side, cpu := range map[string]float64{"proxy": trial.Server.CPUSeconds, "client": trial.Client.CPUSeconds, "origin": trial.Origin.CPUSeconds} {
				if cpu <= 0 {
					t.Errorf("%s: the %s used no CPU", name, side)
				}
			}
			b, err := backends.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			// Of the server's messages, of which some came or went before it was read.
			edges := 4 * 6 / (float64(trial.Counters["bytes_in"]) / set.Plan.Cells[trial.Cell].UnitBytes())
			least := map[string]float64{"epoll": 4, "threadpool": 4, "epoll+splice": 4, "threadpool+splice": 4}[name]
			switch calls := trial.CountedSyscalls; {
			case b.Traits().Copies && calls != nil:
				t.Errorf("%s cannot know its system calls and gives %v a message", name, *calls)
			case b.Traits().Copies:
			case calls == nil && trial.Counters["bytes_in"] == 0:
			case calls == nil || *calls < 0.95*least-edges || *calls > 40+edges:
				t.Errorf("%s: %v system calls a message, at least %v are needed", name, calls, least)
			}
		}
	}
}

// Two proxies at the same moment, each between a client and an origin of its own.
func TestProxyDuet(t *testing.T) {
	t.Parallel()
	o := proxyOptions("epoll", "threadpool")
	o.Duet = true
	set := mustRun(t, o)
	if len(set.Pairs()) != 1 {
		t.Fatalf("%d pairs", len(set.Pairs()))
	}
}

// Client and origin share the CPUs that the server leaves, and origins have their
// own where there are some; what is asked for must not be the server's.
func TestPlaceOrigin(t *testing.T) {
	p := planOf(t, proxyOptions("epoll"))
	if len(p.OriginCPUs) == 0 {
		t.Fatal("the origin has no CPU")
	}
	if p.Placement == Split && slices.ContainsFunc(p.OriginCPUs, func(c int) bool { return slices.Contains(p.ServerCPUs, c) }) {
		t.Errorf("server on %v, origin on %v", p.ServerCPUs, p.OriginCPUs)
	}
	if p := planOf(t, options("epoll")); p.OriginCPUs != nil {
		t.Errorf("an echo has an origin on %v", p.OriginCPUs)
	}
	o := proxyOptions("epoll")
	o.Placement, o.ServerCPUs, o.OriginCPUs = Split, "0", "0"
	if _, _, err := o.Plan(); err == nil || p.Placement == Split && !strings.Contains(err.Error(), "server and origin apart") {
		t.Errorf("server and origin on one CPU: %v", err)
	}
}

// HAProxy in TCP mode beside ours.
func TestHAProxy(t *testing.T) {
	testenv.Full(t)
	testenv.Need(t, "haproxy", testenv.Program("haproxy"))
	cfg := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(cfg, []byte(`
global
	nbthread 1
defaults
	mode tcp
	timeout connect 10s
	timeout client 1m
	timeout server 1m
frontend in
	bind 127.0.0.1:${RINGBENCH_PORT}
	default_backend out
backend out
	server origin ${RINGBENCH_ORIGIN}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	o := proxyOptions("epoll")
	run := script(t, "export RINGBENCH_PORT=$1 RINGBENCH_ORIGIN=$2", "exec haproxy -db -f "+cfg)
	o.Commands = []string{"haproxy=" + run + " {port} {origin}"}
	o.BackendsByUser = true
	set := busyRun(t, o)
	for i := range set.Trials {
		if trial := &set.Trials[i]; trial.Server == nil || trial.Ending != "" {
			t.Errorf("%s: %d messages, server %v, %s", set.Plan.Name(trial.Cell), trial.Messages, trial.Server, trial.Ending)
		}
	}
	if len(set.Trials) != 2 {
		t.Errorf("%d trials", len(set.Trials))
	}
}

// Bytes in bulk, each way and both, on different backends: what the client counts
// is what the proxy has received by its own counters.
func TestProxyStreams(t *testing.T) {
	t.Parallel()
	names := []string{"epoll", "threadpool+splice", "uring"}
	if testenv.IsLong() {
		names = []string{"all", "epoll+splice", "threadpool+splice", "uring+splice"}
	}
	o := proxyOptions(names...)
	grid := o.Grid.(*ProxyGrid)
	grid.Modes, grid.Directions, grid.Sizes = []string{ModeStream}, []string{"down", "up", "both"}, nil
	set := busyRun(t, o)
	for i := range set.Trials {
		trial := &set.Trials[i]
		l := set.Plan.Cells[trial.Cell].Load
		name := set.Plan.Name(trial.Cell) + " " + l.Direction
		in := float64(trial.Counters["bytes_in"])
		if in == 0 { // counted when a connection has ended
			continue
		}
		if want := trial.Messages * uint64(l.UnitBytes()); trial.Bytes != want {
			t.Errorf("%s: %d bytes verified of %d", name, trial.Bytes, want)
		}
		// The counters began before the window, or not long after it opened, and
		// ended after it.
		if bytes := float64(trial.Messages) * l.UnitBytes(); trial.Disturbed == "" && in < 0.7*bytes {
			t.Errorf("%s: the client counts %.0f bytes, the proxy has received %.0f", name, bytes, in)
		}
	}
}

// A proxy that changes one byte is found out, in whichever direction.
func TestProxyCorruption(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"down", "up", "request"} {
		o := proxyOptions("all")
		grid := o.Grid.(*ProxyGrid)
		flip := "down"
		if mode != "request" {
			grid.Modes, grid.Directions, grid.Sizes = []string{ModeStream}, []string{mode}, nil
			flip = mode
		}
		o.Commands = []string{"corrupt=" + exe + " known-corrupt {port} {origin} " + flip}
		var set *result.Set
		for range 5 { // on a machine that stalls nothing may come within a window
			if set, err = Run(t.Context(), planOf(t, o), silent, nil); err != nil {
				t.Fatal(err)
			}
			if len(set.Trials) != 1 || set.Trials[0].Void != "" || set.Trials[0].Messages > 0 {
				break
			}
		}
		if len(set.Trials) != 1 || set.Trials[0].Void == "" {
			t.Errorf("%s: a changed byte is not found out: %+v", mode, set.Trials)
		} else if why := set.Trials[0].Void; !strings.Contains(why, "wrong byte") && !strings.Contains(why, "was lost") {
			t.Errorf("%s: %s", mode, why)
		}
	}
}

// A server that answers by itself is no proxy.
func TestProxyWithoutOrigin(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := proxyOptions("all")
	o.Commands = []string{"echo=" + exe + " known-prefork {port} {origin}"}
	set, err := Run(t.Context(), planOf(t, o), silent, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Trials) != 1 || !strings.Contains(set.Trials[0].Void, "echo does not pass on to its origin") {
		t.Errorf("%+v", set.Trials)
	}
}

// corruptProxy is a proxy by package net that changes byte 100 of each
// connection in one direction: PORT ORIGIN down|up.
func corruptProxy(args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	if err != nil {
		panic(err)
	}
	pass := func(to, from net.Conn, corrupt bool) {
		b := make([]byte, 32<<10)
		for at := 0; ; {
			n, err := from.Read(b)
			if i := 100 - at; corrupt && i >= 0 && i < n {
				b[i] ^= 1
			}
			at += n
			if _, werr := to.Write(b[:n]); err != nil || werr != nil {
				to.Close()
				from.Close()
				return
			}
		}
	}
	for {
		client, err := l.Accept()
		if err != nil {
			panic(err)
		}
		origin, err := net.Dial("tcp", args[1])
		if err != nil {
			panic(err)
		}
		go pass(origin, client, args[2] == "up")
		go pass(client, origin, args[2] == "down")
	}
}
