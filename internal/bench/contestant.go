package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// DefaultPatience is how long a server and its client may take to get ready, and
// to answer when the load is over.
const DefaultPatience = 30 * time.Second

// grace is how long a process may take to end by itself.
const grace = 2 * time.Second

// lastWords is how long the end of a process may take to be seen when something
// else has told of it.
const lastWords = 500 * time.Millisecond

// A contestant is the server of one trial and the client that drives it.
type contestant struct {
	cell   result.Cell
	server *child.Proc // nil when it was running already
	pid    int         // of the server; 0: not known
	own    bool        // the server is ours: it has counters
	// pool: the server is a thread pool of ours. Under a load of thousands of
	// workers the runtime gets round to answering us only when the load is
	// over, so its counters are read before and after it.
	pool   bool
	idle   backends.Counters // of a pool, before the load
	client *child.Proc
	about  listening
}

// start brings up the server and connects the client.
func (r *runner) start(ctx context.Context, cell result.Cell) (_ *contestant, err error) {
	c := &contestant{cell: cell}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	patience := r.patience()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not ready within %v (--start-timeout)", patience))
	defer cancel()
	switch {
	case cell.Target != "":
		c.pid, c.about.Addr = cell.TargetPID, cell.Target
	case cell.Command != "":
		err = c.startForeign(ctx, r.plan)
	default:
		err = c.startOwn(ctx, r.plan)
	}
	if err != nil {
		return nil, err
	}
	if err := c.connect(ctx, r.plan); err != nil {
		return nil, c.blame(err)
	}
	if c.own {
		if err := c.settle(ctx); err != nil {
			return nil, c.blame(err)
		}
	}
	if c.pool {
		if err := c.server.Call(ctx, "counters", nil, &c.idle); err != nil {
			return nil, c.blame(err)
		}
	}
	return c, nil
}

func (r *runner) patience() time.Duration {
	if d := seconds(r.plan.PatienceSeconds); d > 0 {
		return d
	}
	return DefaultPatience
}

// settle waits until the server has accepted all connections that it has
// workers for. A pool that grows while it serves competes with its own load: of
// 1,000 connections to a thread pool, 80 had no worker after a second.
func (c *contestant) settle(ctx context.Context) error {
	want := c.places()
	for accepted := 0; ; {
		if err := c.server.Call(ctx, "accepted", nil, &accepted); err != nil {
			return err
		}
		if accepted >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the %s server has accepted %d of %d connections: %w", c.cell.Contestant, accepted, want, context.Cause(ctx))
		case <-c.server.Done():
			return fmt.Errorf("the %s server ended", c.cell.Contestant) // and blame says how
		case <-time.After(time.Millisecond):
		}
	}
}

// places is how many of the connections a server of ours serves at a time.
func (c *contestant) places() int {
	if c.cell.Workers > 0 {
		return min(c.cell.Workers, c.cell.Conns)
	}
	return c.cell.Conns
}

// blame names the end of the server as the cause where there was one: its
// client only sees connections that break, and may tell first. Of what was lost
// in a trial it is else the client's, should a meter have missed that first.
func (c *contestant) blame(err error) error {
	if c.server != nil {
		select {
		case <-c.server.Done():
			return c.serverEnded()
		case <-time.After(lastWords):
		}
	}
	if isVoid(err) {
		select {
		case <-c.client.Done():
			return c.clientEnded()
		default:
		}
	}
	return err
}

func (c *contestant) serverEnded() error {
	return ended("the %s server ended in mid-trial: %v", c.cell.Contestant, c.server.Exit())
}

func (c *contestant) clientEnded() error {
	return ended("the client of %s ended in mid-trial: %v", c.cell.Contestant, c.client.Exit())
}

func (c *contestant) startOwn(ctx context.Context, p *result.Plan) error {
	b, err := backends.Lookup(c.cell.Backend)
	if err != nil {
		return err
	}
	cfg := EchoConfig(c.cell, workloads.LoopbackAddress(c.cell.Network), p.ServerCPUs)
	spec := child.Spec{
		Role: roleEcho, Name: c.cell.Contestant + " server", CPUs: p.ServerCPUs, Session: true,
		Config: cfg, GoMaxProcs: cfg.Procs(b.Traits(), c.cell.Conns),
	}
	if !b.Traits().Blocking {
		spec.Env = loopEnv()
	}
	if c.server, err = child.Start(spec); err != nil {
		return err
	}
	c.pid, c.own, c.pool = c.server.PID(), true, b.Traits().Blocking && !b.Traits().Spawn
	return c.server.Call(ctx, "ready", nil, &c.about)
}

