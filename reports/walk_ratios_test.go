package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// A ratio is a geometric mean with Student's interval.
type ratio struct {
	mid, lo, hi float64
	pairs       int
	freedom     int // of the interval
}

// studentP is how likely a value of Student's distribution is to be at least as far from
// 0 as t (Abramowitz and Stegun, 26.7.3 and 26.7.4).
func studentP(t float64, freedom int) float64 {
	angle, odd := math.Atan(t/math.Sqrt(float64(freedom))), freedom%2
	sum, term := 0.0, math.Sin(angle)*math.Pow(math.Cos(angle), float64(odd))
	for j := range (freedom - odd) / 2 {
		sum += term
		term *= float64(2*j+1+odd) / float64(2*j+2+odd) * math.Pow(math.Cos(angle), 2)
	}
	if odd == 1 {
		sum = (angle + sum) * 2 / math.Pi
	}
	return 1 - sum
}

// student is how far from 0 only p lies.
func student(p float64, freedom int) float64 {
	near, far := 0.0, 100.0
	for range 60 {
		if mid := (near + far) / 2; studentP(mid, freedom) > p {
			near = mid
		} else {
			far = mid
		}
	}
	return near
}

func ratioOver(sessions map[int][]float64) (r ratio) {
	var means, only []float64
	for _, logs := range sessions {
		sum := 0.0
		for _, x := range logs {
			sum += x
		}
		means, only = append(means, sum/float64(len(logs))), logs
		r.pairs += len(logs)
	}
	if len(means) == 1 {
		means = only
	}
	n := float64(len(means))
	var sum, squares float64
	for _, x := range means {
		sum += x
	}
	for _, x := range means {
		squares += (x - sum/n) * (x - sum/n)
	}
	r.mid, r.lo, r.hi = math.Exp(sum/n), math.NaN(), math.NaN()
	if n > 1 {
		r.freedom = len(means) - 1
		half := student(0.05, r.freedom) * math.Sqrt(squares/(n-1)/n)
		r.lo, r.hi = math.Exp(sum/n-half), math.Exp(sum/n+half)
	}
	return r
}

// pairsOf are trials of two cells that ran together, or in the same block.
func (w *walked) pairsOf(a, b int) (pairs [][2]raw) {
	for _, x := range w.all(a) {
		for _, y := range w.all(b) {
			if w.set.Plan.Duet && x.Pair == y.Pair || !w.set.Plan.Duet && x.Block == y.Block {
				pairs = append(pairs, [2]raw{x, y})
			}
		}
	}
	return calm(pairs, func(p [2]raw) bool { return p[0].Disturbed != "" || p[1].Disturbed != "" })
}

func (w *walked) ratio(a, b int, of func(raw) float64) ratio {
	sessions := map[int][]float64{}
	for _, p := range w.pairsOf(a, b) {
		if x := math.Log(of(p[0]) / of(p[1])); !math.IsNaN(x) {
			sessions[p[0].Session] = append(sessions[p[0].Session], x)
		}
	}
	return ratioOver(sessions)
}

// matches are those of the plan, or the first of each load with the others.
func (w *walked) matches() (list []result.Match) {
	if list = w.set.Plan.Matches; list != nil {
		return list
	}
	for _, cells := range w.cells {
		for _, other := range cells[1:] {
			list = append(list, result.Match{A: cells[0], B: other})
		}
	}
	return list
}

// effectCells are the centers and intervals of CPU, of throughput and of p99.
func effectCells(all ...ratio) (cells []want) {
	for _, r := range all {
		interval := nums(r.lo, r.hi)
		cells = append(cells, nums(r.mid), interval)
	}
	return cells
}

// three are the ratios that tables have.
func (w *walked) three(m result.Match) []ratio {
	return []ratio{w.ratio(m.A, m.B, raw.cpu), w.ratio(m.A, m.B, raw.rate), w.ratio(m.A, m.B, w.percentile(99))}
}

func walkRatios(w *walked, t shownTable) (rows []wantRow) {
	var all [][]ratio
	add := func(name string, of []ratio) {
		all = append(all, of)
		rows = append(rows, wantRow{name, append(effectCells(of...), nums(float64(of[0].pairs)))})
	}
	for _, m := range w.matches() {
		a, b := w.names[m.A], w.names[m.B]
		load := w.set.Plan.Cells[m.B].Load
		switch {
		case w.set.Plan.Purpose == "" && load == w.loads[w.loadOf(t.title)]:
			add(a+" / "+b, w.three(m))
		case w.set.Plan.Purpose != "" && t.title == a+" / "+b+": "+m.Label:
			add(fmt.Sprintf("%d × %d B", load.Conns, load.Size), w.three(m))
		}
	}
	if strings.HasPrefix(t.title, "(uring / epoll) /") {
		for at, load := range w.loads {
			add(fmt.Sprintf("%d × %d B", load.Conns, load.Size), w.twins(at))
		}
	}
	if len(all) > 1 && w.set.Plan.Purpose != "" {
		row := wantRow{name: "median, range"}
		for i := range all[0] {
			var values []float64
			for _, of := range all {
				values = append(values, of[i].mid)
			}
			m := middleOf(values...)
			row.cells = append(row.cells, nums(m.mid), nums(m.lo, m.hi))
		}
		rows = append(rows, wantRow{row.name, append(row.cells, exactly(""))})
	}
	return rows
}

