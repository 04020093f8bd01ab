package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/result"
)

// hiccups is the process that watches the CPUs of server and client for hiccups,
// throughout a run of open loops. In closed loop a side is busy without a pause,
// and a thread beside it would see no more than that, at the cost of a wake-up a
// millisecond; a duet's contestants are in each other's way on purpose.
type hiccups struct {
	proc           *child.Proc
	server, client []int
}

// watchHiccups starts it; nil where there is nothing to be watched.
func watchHiccups(ctx context.Context, p *result.Plan) (*hiccups, error) {
	if p.Duet || slices.ContainsFunc(p.Cells, func(c result.Cell) bool { return c.Rate == 0 }) {
		return nil, nil
	}
	h := &hiccups{server: p.ServerCPUs}
	for _, cpu := range p.ClientCPUs {
		if !slices.Contains(h.server, cpu) {
			h.client = append(h.client, cpu)
		}
	}
	cpus := slices.Concat(h.server, h.client)
	var err error
	if h.proc, err = (part{role: roleHiccups, cfg: cpus, procs: len(cpus) + 1}).spawn("hiccup meter", cpus, true); err != nil {
		return nil, err
	}
	if err := h.proc.Call(ctx, "ready", nil, nil); err != nil {
		h.stop()
		return nil, fmt.Errorf("hiccup meter: %w", err)
	}
	return h, nil
}

func (h *hiccups) stop() {
	if h != nil {
		h.proc.Stop(grace)
	}
}

func (h *hiccups) record(ctx context.Context, w load.Window) error {
	if h == nil {
		return nil
	}
	if err := h.proc.Call(ctx, "record", w, nil); err != nil {
		return ctxOr(ctx, ended("hiccup meter: %v", err))
	}
	return nil
}

// take is what was seen within the window, of which used is what it took.
func (h *hiccups) take(ctx context.Context, used result.Process) (*result.Hiccups, error) {
	if h == nil {
		return nil, nil
	}
	var seen []meter.HiccupSample
	if err := h.proc.Call(ctx, "take", nil, &seen); err != nil {
		return nil, ctxOr(ctx, ended("hiccup meter: %v", err))
	}
	found := &result.Hiccups{CPUSeconds: used.CPUSeconds}
	side := func(seen []meter.HiccupSample) *result.Histogram {
		if len(seen) == 0 {
			return nil
		}
		sum := result.NewHistogram()
		for _, s := range seen {
			sum.Merge(s.Late.Histogram)
			found.EverySeconds = max(found.EverySeconds, float64(s.Every)/1e9)
		}
		return &sum
	}
	found.Server, found.Client = side(seen[:len(h.server)]), side(seen[len(h.server):])
	return found, nil
}

// hiccupsRole is the role of that process.
func hiccupsRole(c *child.Control) error {
	var cpus []int
	if err := c.Config(&cpus); err != nil {
		return err
	}
	h, err := meter.WatchHiccups(cpus)
	if err != nil {
		return err
	}
	c.Serve(map[string]func(json.RawMessage) (any, error){
		"ready": func(json.RawMessage) (any, error) { return nil, nil },
		"record": func(raw json.RawMessage) (any, error) {
			var w load.Window
			if err := json.Unmarshal(raw, &w); err != nil {
				return nil, err
			}
			h.Record(w.Open, w.Close)
			return nil, nil
		},
		"take": func(json.RawMessage) (any, error) { return h.Take(), nil },
	})
	return nil
}
