package reports

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// A shownFinding is what the data of a comparison's page says of one; null is NaN.
type shownFinding struct {
	Contestant string
	LoadText   string `json:"load_text"`
	Metric     string
	Base       [3]figureOrNone
	Head       [3]figureOrNone
	Ratio      [3]figureOrNone `json:"head_over_base"`
	Exact      bool
	Floor      float64 `json:"noise_floor"`
	Q          figureOrNone
	Threshold  float64
	Verdict    string
	Detectable figureOrNone
	More       float64 `json:"more_trials"`
	Lower      bool    `json:"lower_is_better"`
	Trials     float64
}

// what is how a finding is called.
func (f *shownFinding) what() string {
	return or(map[string]string{"cpu": "CPU a message", "syscalls": "system calls a message", "cqes": "completions an enter", "copies": "calls that copy a message", "rss": "peak memory"}[f.Metric], f.Metric)
}

// change are the percents by which head differs from base.
func (f *shownFinding) change() []float64 {
	mid, lo, hi := floats(f.Ratio)
	return ratio{mid: mid, lo: lo, hi: hi}.change()
}

type figureOrNone float64

// UnmarshalJSON implements json.Unmarshaler.
func (f *figureOrNone) UnmarshalJSON(b []byte) error {
	var x *float64
	if err := json.Unmarshal(b, &x); err != nil || x == nil {
		*f = figureOrNone(math.NaN())
		return err
	}
	*f = figureOrNone(*x)
	return nil
}

func floats(iv [3]figureOrNone) (mid, lo, hi float64) {
	return float64(iv[0]), float64(iv[1]), float64(iv[2])
}

// A shownShift is where latency has moved.
type shownShift struct {
	Contestant string
	Quantiles  []struct {
		Q     float64
		Base  [3]figureOrNone `json:"base_ns"`
		Head  [3]figureOrNone `json:"head_ns"`
		Ratio [3]figureOrNone `json:"head_over_base"`
	}
}

// cells are of the columns after the name, sorted by what they are in base units.
func (f *shownFinding) cells() []want {
	sorted := func(key float64, numbers ...float64) want {
		w := nums(numbers...)
		w.key = key
		return w
	}
	unit := map[string]float64{"p50": 1e3, "p99": 1e3, "p99.9": 1e3, "rss": 1 << 20}[f.Metric]
	if unit == 0 {
		unit = 1
	}
	base, head := float64(f.Base[0]), float64(f.Head[0])
	mid, lo, hi := floats(f.Ratio)
	change, interval, verdict := sorted(mid, (mid-1)*100), sorted(hi-lo, (lo-1)*100, (hi-1)*100), exactly(f.Verdict)
	if f.Exact {
		interval = exactly("exact")
	}
	switch same := f.Verdict == "no difference"; {
	case same && f.Exact:
		change, verdict = exactly("none"), exactly("the same")
	case same:
		verdict = sorted(math.NaN(), 100*f.Threshold)
	case f.More > 0:
		verdict = sorted(math.NaN(), f.More)
	}
	return []want{change, interval, verdict, sorted(base, base/unit), sorted(head, head/unit), sorted(f.Floor, 100*f.Floor),
		sorted(float64(f.Detectable), 100*float64(f.Detectable)), nums(float64(f.Q))}
}

// A shownComparison is what a page of two results embeds.
type shownComparison struct {
	Head        struct{ Commit string }
	Differences []struct{ Condition, Base, Head string }
	Findings    []shownFinding
	Shifts      []shownShift `json:"latency_shifts"`
	Warnings    []string
}

// walkComparison holds a comparison's page to the data that it embeds, and what it says of
// whole runs to them.
func walkComparison(t *testing.T, text string, sets ...*result.Set) {
	t.Helper()
	p := shown(t, text)
	var data shownComparison
	if err := json.Unmarshal([]byte(p.raw), &data); err != nil {
		t.Fatal(err)
	}
	phrases := append([]*phrase{
		{form: "# of # trials are void and not in the figures", says: func(*walked, *place, []string) []any {
			void, all := 0, 0
			for _, s := range sets {
				for _, t := range s.Trials {
					if all++; t.Void != "" {
						void++
					}
				}
			}
			return []any{float64(void), float64(all)}
		}},
		{form: "# of # runs were interrupted", says: func(*walked, *place, []string) []any {
			interrupted := 0
			for _, s := range sets {
				if s.Interrupted {
					interrupted++
				}
			}
			return []any{float64(interrupted), float64(len(sets))}
		}},
	}, comparisonPhrases(&data)...)
	data.walk(t, p).reads(phrases, p)
	allUsed(t, phrases)
}

