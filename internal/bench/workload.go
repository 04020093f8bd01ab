package bench

import (
	"context"
	"slices"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// A workload is what bench must know of a kind of test to play it.
type workload struct {
	// server is our server of a cell. Behind is where the server behind it
	// listens, or the path of the file that supply made; "" where there is neither.
	server func(c result.Cell, p *result.Plan, behind string) (part, error)
	// client drives the server at an address. AllServed: it has taken every
	// connection from its backlog. Nil: the server drives itself, and answers
	// the commands of a client too.
	client func(c result.Cell, p *result.Plan, address string, allServed bool) part
	// ready is, of servers that drive themselves, what ours does before the load
	// and one that is not ours has done for it.
	ready func(c result.Cell, behind string) error
	// foreign lists of what a foreign server's command must name one; with none, a
	// server that runs already can take part.
	foreign []string
	// origin is the server behind ours; nil: there is none.
	origin func(c result.Cell, p *result.Plan) part
	// supply makes the files that the trials of a run use, and notes in the set
	// what they are; release gives them up. Nil: they use none.
	supply func(ctx context.Context, set *result.Set) (s supplies, release func(), err error)
	// places is how many connections a server of ours is to have accepted before
	// the load begins; nil: they come and go, or there are none.
	places func(c result.Cell) int
	// ops are those of our server's loops, where they have those traits.
	ops func(c result.Cell, t backends.Traits) []backends.Kind
	// messages is how many a server of ours has answered, by its counters.
	messages func(c result.Cell, n backends.Counters) float64
	// files is how many descriptors one process of a trial needs.
	files func(c result.Cell) int
	// threads is how many workers a pool of ours grows to.
	threads func(c result.Cell) int
	// floor is c as the null backend can have it, in the client or, where the
	// server drives itself, there; nil: there is no such thing.
	floor func(c result.Cell) result.Cell
}

// supplies are the paths of the files of a run, by their sizes.
type supplies map[int64]string

// A part is a process of ours in a trial.
type part struct {
	role  string
	cfg   any
	procs int  // its GOMAXPROCS; 0: Go's own choice
	loops cast // what it opens; none where a loop is nothing but blocking calls
}

var playable = map[string]workload{"echo": echo, "churn": churn, "proxy": proxy, "read": read, "stream": stream}

// of is the workload of a cell.
func of(c result.Cell) workload {
	if c.Workload == "echo" && workloads.Datagrams(c.Network) {
		return datagramEcho
	}
	return playable[c.Workload]
}

// drives reports whether a client of its own drives the server.
func (w workload) drives() bool { return w.client != nil }

// clientLoops is how many loops drive the connections of a cell.
func clientLoops(p *result.Plan, c result.Cell) int {
	return max(1, min(len(p.ClientCPUs), c.Conns))
}

// besides reports whether an origin shares CPUs with the client.
func besides(p *result.Plan) bool {
	return slices.ContainsFunc(p.OriginCPUs, func(cpu int) bool { return slices.Contains(p.ClientCPUs, cpu) })
}

// generator is a load generator of cfg, whose rest this fills in.
func generator(role string, cfg load.Config, c result.Cell, p *result.Plan) part {
	cfg.Backend, cfg.Conns, cfg.Seed = p.Client, c.Conns, p.Seed
	cfg.Loops = clientLoops(p, c)
	cfg.Spin = p.Placement == Split && !p.Duet && !besides(p)
	return part{role: role, cfg: cfg, procs: cfg.Loops + 1, loops: cast{p.Client, cfg.LoopConfig((c.Conns + cfg.Loops - 1) / cfg.Loops), cfg.Loops}}
}
