package bench

import (
	"context"
	"os"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

type clientReport = load.Report

// lead is how long before its start a load is announced: longer than it takes
// to tell all clients.
const lead = 50 * time.Millisecond

// trial carries out one run of the plan: one trial, or two at the same moment.
// The error is set when nothing more can be measured; a process that was lost,
// or never got ready, makes its trial void instead.
func (r *runner) trial(ctx context.Context, one plan.Run) ([]result.Trial, error) {
	trials := make([]result.Trial, len(one.Cells))
	for i, cell := range one.Cells {
		trials[i] = result.Trial{
			Cell: cell, Block: one.Block, Order: one.Order, Pair: one.Pair, First: one.Pair > 0 && i == 0 && !one.Later,
			Started: time.Now().UTC(), Service: result.NewHistogram(),
		}
	}
	var cs []*contestant
	defer func() {
		for i, c := range cs {
			if ending := c.stop(); trials[i].Void == "" {
				trials[i].Ending = ending
			}
		}
	}()
	for _, cell := range one.Cells {
		c, err := r.start(ctx, r.plan.Cells[cell])
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return void(trials, err.Error()), nil
		}
		cs = append(cs, c)
	}
	err := r.measure(ctx, cs, trials)
	if isVoid(err) {
		for _, c := range cs {
			err = c.blame(err)
		}
		return void(trials, err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	return trials, nil
}

// void marks trials that do not count: two that share their moment share their fate.
func void(trials []result.Trial, why string) []result.Trial {
	for i := range trials {
		trials[i].Void = why
	}
	return trials
}

func (r *runner) measure(ctx context.Context, cs []*contestant, trials []result.Trial) error {
	m, err := r.window(ctx, cs, seconds(r.plan.WarmupSeconds), seconds(r.plan.DurationSeconds))
	if err != nil {
		return err
	}
	found := make([]audited, len(cs))
	if r.plan.Audit {
		if found, err = audit(ctx, cs); err != nil {
			return err
		}
	}
	for i, c := range cs {
		var report clientReport
		if err := c.client.Call(ctx, "stop", nil, &report); err != nil {
			return ctxOr(ctx, ended("%v", err))
		}
		t := &trials[i]
		t.Seconds = r.plan.DurationSeconds
		t.Messages, t.Bytes = report.Messages, report.Bytes
		t.Service, t.Response, t.SendLag = report.Service, report.Response, report.SendLag
		if t.Unserved = report.Unserved; t.Unserved > 0 {
			t.BacklogWait = &report.FirstAnswer
		}
		t.Tier, t.Features, t.DescriptorTable = c.about.Tier, c.about.Features, c.about.Table
		t.Client, t.Machine = &m.clients[i], &m.machine
		if c.pid != 0 {
			t.Server = &m.servers[i]
			t.Server.CPUs = len(r.plan.ServerCPUs)
		}
		t.Client.CPUs = len(r.plan.ClientCPUs)
		if c.pool {
			if err := c.server.Call(ctx, "counters", nil, &m.counters[i]); err != nil {
				return ctxOr(ctx, ended("%v", err))
			}
			m.counters[i] = m.counters[i].Sub(c.idle)
		}
		if c.own {
			t.Counters = m.counters[i].Map()
			t.CountedSyscalls = countedSyscalls(c, m.counters[i])
		}
		t.TracedSyscalls, t.OtherSyscalls, t.TraceFailure = found[i].traced, found[i].other, found[i].failed
		if c.pool && t.TracedSyscalls != nil && t.CountedSyscalls != nil {
			other := max(0, *t.TracedSyscalls-*t.CountedSyscalls)
			t.OtherSyscalls = &other
		}
		t.Verdict = verdict(t, r.plan)
	}
	return nil
}

// countedSyscalls is nil for loops that leave the calls to package net, which
// makes more of them than a loop can see.
func countedSyscalls(c *contestant, n backends.Counters) *float64 {
	b, err := backends.Lookup(c.cell.Backend)
	messages := float64(n[backends.BytesIn]) / float64(c.cell.Size)
	if err != nil || b.Traits().Spawn || messages == 0 {
		return nil
	}
	s := float64(n.Syscalls()) / messages
	return &s
}

// verdict says whose CPU was used up: the side that was busy for at least nine
// tenths of the window, and busier than the other.
func verdict(t *result.Trial, p *result.Plan) string {
	const busy = 0.9
	if t.Server == nil || p.Duet {
		return ""
	}
	server := t.Server.CPUSeconds / t.Server.Seconds / float64(t.Server.CPUs)
	client := t.Client.CPUSeconds / t.Client.Seconds / float64(t.Client.CPUs)
	switch {
	case server >= busy && server >= client:
		return result.ServerBound
	case client >= busy:
		return result.ClientBound
	}
	return result.NeitherBound
}

// marks is what the meters saw between the two marks of a window.
type marks struct {
	servers, clients []result.Process
	machine          result.Machine
	counters         []backends.Counters
}

// window starts the load and meters the processes while it is recorded.
func (r *runner) window(ctx context.Context, cs []*contestant, warmup, length time.Duration) (*marks, error) {
	start := load.Monotonic() + int64(lead)
	w := load.Window{Start: start, Open: start + int64(warmup), Close: start + int64(warmup+length)}
	for _, c := range cs {
		if err := c.client.Call(ctx, "start", w, nil); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
	}
	if err := sleepUntil(ctx, w.Open, cs); err != nil {
		return nil, err
	}
	before, err := begin(ctx, cs)
	if err != nil {
		return nil, err
	}
	if err := sleepUntil(ctx, w.Close, cs); err != nil {
		return nil, err
	}
	return before.end(ctx, cs)
}

// reading is the first mark on every process of a run. Servers' own counters
// are read outside the clocks: they are divided by the servers' own messages.
type reading struct {
	sample   meter.Sample
	counters []backends.Counters
}

// pids lists the processes to be metered: servers that are known, clients, and
// this one.
func pids(cs []*contestant) (pids []int) {
	for _, c := range cs {
		if c.pid != 0 {
			pids = append(pids, c.pid)
		}
	}
	for _, c := range cs {
		pids = append(pids, c.client.PID())
	}
	return append(pids, os.Getpid())
}

func begin(ctx context.Context, cs []*contestant) (*reading, error) {
	counters, err := readCounters(ctx, cs)
	if err != nil {
		return nil, err
	}
	s, err := meter.Begin(pids(cs)...)
	if err != nil {
		return nil, ended("%v", err)
	}
	return &reading{s, counters}, nil
}

func (r *reading) end(ctx context.Context, cs []*contestant) (*marks, error) {
	s, err := r.sample.End()
	if err != nil {
		return nil, ended("%v", err)
	}
	counters, err := readCounters(ctx, cs)
	if err != nil {
		return nil, err
	}
	procs, machine := s.Since(r.sample)
	m := &marks{machine: machine, counters: counters, servers: make([]result.Process, len(cs))}
	var used float64
	for _, p := range procs {
		used += p.CPUSeconds
	}
	m.machine.OtherSeconds = max(0, m.machine.BusySeconds-used)
	for i, c := range cs {
		m.counters[i] = m.counters[i].Sub(r.counters[i])
		if c.pid != 0 {
			m.servers[i], procs = procs[0], procs[1:]
		}
	}
	m.clients = procs[:len(cs)]
	return m, nil
}

func readCounters(ctx context.Context, cs []*contestant) ([]backends.Counters, error) {
	counters := make([]backends.Counters, len(cs))
	for i, c := range cs {
		if !c.own || c.pool {
			continue
		}
		if err := c.server.Call(ctx, "counters", nil, &counters[i]); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
	}
	return counters, nil
}

// sleepUntil waits for a moment of load.Monotonic, or for the end of a process
// of the run, which is an error.
func sleepUntil(ctx context.Context, when int64, cs []*contestant) error {
	t := time.NewTimer(time.Duration(when - load.Monotonic()))
	defer t.Stop()
	stop := make(chan struct{})
	defer close(stop)
	lost := make(chan error, 2*len(cs))
	for _, c := range cs {
		go c.watch(stop, lost)
	}
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case err := <-lost:
		return err
	}
}

// watch tells of a process of the contestant that ends before stop closes.
func (c *contestant) watch(stop <-chan struct{}, lost chan<- error) {
	server, client := c.gone()
	select {
	case <-stop:
	case <-server:
		lost <- c.serverEnded()
	case <-client:
		lost <- c.clientEnded()
	}
}

func ctxOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
