package bench

import (
	"slices"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/result"
)

// busy is the share of what a side can use from which on it is used up.
const busy = 0.9

// verdict says whose CPU was used up: that of the side that used nearly all it
// could, and more of it than the other. Sides that share their CPUs use them up
// together; then it is the one that used more. An origin is of the client's side. A
// client with CPU to spare is the limit too where an open loop falls short of its rate.
func verdict(t *result.Trial, p *result.Plan) string {
	if t.Server == nil || p.Duet {
		return ""
	}
	cell := p.Cells[t.Cell]
	server := t.Server.CPUSeconds / t.Server.Seconds
	var client, clientShare float64
	if t.Client != nil {
		client = (t.Client.CPUSeconds - t.Client.SpinSeconds) / t.Client.Seconds
		clientShare = client / float64(min(t.Client.CPUs, clientLoops(p, cell)))
	}
	if t.Origin != nil {
		origin := t.Origin.CPUSeconds / t.Origin.Seconds
		clientShare = max(clientShare, origin/float64(max(t.Origin.CPUs, 1)))
		if besides(p) {
			clientShare = max(clientShare, (client+origin)/float64(cpusOf(p.ClientCPUs, p.OriginCPUs)))
		}
		client += origin
	}
	serverShare := server / float64(serverMost(t.Server, cell))
	switch {
	case serverShare >= busy && serverShare >= clientShare:
		return result.ServerBound
	case clientShare >= busy:
		return result.ClientBound
	case sharesCPUs(p, cell) && (server+client)/float64(t.Server.CPUs) >= busy:
		if server >= client {
			return result.ServerBound
		}
		return result.ClientBound
	case fellShort(t, cell):
		return result.ClientBound
	}
	return result.NeitherBound
}

// cpusOf is how many CPUs either list has.
func cpusOf(a, b []int) int {
	n := len(a)
	for _, c := range b {
		if !slices.Contains(a, c) {
			n++
		}
	}
	return max(n, 1)
}

// serverMost is how many CPUs a server could keep busy. Loops of ours are a thread
// each, whatever other threads the runtime has; io_uring's helpers add theirs.
func serverMost(s *result.Process, cell result.Cell) int {
	threads := s.Threads
	if b, err := backends.Lookup(cell.Backend); err == nil && !b.Traits().Blocking {
		threads = cell.Loops
		if b.Traits().FilePool && !of(cell).drives() {
			threads = s.Threads
		}
		for _, h := range s.Helpers {
			threads += h.Threads
		}
	}
	return max(1, min(s.CPUs, threads))
}

// sharesCPUs reports whether server and client have the same CPUs, and no others:
// a server that ran already is where its owner put it.
func sharesCPUs(p *result.Plan, cell result.Cell) bool {
	return p.Placement == Shared && cell.Target == ""
}

// fellShort reports whether an open loop missed its rate by more than a tenth
// although there were connections free to send on: messages in flight are rate
// times service time, by Little's law.
func fellShort(t *result.Trial, cell result.Cell) bool {
	if cell.Rate == 0 || t.Unserved > 0 || float64(t.Messages+1) >= busy*float64(t.Offered) {
		return false
	}
	var service float64 // seconds
	if t.Service.Histogram != nil {
		service = t.Service.Mean() / 1e9
	}
	return t.PerSecond()*service < busy*float64(cell.Conns*max(1, cell.Pipeline))
}
