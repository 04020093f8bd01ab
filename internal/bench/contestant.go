package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/result"
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
	served bool        // it is another ringbench's, which is ours too and has them by name
	// pool: the server is a thread pool of ours, or drives itself by goroutines.
	// Under a load of thousands of workers the runtime gets round to answering us
	// only when the load is over, so its counters are read before and after it.
	pool   bool
	idle   backends.Counters  // of a pool, before the load
	silent *result.IdleMemory // what idle connections take; nil: there are none
	client *child.Proc        // the server, where that drives itself
	late   bool               // what the server moves is counted only when a connection ends
	about  listening

	origin *child.Proc // the server behind it; nil: none
	behind string      // where that listens, or the file of the run
}

// start brings up the server and connects the client.
func (r *runner) start(ctx context.Context, cell result.Cell) (_ *contestant, err error) {
	c := &contestant{cell: cell, behind: r.files[cell.FileBytes]}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	patience := r.patience()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not ready within %v (--start-timeout)", patience))
	defer cancel()
	if err := c.startOrigin(ctx, r.plan); err != nil {
		return nil, err
	}
	switch {
	case cell.Target != "":
		c.pid, c.about.Addr = cell.TargetPID, cell.Target
	case cell.Command != "" && !of(cell).drives():
		err = c.startDriver(ctx, r.plan)
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
	if places := of(cell).places; c.own && places != nil {
		if err := c.settle(ctx, places(cell)); err != nil {
			return nil, c.blame(err)
		}
	}
	if cell.Idle > 0 {
		if err := c.openIdle(ctx); err != nil {
			return nil, c.blame(err)
		}
	}
	if c.pool {
		if err := c.read(ctx, &c.idle); err != nil {
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
func (c *contestant) settle(ctx context.Context, want int) error {
	for accepted := 0; ; {
		if err := c.server.Call(ctx, "accepted", nil, &accepted); err != nil {
			// On a busy machine time is up in mid-call more often than not,
			// which says nothing of how far the server has come.
			return fmt.Errorf("%w, %d of %d connections accepted", err, accepted, want)
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
	if c.origin != nil {
		select {
		case <-c.origin.Done():
			return c.originEnded()
		default:
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

func (c *contestant) originEnded() error {
	return ended("the origin of %s ended in mid-trial: %v", c.cell.Contestant, c.origin.Exit())
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
	own, err := of(c.cell).server(c.cell, p, c.behind)
	if err != nil {
		return err
	}
	t := b.Traits()
	if c.server, err = own.spawn(c.cell.Contestant+" server", p.ServerCPUs, c.loopsOnly(t)); err != nil {
		return err
	}
	c.counts(t)
	return c.server.Call(ctx, "ready", nil, &c.about)
}

// loopsOnly reports whether our process does nothing but run loops that keep their
// P, as those of a pool do for files.
func (c *contestant) loopsOnly(t backends.Traits) bool {
	return !t.Blocking || !t.Spawn && of(c.cell).client == nil
}

// counts notes that the server is ours.
func (c *contestant) counts(t backends.Traits) {
	c.pid, c.own = c.server.PID(), true
	c.pool = t.Blocking && (!t.Spawn || of(c.cell).client == nil)
	c.late = c.origin != nil && t.Copies
}

// read reads the counters of a server of ours.
func (c *contestant) read(ctx context.Context, n *backends.Counters) error {
	if !c.served {
		return c.server.Call(ctx, "counters", nil, n)
	}
	var named map[string]uint64
	err := c.server.Call(ctx, "counters", nil, &named)
	*n = backends.CountersOf(named)
	return err
}

// spawn starts the process. Quiet is for one that does nothing but run loops.
func (p part) spawn(name string, cpus []int, quiet bool) (*child.Proc, error) {
	spec := child.Spec{Role: p.role, Name: name, CPUs: cpus, Session: true, Config: p.cfg, GoMaxProcs: p.procs}
	if quiet {
		spec.Env = loopEnv()
	}
	return child.Start(spec)
}

// startOrigin runs the server behind the one under test, if there is one.
func (c *contestant) startOrigin(ctx context.Context, p *result.Plan) (err error) {
	make := of(c.cell).origin
	if make == nil {
		return nil
	}
	if c.origin, err = make(c.cell, p).spawn("origin of "+c.cell.Contestant, p.OriginCPUs, true); err != nil {
		return err
	}
	var about listening
	if err := c.origin.Call(ctx, "ready", nil, &about); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	c.behind = about.Addr
	return nil
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

// startCommand runs a command that is not ours, or is another ringbench.
func (c *contestant) startCommand(p *result.Plan, port string, answers bool) (err error) {
	args := strings.Fields(strings.NewReplacer("{port}", port, "{origin}", c.behind, "{origin-port}", portOf(c.behind), "{file}", c.behind, "{dir}", filepath.Dir(c.behind)).Replace(c.cell.Command))
	spec := child.Spec{Command: args, Answers: answers, Name: c.cell.Contestant, CPUs: p.ServerCPUs, Session: true}
	if b, err := backends.Lookup(c.cell.Backend); err == nil && !b.Traits().Blocking {
		spec.Env = loopEnv()
	}
	c.server, err = child.Start(spec)
	if err == nil {
		c.pid = c.server.PID()
	}
	return err
}

// startDriver runs a command that drives itself and answers calls. What it finds is
// made what ours makes it.
func (c *contestant) startDriver(ctx context.Context, p *result.Plan) error {
	if err := of(c.cell).ready(c.cell, c.behind); err != nil {
		return err
	}
	if err := c.startCommand(p, "", true); err != nil {
		return err
	}
	return c.server.Call(ctx, "ready", nil, nil)
}

// startForeign runs a command with {port} replaced by a free port, and what stands
// for that which is behind it by that, and waits until something listens there.
func (c *contestant) startForeign(ctx context.Context, p *result.Plan) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	c.served = answering(c.cell)
	if err := c.startCommand(p, strconv.Itoa(port), c.served); err != nil {
		return err
	}
	if c.served {
		b, err := backends.Lookup(c.cell.Backend)
		if err != nil {
			return err
		}
		c.counts(b.Traits())
		return c.server.Call(ctx, "ready", nil, &c.about)
	}
	c.about.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
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

// portOf is the port of an address, "" where it has none.
func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
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
		if listener(c.pid, uint16(port)) != others {
			return nil // it was handing its socket over while we looked
		}
		return fmt.Errorf("another process listens on port %d, none of those that %s has started; "+
			"if that is your server, run it without a daemon or container, or drive it with --target and --target-pid", port, c.cell.Contestant)
	}
}

// connect starts the client and has it connect, unless the server is its own.
func (c *contestant) connect(ctx context.Context, p *result.Plan) (err error) {
	w := of(c.cell)
	if !w.drives() {
		c.client = c.server
		return nil
	}
	c.client, err = w.client(c.cell, p, c.about.Addr, c.allServed()).spawn("client of "+c.cell.Contestant, p.ClientCPUs, true)
	if err != nil {
		return err
	}
	return c.client.Call(ctx, "ready", nil, nil)
}

// allServed reports whether settle makes sure that every connection has been taken
// from the backlog.
func (c *contestant) allServed() bool {
	places := of(c.cell).places
	return c.own && places != nil && places(c.cell) == c.cell.Conns
}

// stop ends the processes. It says how a foreign server ended that did not do so
// as it was asked to.
func (c *contestant) stop() (ending string) {
	if c.client != nil && c.client != c.server {
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
	if c.origin != nil {
		c.origin.Stop(grace)
	}
	return ending
}

// gone receives when a process of the trial ends before its time.
func (c *contestant) gone() (server, client, origin <-chan struct{}) {
	if c.server != nil {
		server = c.server.Done()
	}
	if c.origin != nil {
		origin = c.origin.Done()
	}
	return server, c.client.Done(), origin
}
