package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// percentiles are those that every report gives.
var percentiles = []float64{50, 90, 99, 99.9, 99.99}

// A view is what table, page and plots all show of one load.
type view struct {
	load result.Load
	rows []row
}

// A row is one contestant: medians over the trials that count, latencies from
// their merged histograms.
type row struct {
	name     string
	cell     result.Cell
	index    int             // of the cell
	trials   []*result.Trial // that count
	measured []*result.Trial // also those that were disturbed

	rate    stat.Interval // messages/s
	offered stat.Interval // open loop only
	latency result.Histogram
	service *result.Histogram // open loop only: latency is then the response time
	lag     *result.Histogram // open loop only
	dropped int64             // values that no histogram of ours can hold
	clipped uint64            // values that were too great for it when measured

	server, client, machine stat.Interval // ns a message
	kib                     stat.Interval // ns of the server's a KiB
	user                    share         // of the server's CPU
	machineUser             share
	helpers                 []helper
	syscalls                stat.Interval
	switches                stat.Interval
	rss                     stat.Interval // bytes
	steal, other            stat.Interval // shares of all CPUs' time
	threads                 stat.Interval
	verdict                 string
	clientBound             int // trials
}

// A share of CPU that was user time, with its standard error.
type share struct{ part, err float64 }

// A helper is one kind of io_uring kernel thread of a server.
type helper struct {
	name    string
	threads int
	cpu     stat.Interval // ns a message
}

func views(s *result.Set) []view {
	var all []view
	x, cells := s.Index(), s.Plan.CellsByLoad()
	for i, load := range s.Plan.Loads() {
		v := view{load: load}
		for _, cell := range cells[i] {
			if s.Plan.Purpose == "" && x.Again(cell) {
				continue // noise is in the ratios, not a row of its own
			}
			v.rows = append(v.rows, newRow(s, x, cell))
		}
		all = append(all, v)
	}
	return all
}

func newRow(s *result.Set, x *result.Index, cell int) row {
	r := row{name: x.Name(cell), cell: s.Plan.Cells[cell], index: cell, trials: x.Valid(cell), measured: x.Measured(cell)}
	r.rate = r.median((*result.Trial).PerSecond)
	r.offered = r.median((*result.Trial).OfferedPerSecond)
	r.server = r.median((*result.Trial).ServerCPUPerMessage)
	r.kib = r.median((*result.Trial).ServerCPUPerKiB)
	r.client = r.median((*result.Trial).ClientCPUPerMessage)
	r.machine = stat.Median(nil)
	if !s.Plan.Duet { // there the machine worked for both
		r.machine = r.median((*result.Trial).MachineCPUPerMessage)
	}
	r.syscalls = r.median((*result.Trial).SyscallsPerMessage)
	r.switches = r.median((*result.Trial).SwitchesPerMessage)
	r.rss = r.median(ofServer(func(p *result.Process) float64 { return float64(p.PeakRSS) }))
	r.steal = r.median(func(t *result.Trial) float64 { return t.StealShare(s.Env.CPUs) })
	r.other = r.median(func(t *result.Trial) float64 { return t.OtherShare(s.Env.CPUs) })
	r.threads = r.median(ofServer(func(p *result.Process) float64 { return float64(p.Threads) }))
	r.user = userShare(r.trials, func(t *result.Trial) *result.Process { return t.Server })
	r.machineUser = machineShare(r.trials, s.Env.TickHz)
	r.mergeLatency()
	r.findHelpers()
	r.verdict = verdict(r.trials)
	for _, t := range r.trials {
		if t.Verdict == result.ClientBound {
			r.clientBound++
		}
		r.clipped += t.Clipped
	}
	return r
}

func (r *row) median(of func(*result.Trial) float64) stat.Interval {
	values := make([]float64, len(r.trials))
	for i, t := range r.trials {
		values[i] = of(t)
	}
	return stat.Median(values)
}

func ofServer(f func(*result.Process) float64) func(*result.Trial) float64 {
	return func(t *result.Trial) float64 {
		if t.Server == nil {
			return math.NaN()
		}
		return f(t.Server)
	}
}

func (r *row) mergeLatency() {
	var latency, service, lag []result.Histogram
	for _, t := range r.trials {
		latency = append(latency, t.Latency())
		if t.Response != nil {
			service = append(service, t.Service)
		}
		if t.SendLag != nil {
			lag = append(lag, *t.SendLag)
		}
	}
	r.latency, r.dropped = merged(latency)
	if len(service) > 0 {
		h, dropped := merged(service)
		r.service, r.dropped = &h, r.dropped+dropped
	}
	if len(lag) > 0 {
		h, dropped := merged(lag)
		r.lag, r.dropped = &h, r.dropped+dropped
	}
}

// merged is result.Merge, which copies, but of one histogram the very same.
func merged(all []result.Histogram) (sum result.Histogram, dropped int64) {
	if len(all) == 1 && all[0].Histogram != nil && all[0].HighestTrackableValue() <= result.NanosMax {
		return all[0], 0
	}
	return result.Merge(all...)
}

func (r *row) findHelpers() {
	threads := map[string]int{}
	for _, t := range r.trials {
		if t.Server == nil {
			continue
		}
		for _, h := range t.Server.Helpers {
			threads[h.Name] = max(threads[h.Name], h.Threads)
		}
	}
	for name, n := range threads {
		cpu := r.median(func(t *result.Trial) float64 { return t.HelperCPUPerMessage(name) })
		r.helpers = append(r.helpers, helper{name: name, threads: n, cpu: cpu})
	}
	slices.SortFunc(r.helpers, func(a, b helper) int { return cmp.Compare(a.name, b.name) })
}

// userShare pools the trials: each counts by its CPU time, and so does its
// sampling error.
func userShare(trials []*result.Trial, side func(*result.Trial) *result.Process) share {
	var cpu, user, variance float64
	for _, t := range trials {
		if p := side(t); p != nil {
			cpu += p.CPUSeconds
			user += p.CPUSeconds * p.UserShare
			variance += math.Pow(p.CPUSeconds*p.UserShareError, 2)
		}
	}
	if cpu <= 0 {
		return share{math.NaN(), math.NaN()}
	}
	return share{user / cpu, math.Sqrt(variance) / cpu}
}

// machineShare pools the trials, too. The machine's time is sampled by the same
// tick on every CPU, so busy time times its rate is the number of samples; where
// that is not known the error is NaN.
func machineShare(trials []*result.Trial, tickHz float64) share {
	var user, busy float64
	for _, t := range trials {
		if t.Machine != nil {
			user += t.Machine.UserSeconds
			busy += t.Machine.UserSeconds + t.Machine.KernelSeconds
		}
	}
	if busy <= 0 {
		return share{math.NaN(), math.NaN()}
	}
	s := share{user / busy, math.NaN()}
	if tickHz > 0 {
		s.err = stat.ShareError(s.part, busy*tickHz)
	}
	return s
}

// verdict is the commonest of the trials, with its count where they disagree.
func verdict(trials []*result.Trial) string {
	count := map[string]int{}
	best, with := "", 0
	for _, t := range trials {
		if t.Verdict == "" {
			continue
		}
		with++
		count[t.Verdict]++
		if n := count[t.Verdict]; n > count[best] || n == count[best] && t.Verdict < best {
			best = t.Verdict
		}
	}
	if with == 0 || count[best] == with {
		return best
	}
	return fmt.Sprintf("%s %s/%s", best, stat.Count(count[best]), stat.Count(with))
}