// twins are our ratios against those of the C twins, block by block.
func (w *walked) twins(at int) (all []ratio) {
	cell := map[string]int{}
	for _, c := range w.cells[at] {
		cell[w.names[c]] = c
	}
	for _, of := range []func(raw) float64{raw.cpu, raw.rate, w.percentile(99)} {
		logs := map[int][]float64{}
		for _, p := range w.pairsOf(cell["uring"], cell["epoll"]) {
			for _, q := range w.pairsOf(cell["c-uring"], cell["c-epoll"]) {
				if p[0].Block == q[0].Block {
					logs[p[0].Session] = append(logs[p[0].Session], math.Log(of(p[0])/of(p[1])/(of(q[0])/of(q[1]))))
				}
			}
		}
		all = append(all, ratioOver(logs))
	}
	return all
}

func walkAblation(w *walked, _ shownTable) (rows []wantRow) {
	for _, m := range w.byCost() {
		row := wantRow{name: m.Label}
		of := w.three(m)
		for _, r := range of[:2] {
			change := nums((r.mid - 1) * 100)
			change.spoken = true
			row.cells = append(row.cells, change, nums((r.lo-1)*100, (r.hi-1)*100))
		}
		rows = append(rows, wantRow{m.Label, append(row.cells, nums(float64(of[0].pairs)), exactly(map[bool]string{true: "apart", false: "duet"}[m.Apart]))})
	}
	return rows
}

// byCost are the matches of an ablation: the one of like things first, then by CPU.
func (w *walked) byCost() []result.Match {
	list := slices.Clone(w.matches())
	slices.SortStableFunc(list, func(x, y result.Match) int {
		switch {
		case x.Same:
			return -1
		case y.Same:
			return 1
		}
		return cmp.Compare(w.ratio(y.A, y.B, raw.cpu).mid, w.ratio(x.A, x.B, raw.cpu).mid)
	})
	return list
}

func walkFound(w *walked, t shownTable) (rows []wantRow) {
	for _, f := range w.set.Found {
		if f.Load.Unpaced() != searchedIn(t) {
			continue
		}
		cells := slices.Repeat([]want{exactly(none)}, 8)
		var trials []string
		for i, cell := range []int{f.Sustained, f.Failed} {
			if cell < 0 {
				trials = append(trials, none)
				continue
			}
			trials = append(trials, strconv.Itoa(len(w.counting(cell))))
			cells[i] = nums(w.set.Plan.Cells[cell].Rate)
			if i == 0 {
				share, off := w.user(cell, func(t raw) *result.Process { return t.Server })
				cells[3], cells[4], cells[5] = nums(w.latency(cell).at(50)), nums(w.latency(cell).at(99)), nums(w.middle(cell, raw.cpu).mid, share, off)
			} else {
				cells[2], cells[7] = w.missed(cell), w.verdict(cell)
			}
		}
		cells[6] = exactly(strings.Join(trials, " + "))
		rows = append(rows, wantRow{f.Contestant, cells})
	}
	return rows
}

// missed are the numbers of what the trials of a rate miss, the first thing.
func (w *walked) missed(cell int) want {
	search := w.set.Plan.Search
	answered := w.middle(cell, func(t raw) float64 { return float64(t.Messages) / float64(t.Offered) }).mid
	if answered < search.AnsweredShare {
		return nums(100 * answered)
	}
	for _, o := range search.Objectives {
		if ms := w.middle(cell, func(t raw) float64 { return w.spread(t.latency()).anyAt(o.Percentile) }).mid / 1e3; ms >= o.Below*1e3 {
			return nums(o.Percentile, ms)
		}
	}
	return exactly("")
}

func walkTried(w *walked, t shownTable) (rows []wantRow) {
	for _, f := range w.set.Found {
		if f.Load.Unpaced() != searchedIn(t) {
			continue
		}
		var cells []int
		for cell, c := range w.set.Plan.Cells {
			if c.Contestant == f.Contestant {
				cells = append(cells, cell)
			}
		}
		slices.SortFunc(cells, func(a, b int) int { return cmp.Compare(w.set.Plan.Cells[a].Rate, w.set.Plan.Cells[b].Rate) })
		for _, cell := range cells {
			row := wantRow{f.Contestant, []want{nums(w.set.Plan.Cells[cell].Rate), nums(w.middle(cell, raw.rate).mid)}}
			for _, p := range []float64{50, 90, 99, 99.9} {
				row.cells = append(row.cells, nums(w.latency(cell).at(p)))
			}
			share, off := w.user(cell, func(t raw) *result.Process { return t.Server })
			row.cells = append(row.cells, nums(w.middle(cell, raw.cpu).mid, share, off), nums(float64(len(w.counting(cell)))), w.missed(cell))
			rows = append(rows, row)
		}
	}
	return rows
}
