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
		count := meter.TraceTree
		if c.own {
			count = meter.TraceSyscalls
		}
		t, err := count(c.pid)
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
		messages := after[i].messages - before[i].messages
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

// stock is where a server stands at one edge of the audit.
type stock struct {
	now      int64 // load.Monotonic
	calls    uint64
	counters backends.Counters // of ours
	messages float64
}

func takeStock(ctx context.Context, cs []*contestant, traces []*meter.SyscallTrace) ([]stock, error) {
	stocks := make([]stock, len(cs))
	for i, c := range cs {
		if traces[i] == nil {
			continue
		}
		var err error
		if stocks[i], err = c.stock(ctx, traces[i]); err != nil {
			return nil, ctxOr(ctx, err)
		}
	}
	return stocks, nil
}

// stock reads the tracepoint between two readings of what the server has done,
// which goes on meanwhile, and takes it as standing in their middle. A server of
// ours says by itself how many messages it has had; of others, of a pool that
// gets round to answering only when the load is over, and of loops that count a
// connection when it has ended, the client knows.
func (c *contestant) stock(ctx context.Context, trace *meter.SyscallTrace) (s stock, err error) {
	var edges [2]struct {
		backends.Counters
		progress
	}
	byClient := !c.own || c.pool || c.late
	for i := range edges {
		if byClient {
			err = c.client.Call(ctx, "progress", nil, &edges[i].progress)
		} else {
			err = c.read(ctx, &edges[i].Counters)
		}
		if err != nil {
			return s, ended("%v", err)
		}
		if i == 0 {
			s.now = load.Monotonic()
			if s.calls, err = trace.Count(); err != nil {
				return s, err
			}
		}
	}
	if byClient {
		s.messages = (edges[0].Answered + edges[1].Answered) / 2
		return s, nil
	}
	for j := range s.counters {
		s.counters[j] = (edges[0].Counters[j] + edges[1].Counters[j]) / 2
	}
	s.messages = of(c.cell).messages(c.cell, s.counters)
	return s, nil
}