// walk is of the table and of the charts.
func (data *shownComparison) walk(t *testing.T, p shownPage) *walked {
	t.Helper()
	tables, figures, charts := p.tables, p.figures, p.charts
	w, drawn := &walked{T: t, page: "comparison"}, 0
	var rows []wantRow
	for _, f := range data.Findings {
		rows = append(rows, wantRow{f.Contestant + ": " + f.what(), f.cells()})
	}
	if w.holds(tables[0], rows); len(tables) != 1 || len(rows) == 0 {
		t.Errorf("%d tables, %d rows", len(tables), len(rows))
	}
	for i, c := range charts {
		var series []wantSeries
		metric, forest := strings.CutPrefix(c.ID, "forest-")
		for y, f := range ofMetric(data.Findings, metric) {
			mid, lo, hi := floats(f.Ratio)
			name, _ := numbersOf(f.what())
			cells := f.cells()
			said := slices.Concat(name, cells[0].numbers, cells[1].numbers, cells[2].numbers)
			series = append(series, wantSeries{f.Contestant, "", "intervals", []wantPoint{{x: mid, y: float64(y), lo: lo, hi: hi, text: want{numbers: append([]float64{}, said...)}}}})
			drawn++
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(c.ID, "shift-")); err == nil && !forest {
			shift := data.Shifts[n-1]
			band := wantSeries{name: shift.Contestant, kind: "band"}
			for _, q := range shift.Quantiles {
				if mid, lo, hi := floats(q.Ratio); !math.IsNaN(mid) {
					band.points = append(band.points, wantPoint{x: 100 * q.Q, y: mid, lo: lo, hi: hi, text: nums(100*q.Q, float64(q.Head[0])/1e3, float64(q.Base[0])/1e3)})
				}
			}
			series = []wantSeries{band}
		}
		if w.draws(c.ID, c.Panels[0], series); figures[i] != c.ID || series == nil || len(c.Panels) > 1 {
			t.Errorf("nobody walks the chart %s", c.ID)
		}
	}
	if drawn != len(rows) || len(charts) == 0 {
		t.Errorf("%d of %d findings are drawn, in %d charts", drawn, len(rows), len(charts))
	}
	return w
}

// ofMetric are the findings of one metric, in their order.
func ofMetric(all []shownFinding, metric string) []shownFinding {
	return slices.DeleteFunc(slices.Clone(all), func(f shownFinding) bool { return f.Metric != metric })
}

// comparisonPhrases are of what a comparison says.
func comparisonPhrases(data *shownComparison) []*phrase {
	one := data.Findings[0]
	constants := []*phrase{
		{form: "Each mark is head/base with its 95 % interval: left of 1 head has less"},
		{form: "The ratio head/base of each quantile of the merged histograms, with its 95 % interval by trials"},
		{form: "Without a script, grep ^H4sI PAGE | base64 -d | gunzip takes it out"}, {form: "p50"}, {form: "p99"}, {form: "p99.9"},
	}
	return append(constants, []*phrase{
		{form: "a regression or an improvement has its whole interval beyond # % and beyond the noise (what the same thing differs by from itself, --aa), and holds among all comparisons here (Benjamini-Hochberg, q < 0.05)",
			says: func(*walked, *place, []string) []any { return []any{100 * one.Threshold} }},
		{form: "the whole interval is within # %", says: func(*walked, *place, []string) []any { return []any{100 * one.Threshold} }},
		{form: "± # %", says: func(*walked, *place, []string) []any { return []any{100 * one.Threshold} }},
		{form: "…: …: …", says: func(_ *walked, _ *place, words []string) []any {
			text := strings.Join(words, ": ")
			for _, f := range data.Findings {
				rest, ok := strings.CutPrefix(text, f.Verdict+": "+f.Contestant+": "+f.what()+" ")
				by := f.change()
				said := want{numbers: by}
				if f.Exact {
					said.numbers = by[:1]
				}
				if ok && said.in(strings.TrimSuffix(rest, " (exact)")) && f.Exact == strings.HasSuffix(rest, " (exact)") {
					return []any{words[0], words[1], words[2]}
				}
			}
			return nil
		}},
		{form: "…", says: func(_ *walked, _ *place, words []string) []any {
			said := append([]string{one.LoadText}, data.Warnings...)
			for _, f := range data.Findings {
				said = append(said, f.Contestant)
			}
			for _, d := range data.Differences {
				for _, weight := range []string{"grave", "notable"} {
					said = append(said, d.Condition+": "+d.Base+", "+d.Head+" ("+weight+")")
				}
			}
			if slices.Contains(said, words[0]) {
				return []any{words[0]}
			}
			return nil
		}},
	}...)
}
