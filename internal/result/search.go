package result

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Search is for the highest rate that each contestant sustains: at which, in
// the median of the rate's trials, nearly all that is offered is answered and
// every objective is met.
type Search struct {
	Objectives []Objective `json:"objectives"`
	// AnsweredShare of what is offered must be answered within the window.
	AnsweredShare float64 `json:"answered_share"`
	// BracketRatio is how far a rate that is sustained and one that is not may lie
	// apart in the end.
	BracketRatio float64 `json:"bracket_ratio"`
}

// An Objective is a percentile of the response time that is to stay below a limit.
type Objective struct {
	Percentile float64 `json:"percentile"`
	Below      float64 `json:"below_seconds"`
}

func (o Objective) String() string {
	return fmt.Sprintf("p%s<%v", strconv.FormatFloat(o.Percentile, 'f', -1, 64), time.Duration(math.Round(o.Below*1e9)))
}

func (s *Search) String() string {
	words := make([]string, len(s.Objectives))
	for i, o := range s.Objectives {
		words[i] = o.String()
	}
	return strings.Join(words, ",")
}

// Missed says what a rate's trials miss, the first thing; "" when they sustain it.
func (s *Search) Missed(trials []*Trial) string {
	median := func(of func(*Trial) float64) float64 {
		values := make([]float64, len(trials))
		for i, t := range trials {
			values[i] = of(t)
		}
		slices.Sort(values)
		n := len(values)
		return (values[(n-1)/2] + values[n/2]) / 2
	}
	if len(trials) == 0 {
		return "no trial counts"
	}
	answered := median(func(t *Trial) float64 { return float64(t.Messages) / float64(max(t.Offered, 1)) })
	if answered < s.AnsweredShare {
		return fmt.Sprintf("%.3g %% answered", 100*answered)
	}
	for _, o := range s.Objectives {
		took := median(func(t *Trial) float64 {
			h := t.Latency()
			if h.Histogram == nil {
				return 0
			}
			return float64(h.ValueAtPercentile(o.Percentile)) / 1e9
		})
		if took >= o.Below {
			return fmt.Sprintf("p%s %.3g ms", strconv.FormatFloat(o.Percentile, 'f', -1, 64), 1e3*took)
		}
	}
	return ""
}

// A Found is what a search found of one contestant. Rates are cells, as indices
// into Plan.Cells, or -1.
type Found struct {
	Contestant string `json:"contestant"`
	Load       Load   `json:"load"` // without a rate
	Sustained  int    `json:"sustained_cell"`
	Failed     int    `json:"failed_cell"` // the lowest that is not sustained
	// Unfinished is why the bracket is not as narrow, or not as well confirmed, as
	// it should be.
	Unfinished string `json:"unfinished,omitempty"`
}
