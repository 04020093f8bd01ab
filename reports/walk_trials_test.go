package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// A walked is a page with the set that it embeds, from which every figure is derived
// without the packages that derive those of reports.
type walked struct {
	*testing.T
	page    string
	set     *result.Set
	loads   []result.Load
	cells   [][]int // of each load, without those that are there for an A/A
	names   []string
	titles  []string            // of the loads
	places  []string            // of the cells: what a sentence on one begins with
	spreads map[any]spread      // of single histograms, and of the latencies of cells
	told    map[effectOf]string // the verdicts
	cuts    map[string][2]int   // of what a page shows the first, how many of how many: what it has to say
	book    []*phrase           // what sentences may say
	checked int
}

func newWalked(t *testing.T, page string, s *result.Set) *walked {
	w := &walked{T: t, page: page, set: s, spreads: map[any]spread{}, cuts: map[string][2]int{}}
	for i, c := range s.Plan.Cells {
		name, alike := c.Contestant, 0
		for j, d := range s.Plan.Cells {
			if d.Contestant == c.Contestant && d.Load == c.Load {
				if alike++; j == i {
					name = fmt.Sprintf("%s #%d", c.Contestant, alike)
				}
			}
		}
		if alike == 1 {
			name = c.Contestant
		}
		w.names, w.places = append(w.names, name), append(w.places, name+" ("+c.Load.String()+"): ")
		again := slices.ContainsFunc(s.Plan.Matches, func(m result.Match) bool { return s.Plan.Purpose == "" && m.Same && max(m.A, m.B) == i })
		at := slices.Index(w.loads, c.Load)
		if at < 0 {
			at = len(w.loads)
			w.loads, w.titles, w.cells = append(w.loads, c.Load), append(w.titles, c.Load.String()), append(w.cells, nil)
		}
		if !again {
			w.cells[at] = append(w.cells[at], i)
		}
	}
	return w
}

// loadOf is the load that a title names, as an index.
func (w *walked) loadOf(title string) (at int) {
	at = -1
	for i, l := range w.titles {
		if strings.Contains(title, l) && (at < 0 || len(l) > len(w.titles[at])) {
			at = i
		}
	}
	if at < 0 {
		w.Fatalf("%s: %q is of no load", w.page, title)
	}
	return at
}

// A raw trial has figures of its own, NaN where it has none.
type raw struct{ *result.Trial }

func over(a, b float64) float64 {
	if b > 0 {
		return a / b
	}
	return math.NaN()
}

func (t raw) rate() float64 {
	if t.FileBytes > 0 {
		return float64(t.Bytes) / float64(t.FileBytes) / t.Seconds
	}
	return float64(t.Messages) / t.Seconds
}

func (t raw) offered() float64 {
	if t.Offered == 0 {
		return math.NaN()
	}
	return float64(t.Offered) / t.Seconds
}

// each is nanoseconds a unit, of seconds that were spent within so many.
func (t raw) each(spent, within float64) float64 { return over(spent, within) / t.rate() * 1e9 }

func (t raw) cpu() float64 { return t.each(t.Server.CPUSeconds, t.Server.Seconds) }

func (t raw) helpers(name string) (sum float64) {
	for _, h := range t.Server.Helpers {
		if name == "" || h.Name == name {
			sum += t.each(h.CPUSeconds, t.Server.ThreadSeconds)
		}
	}
	return sum
}

func (t raw) client() float64 {
	if t.Client == nil {
		return math.NaN()
	}
	return t.each(t.Client.CPUSeconds-t.Client.SpinSeconds, t.Client.Seconds)
}

// spin is what the client burnt until messages were due.
func (t raw) spin() float64 {
	if t.Client == nil {
		return math.NaN()
	}
	return t.each(t.Client.SpinSeconds, t.Client.Seconds)
}

func (t raw) machine() float64 {
	busy := t.Machine.BusySeconds
	if t.Client != nil {
		busy -= t.Client.SpinSeconds / t.Client.Seconds * t.Machine.Seconds
	}
	if t.Hiccups != nil {
		busy -= t.Hiccups.CPUSeconds
	}
	return t.each(busy, t.Machine.Seconds)
}

func (t raw) syscalls() float64 {
	of := func(p *float64) float64 {
		if p == nil {
			return 0
		}
		return *p
	}
	if t.CountedSyscalls == nil {
		return of(t.TracedSyscalls)
	}
	return of(t.CountedSyscalls) + of(t.OtherSyscalls)
}

func (t raw) switches() float64 {
	return t.each(float64(t.Server.Voluntary+t.Server.Involuntary), t.Server.ThreadSeconds) / 1e9
}

func (t raw) waiting() float64 {
	if t.Server.RunQueueWait == nil {
		return math.NaN()
	}
	return *t.Server.RunQueueWait / t.Server.ThreadSeconds
}

func (t raw) mebibytes() float64 { return float64(t.Server.PeakRSS) / 1024 / 1024 }

func (t raw) latency() result.Histogram {
	if t.Response != nil {
		return *t.Response
	}
	return t.Service
}

// calm leaves out what was disturbed, unless it is more than half.
func calm[T any](all []T, disturbed func(T) bool) (some []T) {
	for _, x := range all {
		if !disturbed(x) {
			some = append(some, x)
		}
	}
	if 2*len(some) < len(all) {
		return all
	}
	return some
}

// all are the trials of a cell that are not void, counting those in its figures.
func (w *walked) all(cell int) (trials []raw) {
	for i := range w.set.Trials {
		if t := &w.set.Trials[i]; t.Cell == cell && t.Void == "" {
			trials = append(trials, raw{t})
		}
	}
	return trials
}

