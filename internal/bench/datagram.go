package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// datagramEcho is echo where there are no connections to be accepted, nor a
// worker for each.
var datagramEcho = func() workload {
	w := echo
	w.places = nil
	w.ops = func(_ result.Cell, t backends.Traits) []backends.Kind { return workloads.DatagramOps(t) }
	w.threads = func(c result.Cell) int { return max(c.Workers, 1) }
	w.floor = func(c result.Cell) result.Cell {
		c.Rate, c.Arrivals = 0, ""
		return c
	}
	return w
}()

// checkDatagrams checks what is asked for against what UDP can carry.
func (g *EchoGrid) checkDatagrams() error {
	i := slices.IndexFunc(g.Networks, workloads.Datagrams)
	if i < 0 {
		return nil
	}
	if n := slices.Max(append([]int{0}, g.Idle...)); n > 0 {
		return fmt.Errorf("--idle-conns=%d goes with connections and --network=%s has none; leave one of them out", n, g.Networks[i])
	}
	for _, size := range g.Sizes {
		if size < load.MinDatagram || size > backends.MaxDatagram {
			return fmt.Errorf("--size=%d is out of range with --network=%s: %d, for the number that each datagram bears, to %d, the most that UDP carries", size, g.Networks[i], load.MinDatagram, backends.MaxDatagram)
		}
	}
	return nil
}

// takesDatagrams is an error for a backend with features that only streams have
// where the network has datagrams, or the other way round: its row would show
// something else than its name says.
func takesDatagrams(flag, name, network string) error {
	b, err := backends.Lookup(name)
	if err != nil {
		return err
	}
	switch t := b.Traits(); {
	case len(t.Streams) > 0 && workloads.Datagrams(network):
		return fmt.Errorf("%s=%s: %s acts on streams only and --network=%s has datagrams; leave it out", flag, name, strings.Join(t.Streams, ", "), network)
	case len(t.Datagrams) > 0 && !workloads.Datagrams(network):
		return fmt.Errorf("%s=%s: %s acts on datagrams only, as echo has with --network=udp; leave it out", flag, name, strings.Join(t.Datagrams, ", "))
	}
	return nil
}