// loopEnv is how a process that does nothing but run loops is to be run. A loop
// keeps its P even when it blocks, so besides a P to spare (for control and
// signals) it wants to be let alone: asynchronous preemption interrupts it 50 to
// 100 times a second, which cost epoll 1 % of its CPU (doc/adr/0002). Without
// preemption a collection might wait for a loop that blocks, so there is none;
// loops in their steady state allocate nothing.
func loopEnv() []string {
	debug := "asyncpreemptoff=1"
	if s := os.Getenv("GODEBUG"); s != "" {
		debug = s + "," + debug
	}
	return []string{"GOGC=off", "GODEBUG=" + debug}
}

// EchoConfig is the echo server that a cell asks for.
func EchoConfig(cell result.Cell, addr string, cpus []int) workloads.Config {
	size := load.BufSize(cell.Size * cell.Pipeline)
	bufs := max(256, 2*cell.Conns/max(cell.Loops, 1))
	for bufs > 256 && bufs*size > 256<<20 {
		bufs /= 2
	}
	return workloads.Config{
		Backend: cell.Backend, Network: cell.Network, Address: addr,
		Loops: cell.Loops, Workers: cell.Workers, BufSize: size, Bufs: bufs, CPUs: cpus,
	}
}

// startForeign runs a command with {port} replaced by a free port and waits
// until something listens there.
func (c *contestant) startForeign(ctx context.Context, p *result.Plan) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	args := strings.Fields(strings.ReplaceAll(c.cell.Command, "{port}", strconv.Itoa(port)))
	c.server, err = child.Start(child.Spec{Command: args, Name: c.cell.Contestant, CPUs: p.ServerCPUs, Session: true})
	if err != nil {
		return err
	}
	c.pid, c.about.Addr = c.server.PID(), net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for {
		conn, err := net.DialTimeout("tcp", c.about.Addr, time.Second)
		if err == nil {
			conn.Close()
			return c.holds(port)
		}
		select {
		case <-c.server.Done():
			return fmt.Errorf("%s ended before it listened on port %d: %v", c.cell.Contestant, port, c.server.Exit())
		case <-ctx.Done():
			return fmt.Errorf("%s did not listen on port %d: %w", c.cell.Contestant, port, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// holds is an error when the server that answered is not the one that was
// started: another process took the port, and ours failed to, or the command has
// it served by a process that is not its own, whose figures we could not have.
func (c *contestant) holds(port int) error {
	if listener(c.pid, uint16(port)) != others {
		return nil
	}
	select {
	case <-c.server.Done():
		return fmt.Errorf("%s ended while another process listens on port %d: %v", c.cell.Contestant, port, c.server.Exit())
	case <-time.After(lastWords): // it may be about to
		return fmt.Errorf("another process listens on port %d, none of those that %s has started; "+
			"if that is your server, run it without a daemon or container, or drive it with --target and --target-pid", port, c.cell.Contestant)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// load is what the client is to do. Of a server of ours that has a place for
// every connection settle makes sure that all are served.
func (c *contestant) load(p *result.Plan) load.Config {
	cell := c.cell
	return load.Config{
		Backend: p.Client, Network: cell.Network, Address: c.about.Addr, Conns: cell.Conns, Size: cell.Size,
		Pipeline: cell.Pipeline, Rate: cell.Rate, Loops: clientLoops(p, cell), Seed: p.Seed, Spin: p.Placement == Split && !p.Duet,
		AllServed: c.own && c.places() == cell.Conns,
	}
}

func (c *contestant) connect(ctx context.Context, p *result.Plan) (err error) {
	cfg := c.load(p)
	c.client, err = child.Start(child.Spec{
		Role: roleClient, Name: "client of " + c.cell.Contestant, CPUs: p.ClientCPUs, Session: true, GoMaxProcs: cfg.Loops + 1, Env: loopEnv(),
		Config: cfg,
	})
	if err != nil {
		return err
	}
	return c.client.Call(ctx, "ready", nil, nil)
}

// stop ends both processes. It says how a foreign server ended that did not do so
// as it was asked to.
func (c *contestant) stop() (ending string) {
	if c.client != nil {
		c.client.Stop(grace)
	}
	if c.server != nil {
		err := c.server.Stop(grace)
		exit := c.server.Exit()
		switch {
		case c.own:
		case err != nil:
			ending = err.Error()
		case !exit.OK && exit.Signal != syscall.SIGTERM:
			ending = "at SIGTERM: " + exit.String()
		}
	}
	return ending
}

// gone receives when a process of the trial ends before its time.
func (c *contestant) gone() (server, client <-chan struct{}) {
	if c.server != nil {
		server = c.server.Done()
	}
	return server, c.client.Done()
}