func (w *walked) counting(cell int) []raw {
	return calm(w.all(cell), func(t raw) bool { return t.Disturbed != "" })
}

// A middle is a median with its interval: between the values of which a coin would have
// to fall on one side that rarely, or of fewer than six the least and the greatest.
type middle struct {
	mid, lo, hi float64
	n           int
}

func middleOf(values ...float64) middle {
	values = slices.DeleteFunc(values, math.IsNaN)
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return middle{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	out, chance := 0, math.Pow(0.5, float64(n))
	for beyond := chance; n > 5; out++ {
		chance *= float64(n-out) / float64(out+1)
		if beyond += chance; beyond > 0.025 {
			break
		}
	}
	return middle{(values[(n-1)/2] + values[n/2]) / 2, values[out], values[n-1-out], n}
}

// half is of the interval, in percent.
func (m middle) half() float64 {
	if m.n < 2 {
		return math.NaN()
	}
	return (m.hi - m.lo) / 2 / m.mid * 100
}

// told are the numbers of a median in words.
func (m middle) told() want {
	switch {
	case m.n == 0:
		return exactly("not measured")
	case m.n == 1:
		return nums(m.mid)
	case m.n < 6:
		return nums(m.mid, m.lo, m.hi, float64(m.n))
	}
	return nums(m.mid, m.lo, m.hi, 95, float64(m.n))
}

func (w *walked) middle(cell int, of func(raw) float64) middle {
	var values []float64
	for _, t := range w.counting(cell) {
		values = append(values, of(t))
	}
	return middleOf(values...)
}

// A spread is what histograms counted, together.
type spread struct {
	values []int64
	upTo   []int64 // how many values are at most that of this index
	least  int64   // the least that values[0] stands for
}

func (w *walked) spread(all ...result.Histogram) (s spread) {
	if len(all) == 1 {
		if s, ok := w.spreads[all[0].Histogram]; ok {
			return s
		}
	}
	count := map[int64]int64{}
	s.least = math.MaxInt64
	for _, h := range all {
		for _, b := range h.Distribution() {
			if b.Count > 0 {
				count[b.To] += b.Count
				s.least = min(s.least, b.From)
			}
		}
	}
	s.values = slices.Sorted(maps.Keys(count))
	sum := int64(0)
	for _, v := range s.values {
		sum += count[v]
		s.upTo = append(s.upTo, sum)
	}
	if len(all) == 1 {
		w.spreads[all[0].Histogram] = s
	}
	return s
}

// at is a percentile in microseconds, NaN if fewer than ten values lie beyond it.
func (s spread) at(p float64) float64 {
	if len(s.values) == 0 || float64(s.upTo[len(s.upTo)-1])*(100-p)/100 < 10-1e-6 {
		return math.NaN()
	}
	return s.anyAt(p)
}

func (s spread) anyAt(p float64) float64 {
	if p == 0 {
		return float64(s.least) / 1e3
	}
	rank := max(int64(p/100*float64(s.upTo[len(s.upTo)-1])+0.5), 1)
	i, _ := slices.BinarySearch(s.upTo, rank)
	return float64(s.values[i]) / 1e3
}

// merged is of the trials that count and have a histogram.
func (w *walked) merged(cell int, of func(raw) *result.Histogram) spread {
	var all []result.Histogram
	for _, t := range w.counting(cell) {
		if h := of(t); h != nil {
			all = append(all, *h)
		}
	}
	return w.spread(all...)
}

func (w *walked) latency(cell int) spread {
	if _, ok := w.spreads[cell]; !ok {
		w.spreads[cell] = w.merged(cell, func(t raw) *result.Histogram { h := t.latency(); return &h })
	}
	return w.spreads[cell]
}

// percentile is a trial's.
func (w *walked) percentile(p float64) func(raw) float64 {
	return func(t raw) float64 { return w.spread(t.latency()).at(p) }
}

func serviceOf(t raw) *result.Histogram {
	if t.Response == nil {
		return nil
	}
	return &t.Service
}

func lateServer(t raw) *result.Histogram {
	if t.Hiccups == nil {
		return nil
	}
	return t.Hiccups.Server
}

func lateClient(t raw) *result.Histogram {
	if t.Hiccups == nil {
		return nil
	}
	return t.Hiccups.Client
}

// user is the share of user time of one side, in percent, and its error rounded up.
func (w *walked) user(cell int, side func(raw) *result.Process) (share, off float64) {
	var cpu, user, squares float64
	for _, t := range w.counting(cell) {
		p := side(t)
		if p == nil {
			continue
		}
		cpu, user = cpu+p.CPUSeconds, user+p.CPUSeconds*p.UserShare
		squares += p.CPUSeconds * p.UserShareError * p.CPUSeconds * p.UserShareError
	}
	return user / cpu * 100, math.Ceil(math.Sqrt(squares) / cpu * 100)
}

// machineUser is that of the machine, whose error is that of as many samples as there
// were ticks, with one more on either side.
func (w *walked) machineUser(cell int) (share, off float64) {
	var user, busy float64
	for _, t := range w.counting(cell) {
		user, busy = user+t.Machine.UserSeconds, busy+t.Machine.UserSeconds+t.Machine.KernelSeconds
	}
	n := busy * w.set.Env.TickHz
	p := (user/busy*n + 1) / (n + 2)
	return user / busy * 100, math.Ceil(100 * math.Sqrt(p*(1-p)/n))
}
