package history

import (
	"math"
	"time"
)

// A Reported is a Change as other programs read it.
type Reported struct {
	Contestant string    `json:"contestant"`
	Load       string    `json:"load"`
	Metric     string    `json:"metric"`
	Unit       string    `json:"unit,omitempty"`
	Commit     string    `json:"commit,omitempty"` // from which on
	Time       time.Time `json:"time"`
	Last       string    `json:"last_commit_before,omitempty"` // of the entries there are
	Before     float64   `json:"mean_before"`
	After      float64   `json:"mean_after"`
	Ratio      *float64  `json:"ratio,omitempty"` // after/before, of geometric means
	Lo         *float64  `json:"lo,omitempty"`
	Hi         *float64  `json:"hi,omitempty"`
	P          float64   `json:"p"`
	Worse      bool      `json:"worse"`
}

// Report lists the changes of trends.
func Report(trends []Trend) []Reported {
	list := []Reported{}
	known := func(x float64) *float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		return &x
	}
	for _, t := range trends {
		for _, c := range t.Changes {
			first, last := t.Points[c.Index].Entry, t.Points[c.Last].Entry
			list = append(list, Reported{
				t.Contestant, t.Load, t.Metric, t.Unit, first.Commit, first.Time, last.Commit,
				c.Before, c.After, known(c.Effect.Center), known(c.Effect.Lo), known(c.Effect.Hi), c.P, c.Worse,
			})
		}
	}
	return list
}
