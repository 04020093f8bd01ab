package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/meter"
)

// auditLength is how long system calls are counted by tracepoint.
const auditLength = 200 * time.Millisecond

// An audited is what a server did during the audit, for each message answered.
type audited struct {
	traced *float64 // all system calls of the process
	other  *float64 // of them those that its loops did not make: the Go runtime's
	failed string   // why there is neither
}

// audit counts the system calls of every server by tracepoint. The load goes on.
// It has a window of its own because the tracepoint slows every system call of
// the machine, the more calls the more, which would favour whoever makes few.
func audit(ctx context.Context, cs []*contestant) ([]audited, error) {
	found := make([]audited, len(cs))
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
			found[i].failed = err.Error() // a thread pool of thousands has more threads than we may have descriptors
			continue
		}
		traces[i] = t
		if err := t.Enable(); err != nil {
			return nil, err
		}
	}
	before, err := takeStock(ctx, cs, traces)
	if err != nil {
		return nil, err
	}
	if err := sleepUntil(ctx, load.Monotonic()+int64(auditLength), cs); err != nil {
		return nil, err
	}
	after, err := takeStock(ctx, cs, traces)
	if err != nil {
		return nil, err
	}
	for i, c := range cs {
		messages := float64(after[i].Answered - before[i].Answered)
		if traces[i] == nil {
			continue
		}
		if messages == 0 {
			found[i].failed = fmt.Sprintf("no message was answered in the %v of the count", auditLength)
			continue
		}
		traced := float64(after[i].calls-before[i].calls) / messages
		found[i].traced = &traced
		if c.own && !c.pool && countedSyscalls(c, after[i].counters) != nil {
			d := after[i].counters.Sub(before[i].counters)
			other := max(0, float64(after[i].calls-before[i].calls)-float64(d.Syscalls())) / messages
			found[i].other = &other
		}
	}
	return found, nil
}

// stock is where a server and its client stand at one edge of the audit.
type stock struct {
	calls    uint64
	counters backends.Counters
	progress
}

func takeStock(ctx context.Context, cs []*contestant, traces []*meter.SyscallTrace) ([]stock, error) {
	stocks := make([]stock, len(cs))
	for i, c := range cs {
		if traces[i] == nil {
			continue
		}
		s := &stocks[i]
		var err error
		if err = c.client.Call(ctx, "progress", nil, &s.progress); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
		if !c.own || c.pool {
			s.calls, err = traces[i].Count()
			if err != nil {
				return nil, err
			}
			continue
		}
		// The server goes on between two readings of its counters; the
		// tracepoint's is taken as standing in the middle of them.
		var sooner, later backends.Counters
		if err = c.server.Call(ctx, "counters", nil, &sooner); err == nil {
			if s.calls, err = traces[i].Count(); err != nil {
				return nil, err
			}
			err = c.server.Call(ctx, "counters", nil, &later)
		}
		if err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
		for j := range sooner {
			s.counters[j] = (sooner[j] + later[j]) / 2
		}
	}
	return stocks, nil
}
