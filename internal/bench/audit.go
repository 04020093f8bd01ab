package bench

import (
	"context"
	"time"

	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/meter"
)

// auditLength is how long system calls are counted by tracepoint.
const auditLength = 200 * time.Millisecond

// audit counts the system calls of every server by tracepoint, for each message
// answered meanwhile. The load goes on. It has a window of its own because the
// tracepoint slows every system call of the machine, the more calls the more,
// which would favour whoever makes few.
func audit(ctx context.Context, cs []*contestant) ([]*float64, error) {
	traced := make([]*float64, len(cs))
	traces := make([]*meter.SyscallTrace, len(cs))
	defer func() {
		for _, t := range traces {
			if t != nil {
				t.Close()
			}
		}
	}()
	for i, c := range cs {
		if c.pid == 0 {
			continue
		}
		t, err := meter.TraceSyscalls(c.pid)
		if err != nil {
			return traced, nil // a thread pool of thousands has more threads than we may have descriptors
		}
		traces[i] = t
		if err := t.Enable(); err != nil {
			return nil, err
		}
	}
	type state struct {
		calls uint64
		progress
	}
	take := func() (states []state, err error) {
		states = make([]state, len(cs))
		for i, c := range cs {
			if traces[i] == nil {
				continue
			}
			if states[i].calls, err = traces[i].Count(); err != nil {
				return nil, err
			}
			if err := c.client.Call(ctx, "progress", nil, &states[i].progress); err != nil {
				return nil, ctxOr(ctx, ended("%v", err))
			}
		}
		return states, nil
	}
	before, err := take()
	if err != nil {
		return nil, err
	}
	if err := sleepUntil(ctx, load.Monotonic()+int64(auditLength), cs); err != nil {
		return nil, err
	}
	after, err := take()
	if err != nil {
		return nil, err
	}
	for i := range cs {
		if n := after[i].Answered - before[i].Answered; traces[i] != nil && n > 0 {
			s := float64(after[i].calls-before[i].calls) / float64(n)
			traced[i] = &s
		}
	}
	return traced, nil
}
