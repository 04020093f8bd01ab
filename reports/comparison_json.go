package reports

import (
	"io"
	"math"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// ComparisonJSON prints a comparison in base units; what is not known is null.
func ComparisonJSON(w io.Writer, c *compare.Comparison) error {
	return indented(w, comparisonData(c))
}

type (
	comparisonJSON struct {
		Base        sideJSON         `json:"base"`
		Head        sideJSON         `json:"head"`
		Differences []differenceJSON `json:"differences"`
		Findings    []findingJSON    `json:"findings"`
		Shifts      []shiftJSON      `json:"latency_shifts"`
		Unmatched   []unmatchedJSON  `json:"unmatched"`
		Warnings    []string         `json:"warnings"`
	}
	sideJSON struct {
		Name   string `json:"name"`
		Commit string `json:"commit,omitempty"`
	}
	differenceJSON struct {
		Condition string `json:"condition"`
		Base      string `json:"base"`
		Head      string `json:"head"`
		Weight    string `json:"weight"`
	}
	// An intervalJSON is [center, low, high].
	intervalJSON [3]*float64
	findingJSON  struct {
		Contestant    string         `json:"contestant"`
		Load          result.Load    `json:"load"`
		LoadText      string         `json:"load_text"`
		Metric        compare.Metric `json:"metric"`
		LowerIsBetter bool           `json:"lower_is_better"`
		Base          intervalJSON   `json:"base"`
		Head          intervalJSON   `json:"head"`
		Ratio         intervalJSON   `json:"head_over_base"`
		Robust        intervalJSON   `json:"head_over_base_hodges_lehmann"`
		Trials        int            `json:"trials"`
		Sessions      int            `json:"sessions"`
		Paired        bool           `json:"paired"`
		Exact         bool           `json:"exact"`
		Floor         float64        `json:"noise_floor"`
		Q             *float64       `json:"q"`
		Threshold     float64        `json:"threshold"`
		Verdict       string         `json:"verdict"`
		Why           string         `json:"why,omitempty"`
		Detectable    *float64       `json:"detectable"`
		More          int            `json:"more_trials,omitempty"`
	}
	shiftJSON struct {
		Contestant string         `json:"contestant"`
		Load       result.Load    `json:"load"`
		Quantiles  []quantileJSON `json:"quantiles"`
	}
	quantileJSON struct {
		Q     float64      `json:"q"`
		Base  intervalJSON `json:"base_ns"`
		Head  intervalJSON `json:"head_ns"`
		Ratio intervalJSON `json:"head_over_base"`
	}
	unmatchedJSON struct {
		Side       string      `json:"side"`
		Contestant string      `json:"contestant"`
		Load       result.Load `json:"load"`
	}
)

func comparisonData(c *compare.Comparison) comparisonJSON {
	d := comparisonJSON{Base: sideJSON(c.Base), Head: sideJSON(c.Head), Warnings: append([]string{}, c.Warnings...),
		Differences: []differenceJSON{}, Findings: []findingJSON{}, Shifts: []shiftJSON{}, Unmatched: []unmatchedJSON{}}
	for _, x := range c.Differences {
		d.Differences = append(d.Differences, differenceJSON{x.Condition, x.A, x.B, x.Weight.String()})
	}
	for i := range c.Findings {
		d.Findings = append(d.Findings, findingData(&c.Findings[i]))
	}
	for _, s := range c.Shifts {
		j := shiftJSON{Contestant: s.Contestant, Load: s.Load}
		for _, q := range s.Quantiles {
			j.Quantiles = append(j.Quantiles, quantileJSON{q.Q, intervalData(q.B), intervalData(q.A), ratioData(q.Ratio)})
		}
		d.Shifts = append(d.Shifts, j)
	}
	for _, u := range c.Unmatched {
		d.Unmatched = append(d.Unmatched, unmatchedJSON(u))
	}
	return d
}

func findingData(f *compare.Finding) findingJSON {
	return findingJSON{
		Contestant: f.Contestant, Load: f.Load, LoadText: f.Load.String(), Metric: f.Metric, LowerIsBetter: f.Lower,
		Base: intervalData(f.Base), Head: intervalData(f.Head), Ratio: ratioData(f.Effect), Robust: intervalData(f.Robust),
		Trials: f.Effect.Pairs, Sessions: f.Effect.Sessions, Paired: f.Paired, Exact: f.Exact, Floor: f.Floor, Q: known(f.Q),
		Threshold: f.Threshold, Verdict: f.Verdict.String(), Why: f.Why, Detectable: known(f.Detectable), More: f.More,
	}
}

func intervalData(iv stat.Interval) intervalJSON {
	return intervalJSON{known(iv.Center), known(iv.Lo), known(iv.Hi)}
}

func ratioData(e stat.Effect) intervalJSON {
	return intervalJSON{known(e.Center), known(e.Lo), known(e.Hi)}
}

// known is nil for what JSON has no number for.
func known(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
