package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
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

// measure fills in the trials. A process that does not answer must not hold the
// run up for ever: SIGSTOP does that to one, or a bug.
func (r *runner) measure(ctx context.Context, cs []*contestant, trials []result.Trial) error {
	warmup, length, patience := seconds(r.plan.WarmupSeconds), seconds(r.plan.DurationSeconds), r.patience()
	if cs[0].cell.Cache == Cold {
		warmup = 0 // it would warm the file
	}
	limit := lead + warmup + length + patience
	if r.plan.Audit {
		limit += auditLength
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it has hung for %v (--start-timeout)", patience))
	defer cancel()
	m, err := r.window(ctx, cs, warmup, length)
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
		report, err := c.endLoad(ctx, &m.counters[i])
		if err != nil {
			return err
		}
		t := &trials[i]
		t.Seconds = r.plan.DurationSeconds
		t.Messages, t.Offered, t.Bytes = report.Messages, report.Offered, report.Bytes
		if c.cell.Sent() {
			t.FileBytes = c.cell.FileBytes
		}
		t.Service, t.Response, t.SendLag, t.Clipped = report.Service, report.Response, report.SendLag, report.Clipped
		t.Lost, t.Late = report.Lost, report.Late
		if len(report.Series.Counts) > 0 {
			t.Series = &report.Series
		}
		if t.Unserved = report.Unserved; t.Unserved > 0 {
			t.BacklogWait = &report.FirstAnswer
		}
		t.Tier, t.Features, t.DescriptorTable, t.Buffers = c.about.Tier, c.about.Features, c.about.Table, c.about.Buffers
		t.Machine, t.Moments, t.LateSeconds, t.Hiccups = &m.machine, m.moments, m.late.Seconds(), m.hiccups
		if c.cell.Target != "" && t.Hiccups != nil {
			t.Hiccups.Server = nil // it is where its owner put it
		}
		if c.client != c.server {
			t.Client = &m.clients[i]
			t.Client.CPUs = len(r.plan.ClientCPUs)
			// Over the meter's interval, which is not quite the window.
			t.Client.SpinSeconds = min(report.SpinSeconds/t.Seconds*t.Client.Seconds, t.Client.CPUSeconds)
		}
		if c.origin != nil {
			if err := c.checkOrigin(ctx, report.Answered); err != nil {
				return err
			}
			t.Origin = &m.origins[i]
			t.Origin.CPUs = len(r.plan.OriginCPUs)
		}
		if c.pid != 0 {
			t.Server = &m.servers[i]
			if c.server != nil { // else it is not ours to pin
				t.Server.CPUs = len(r.plan.ServerCPUs)
			}
		}
		if c.own {
			t.Counters = m.counters[i].Map()
			t.CountedSyscalls = countedSyscalls(c, m.counters[i])
			t.CountedAllocations = r.countedAllocations(c, m, i)
		}
		t.TracedSyscalls, t.OtherSyscalls, t.TraceFailure = found[i].traced, found[i].other, found[i].failed
		if c.pool && t.TracedSyscalls != nil && t.CountedSyscalls != nil {
			other := max(0, *t.TracedSyscalls-*t.CountedSyscalls)
			t.OtherSyscalls = &other
		}
		if t.Slowed, err = c.slowed(ctx); err != nil {
			return err
		}
		t.Idle = c.silent
		t.Verdict = verdict(t, r.plan)
	}
	return nil
}

// endLoad ends the load, reads what a pool has counted in all of it, and hangs
// up, in that order: to a server, hanging up is work too.
func (c *contestant) endLoad(ctx context.Context, pool *backends.Counters) (report clientReport, err error) {
	if c.client == c.server && !c.own {
		report, err = c.stopForeign(ctx)
	} else {
		err = c.client.Call(ctx, "stop", nil, &report)
	}
	if c.pool && ctx.Err() == nil {
		// Also when the client failed: a pool that hangs is why it got no answer.
		if perr := c.read(ctx, pool); perr != nil {
			err = perr
		}
		*pool = pool.Sub(c.idle)
	}
	if err == nil {
		err = c.client.Call(ctx, "hang up", nil, nil)
	}
	if err != nil {
		return report, ctxOr(ctx, ended("%v", err))
	}
	return report, nil
}

// stopForeign ends the load of a program that drives itself and is not ours.
func (c *contestant) stopForeign(ctx context.Context) (report clientReport, err error) {
	var said struct {
		Ended     uint64     `json:"ended"`     // units, in all
		Messages  uint64     `json:"messages"`  // in the window
		Latencies [][2]int64 `json:"latencies"` // of those: nanoseconds, and how many
	}
	if err := c.client.Call(ctx, "stop", nil, &said); err != nil {
		return report, err
	}
	report = clientReport{
		Sent: said.Ended, Answered: said.Ended, Messages: said.Messages, Bytes: said.Messages * uint64(c.cell.Size),
		Service: result.NewHistogram(),
	}
	for _, l := range said.Latencies {
		if report.Service.RecordValues(l[0], l[1]) != nil {
			report.Clipped += uint64(l[1])
		}
	}
	return report, nil
}

// checkOrigin finds out by the origin's own counters whether what the client was
// answered came from there. What has yet to be counted is what was in flight.
func (c *contestant) checkOrigin(ctx context.Context, answered uint64) error {
	var n backends.Counters
	if err := c.origin.Call(ctx, "counters", nil, &n); err != nil {
		return ctxOr(ctx, ended("origin: %v", err))
	}
	l := c.cell.Load
	unit := l.UnitBytes()
	moved, least := float64(n[backends.BytesIn]+n[backends.BytesOut]), 0.9*unit*(float64(answered)-float64(l.Conns*l.Pipeline))
	if moved < least {
		return ended("%s does not pass on to its origin: the client was answered %d messages, which are %.0f bytes in and out of it, and it has moved %.0f", c.cell.Contestant, answered, unit*float64(answered), moved)
	}
	return nil
}

// countedSyscalls is nil for loops that leave the calls to package net, which
// makes more of them than a loop can see.
func countedSyscalls(c *contestant, n backends.Counters) *float64 {
	b, err := backends.Lookup(c.cell.Backend)
	messages := of(c.cell).messages(c.cell, n)
	if err != nil || b.Traits().Spawn || messages == 0 {
		return nil
	}
	s := float64(n.Syscalls()) / messages
	return &s
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
		return ctxOr(ctx, ended("%v", context.Cause(ctx)))
	case err := <-lost:
		return err
	}
}

// watch tells of a process of the contestant that ends before stop closes.
func (c *contestant) watch(stop <-chan struct{}, lost chan<- error) {
	server, client, origin := c.gone()
	select {
	case <-stop:
	case <-server:
		lost <- c.serverEnded()
	case <-client:
		lost <- c.clientEnded()
	case <-origin:
		lost <- c.originEnded()
	}
}

// ctxOr is err, unless the run was interrupted. A deadline that has passed is no
// interruption.
func ctxOr(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return err
}
