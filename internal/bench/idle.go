package bench

import (
	"context"

	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/result"
)

// openIdle opens the connections that are to be silent, between two readings of
// memory. The active ones are there already.
func (c *contestant) openIdle(ctx context.Context) error {
	before := c.readMemory()
	if err := c.client.Call(ctx, "open idle", c.cell.Idle, nil); err != nil {
		return err
	}
	after := c.readMemory()
	c.silent = &result.IdleMemory{
		Connections: c.cell.Idle,
		User:        growth(before.user, after.user),
		Kernel:      growth(before.kernel, after.kernel),
		Source:      after.source,
	}
	return nil
}

// memory is one reading; what could not be had is nil.
type memory struct {
	user, kernel *int64
	source       string
}

// readMemory reads the memory of the server and its descendants, and the kernel's.
func (c *contestant) readMemory() (m memory) {
	if n, err := c.anonymous(); err == nil && c.pid != 0 {
		m.user = &n
	}
	n, source, err := meter.KernelMemory()
	if m.source = source; err != nil {
		m.source = err.Error()
		return m
	}
	m.kernel = &n
	return m
}

func (c *contestant) anonymous() (sum int64, err error) {
	pids := []int{c.pid}
	if !c.own {
		more, err := meter.Descendants(c.pid)
		if err != nil {
			return 0, err
		}
		pids = append(pids, more...)
	}
	for _, pid := range pids {
		n, err := meter.Anonymous(pid)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func growth(before, after *int64) *int64 {
	if before == nil || after == nil {
		return nil
	}
	n := *after - *before
	return &n
}
