package claims

import (
	"fmt"
	"math"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

type metric func(*result.Trial) float64

// under says which loads a figure is of; nil: the first.
type under func(result.Load) bool

func blocks(n int) under { return func(l result.Load) bool { return l.Size == n } }

// ratio is metric of contestant a to that of b, over the pairs of their match.
func ratio(a, b string, of metric, u under) func(*result.Set) Figure {
	return func(s *result.Set) Figure {
		for _, l := range s.Plan.Loads() {
			if u == nil || u(l) {
				return ratioUnder(s, l, a, b, of)
			}
		}
		return Figure{Missing: "no such load was measured"}
	}
}

// best is the greatest ratio over all loads: the one that favours the claim most. Its
// interval reaches as high as that of any load, which may be the best in truth.
func best(a, b string, of metric) func(*result.Set) Figure {
	return func(s *result.Set) Figure {
		found, highest := Figure{Center: math.NaN(), Missing: "no load was measured"}, math.Inf(-1)
		loads := s.Plan.Loads()
		for _, l := range loads {
			f := ratioUnder(s, l, a, b, of)
			if f.Missing != "" {
				continue
			}
			highest = max(highest, f.Hi)
			if found.Missing != "" || f.Center > found.Center {
				found = f
				found.Of = fmt.Sprintf("the best of %d loads, %d connections × %d B", len(loads), l.Conns, l.Size)
			}
		}
		found.Hi = highest
		return found
	}
}

func ratioUnder(s *result.Set, l result.Load, a, b string, of metric) Figure {
	for _, m := range s.Plan.Comparisons() {
		x, y := s.Plan.Cells[m.A], s.Plan.Cells[m.B]
		if x.Load != l || x.Contestant != a && x.Contestant != b || y.Contestant != a && y.Contestant != b {
			continue
		}
		if x.Contestant == b {
			m.A, m.B = m.B, m.A
		}
		e := stat.Compare(result.Figures(s.PairsOf(m), of)...)
		if math.IsNaN(e.Center) {
			break
		}
		return Figure{Center: e.Center, Lo: e.Lo, Hi: e.Hi, N: e.Pairs}
	}
	return Figure{Missing: missing(s, a, b)}
}

// level is where a contestant's trials lie under the first load: of one session their
// median, which has an interval from six trials on, of several the geometric mean of
// those of the sessions, so that the interval carries what differs between them.
func level(contestant string, of metric) func(*result.Set) Figure {
	return func(s *result.Set) Figure {
		for i, c := range s.Plan.Cells {
			if c.Contestant != contestant {
				continue
			}
			var values []float64
			sessions := make([][][2]float64, max(1, s.Plan.Sessions))
			for _, t := range s.Valid(i) {
				values = append(values, of(t))
				sessions[t.Session] = append(sessions[t.Session], [2]float64{of(t), 1})
			}
			if e := stat.Compare(sessions...); e.Sessions > 1 {
				return Figure{Center: e.Center, Lo: e.Lo, Hi: e.Hi, N: e.Pairs}
			}
			m := stat.Median(values)
			if m.Range {
				m.Lo, m.Hi = math.NaN(), math.NaN()
			}
			return Figure{Center: m.Center, Lo: m.Lo, Hi: m.Hi, N: m.N}
		}
		return Figure{Missing: missing(s, contestant)}
	}
}

func missing(s *result.Set, contestants ...string) string {
	for _, l := range s.Plan.LeftOut {
		for _, c := range contestants {
			if l.Contestant == c {
				return l.Why
			}
		}
	}
	return "no trial of it counts"
}

// outside is the share of the server's CPU time that is not user time.
func outside(t *result.Trial) float64 {
	if t.Server == nil {
		return math.NaN()
	}
	return 1 - t.Server.UserShare
}

// cell is one of the published grid.
func cell(conns, size int) under {
	return func(l result.Load) bool { return l.Conns == conns && l.Size == size }
}

var (
	cpu   metric = (*result.Trial).ServerCPUPerMessage
	rate  metric = (*result.Trial).PerSecond
	calls metric = (*result.Trial).SyscallsPerMessage
)
