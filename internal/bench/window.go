package bench

import (
	"context"
	"os"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/result"
)

// marks is what the meters saw of a window.
type marks struct {
	servers, clients, origins []result.Process // of each contestant, zero where it has none
	machine                   result.Machine
	moments                   []result.Moment
	counters                  []backends.Counters
	allocs                    []uint64
	late                      time.Duration  // from the window's opening to the first reading of the clocks
	watch                     result.Process // that for hiccups
	hiccups                   *result.Hiccups
}

// window starts the load and meters the processes while it is recorded. What
// takes long to read is read during the warm-up, when the load is already on, and
// after the window; at its edges only the clocks are. CPU is metered for as long
// as the window is, also when that began late, for the load goes on after it.
func (r *runner) window(ctx context.Context, cs []*contestant, warmup, length time.Duration) (*marks, error) {
	start := load.Monotonic() + int64(lead)
	w := load.Window{Start: start, Open: start + int64(warmup), Close: start + int64(warmup+length)}
	if err := r.hiccups.record(ctx, w); err != nil {
		return nil, err
	}
	for i, c := range cs {
		w.Turn, w.Turns = i, len(cs)
		if err := c.client.Call(ctx, "start", w, nil); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
	}
	// The first quarter is for the load to become steady, the rest for reading
	// thousands of threads, which takes up to 60 µs each.
	if warmup > 0 {
		if err := sleepUntil(ctx, w.Start+int64(warmup/4), cs); err != nil {
			return nil, err
		}
	}
	before, err := r.prepare(ctx, cs)
	if err != nil {
		return nil, err
	}
	if err := sleepUntil(ctx, w.Open, cs); err != nil {
		return nil, err
	}
	if err := before.sample.Begin(); err != nil {
		return nil, ended("%v", err)
	}
	late := time.Duration(load.Monotonic() - w.Open)
	for at := moment; at+moment <= length; at += moment {
		if err := sleepUntil(ctx, w.Open+int64(late+at), cs); err != nil {
			return nil, err
		}
		if err := before.mark(); err != nil {
			return nil, err
		}
	}
	if err := sleepUntil(ctx, w.Close+int64(late), cs); err != nil {
		return nil, err
	}
	m, err := before.end(ctx, r, cs)
	if err != nil {
		return nil, err
	}
	m.late = late
	if m.hiccups, err = r.hiccups.take(ctx, m.watch); err != nil {
		return nil, err
	}
	return m, nil
}

// moment is the length of a result.Moment: the kernel counts the CPU time of a machine
// in units of 10 ms, and to read it every second costs next to nothing.
const moment = time.Second

// reading is the first mark on every process of a run. Servers' own counters
// are read outside the clocks: they are divided by the servers' own messages.
type reading struct {
	sample   meter.Sample
	marks    []meter.Sample // within the window, each after a moment
	trees    []meter.Tree
	counters []backends.Counters
	allocs   []uint64
}

// metered lists the processes of the contestants that are metered at the
// window's edges, each with the place in m for what it used.
func metered(cs []*contestant, m *marks) (pids []int, used []*result.Process) {
	add := func(pid int, p *result.Process) { pids, used = append(pids, pid), append(used, p) }
	for i, c := range cs {
		if c.pid != 0 {
			add(c.pid, &m.servers[i])
		}
		if c.client != c.server {
			add(c.client.PID(), &m.clients[i])
		}
		if c.origin != nil {
			add(c.origin.PID(), &m.origins[i])
		}
	}
	return pids, used
}

func newMarks(n int) *marks {
	return &marks{servers: make([]result.Process, n), clients: make([]result.Process, n), origins: make([]result.Process, n)}
}

func (r *runner) prepare(ctx context.Context, cs []*contestant) (*reading, error) {
	pids, _ := metered(cs, newMarks(len(cs)))
	pids = append(pids, os.Getpid())
	if r.hiccups != nil {
		pids = append(pids, r.hiccups.proc.PID())
	}
	s, err := meter.Prepare(pids...)
	if err != nil {
		return nil, ended("%v", err)
	}
	counters, err := readCounters(ctx, cs)
	if err != nil {
		return nil, err
	}
	trees, err := readTrees(cs)
	if err != nil {
		return nil, err
	}
	// Last, and in the end first: to be asked takes allocations, too.
	allocs, err := r.readAllocations(ctx, cs)
	if err != nil {
		return nil, err
	}
	return &reading{sample: s, trees: trees, counters: counters, allocs: allocs}, nil
}

// mark ends a moment of the window, and begins the next.
func (r *reading) mark() error {
	m, err := r.sample.Mark()
	if err != nil {
		return ended("%v", err)
	}
	r.marks = append(r.marks, m)
	return nil
}

// moments are what the machine did between the marks, up to the end of the window.
func (r *reading) moments(end meter.Sample) (list []result.Moment) {
	if len(r.marks) == 0 {
		return nil
	}
	last := r.sample
	for _, m := range append(r.marks, end) {
		list = append(list, result.Moment{Machine: m.MachineSince(last)})
		last = m
	}
	return list
}

// readTrees reads what servers that are not ours have started. It takes a look at
// all processes of the machine, for which a load that has just begun leaves little
// time; what drives itself is a program of ours and starts none.
func readTrees(cs []*contestant) ([]meter.Tree, error) {
	trees := make([]meter.Tree, len(cs))
	for i, c := range cs {
		if c.own || c.pid == 0 || c.client == c.server {
			continue
		}
		var err error
		if trees[i], err = meter.ReadTree(c.pid); err != nil {
			return nil, ended("%v", err)
		}
	}
	return trees, nil
}

func (r *reading) end(ctx context.Context, by *runner, cs []*contestant) (*marks, error) {
	s, err := r.sample.End()
	if err != nil {
		return nil, ended("%v", err)
	}
	allocs, err := by.readAllocations(ctx, cs)
	if err != nil {
		return nil, err
	}
	trees, err := readTrees(cs)
	if err != nil {
		return nil, err
	}
	counters, err := readCounters(ctx, cs)
	if err != nil {
		return nil, err
	}
	m := newMarks(len(cs))
	m.counters, m.allocs = counters, allocs
	var procs []result.Process
	procs, m.machine = s.Since(r.sample)
	_, used := metered(cs, m)
	for i, p := range used {
		*p = procs[i]
	}
	m.moments = r.moments(s)
	for i, c := range cs {
		m.counters[i] = m.counters[i].Sub(r.counters[i])
		m.allocs[i] -= r.allocs[i]
		if c.pid != 0 {
			alone := m.servers[i].CPUSeconds
			m.servers[i] = trees[i].Since(r.trees[i], m.servers[i])
			if children := m.servers[i].CPUSeconds - alone; children != 0 {
				m.machine.OtherSeconds = max(0, m.machine.OtherSeconds-children)
				m.moments = nil // which took them for others
			}
		}
	}
	m.watch = procs[len(procs)-1] // the one that watches for hiccups, or this process
	return m, nil
}

func readCounters(ctx context.Context, cs []*contestant) ([]backends.Counters, error) {
	counters := make([]backends.Counters, len(cs))
	for i, c := range cs {
		if !c.own || c.pool {
			continue
		}
		if err := c.read(ctx, &counters[i]); err != nil {
			return nil, ctxOr(ctx, ended("%v", err))
		}
	}
	return counters, nil
}
