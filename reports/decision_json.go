package reports

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/ringbench/ringbench/internal/gate"
)

type (
	decisionJSON struct {
		Outcome    string          `json:"outcome"`
		Smallest   *float64        `json:"smallest_detectable_cpu_change"`
		Seconds    float64         `json:"seconds,omitempty"`
		Runs       []ranJSON       `json:"runs,omitempty"`
		Judged     []judgementJSON `json:"judged"`
		Advice     []string        `json:"advice"`
		Comparison *comparisonJSON `json:"comparison"`
	}
	ranJSON struct {
		Calls   bool    `json:"calls,omitempty"`
		Again   bool    `json:"again,omitempty"`
		Blocks  int     `json:"blocks"`
		Seconds float64 `json:"seconds"`
		Ending  string  `json:"ended,omitempty"`
	}
	judgementJSON struct {
		Outcome   string      `json:"outcome"`
		Confirmed bool        `json:"confirmed"`
		Text      string      `json:"text"`
		Rule      gate.Rule   `json:"rule"`
		Finding   findingJSON `json:"finding"`
	}
)

// DecisionJSON prints all of a decision, with the comparison as ComparisonJSON does.
func DecisionJSON(w io.Writer, d *gate.Decision) error { return indented(w, decisionData(d)) }

func decisionData(d *gate.Decision) decisionJSON {
	j := decisionJSON{Outcome: d.Outcome.String(), Smallest: known(d.Smallest), Seconds: d.Took.Seconds(), Judged: []judgementJSON{}, Advice: append([]string{}, d.Advice...)}
	for _, r := range d.Runs {
		j.Runs = append(j.Runs, ranJSON{r.Calls, r.Again, r.Blocks, r.Took.Seconds(), r.Ending})
	}
	for i := range d.Judged {
		x := &d.Judged[i]
		j.Judged = append(j.Judged, judgementJSON{x.Outcome.String(), x.Confirmed, x.Text, x.Rule, findingData(&x.Finding)})
	}
	if d.Comparison != nil {
		c := comparisonData(d.Comparison)
		j.Comparison = &c
	}
	return j
}

// indented writes JSON as a person would have it; what HTML forbids is escaped.
func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
