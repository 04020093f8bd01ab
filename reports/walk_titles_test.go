package reports

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// constantPhrases are how to read a page.
var constantPhrases = []*phrase{
	{form: "Each figure is the median of the trials with its 95 % interval, or with the least and the greatest of fewer than six"},
	{form: "Ratios are those of pairs, to the contestant that is called the base, with 95 % intervals by Student's t: faint ones are no difference, or none that could be told from noise"},
	{form: "the whisker is the 95 % interval of the median, or least and greatest with fewer than six trials"},
	{form: "The line at 1 is no effect"}, {form: "The mark is the geometric mean of the pairs, the bar its 95 % interval"},
	{form: "A bar goes from 1, which is no effect, to the geometric mean of the pairs, and the whisker is its 95 % interval"},
	{form: "A tile is the ratio of server CPU under one load: blue where the first of the two takes less, brown where it takes more, the stronger the farther from 1, in either direction alike"},
	{form: "95 % intervals by Student's t over the pairs of one session: what differs between sessions is not in them"},
	{form: "a difference is an interval without 1 whose center is beyond 1 % and beyond what the A/A pair differs by, and is judged with all others of this report, A/A pairs among themselves (Benjamini-Hochberg, q < 0.05)"},
	{form: "± % is half of the 95 % interval of the median"},
	{form: "--trials=6 or more gives a 95 % interval"},
	{form: "above 5 %, so run it again on a machine that does nothing else"},
	{form: "Without a script, grep ^H4sI PAGE | base64 -d | gunzip takes it out"},
}

// ofLoad is what a title says of its load, or of all.
func ofLoad(of func(result.Load) float64) func(*walked, *place, []string) []any {
	return func(w *walked, at *place, words []string) []any {
		says := []any{of(w.loads[max(at.load, 0)])}
		if at.load < 0 && slices.ContainsFunc(w.loads, func(l result.Load) bool { return of(l) != says[0] }) {
			return nil
		}
		return says
	}
}

// titlePhrases are of headings, legends and the line below the title.
var titlePhrases = []*phrase{
	{form: "# connection", says: ofLoad(func(l result.Load) float64 { return float64(l.Conns) })},
	{form: "# connections", says: ofLoad(func(l result.Load) float64 { return float64(l.Conns) })},
	{form: "# connections at a time", says: ofLoad(func(l result.Load) float64 { return float64(l.Conns) })},
	{form: "# B", says: ofLoad(func(l result.Load) float64 {
		if l.Workload == "stream" {
			return float64(l.FileBytes)
		}
		return float64(l.Size)
	})},
	{form: "pipeline #", says: ofLoad(func(l result.Load) float64 { return float64(l.Pipeline) })},
	{form: "buffers of # KiB", says: ofLoad(func(l result.Load) float64 { return float64(l.Buffer) / 1024 })},
	{form: "requests per connection: #", says: ofLoad(func(l result.Load) float64 { return float64(l.Requests) })},
	{form: "at # a second", says: ofLoad(func(l result.Load) float64 { return l.Rate })},
	{form: "Linux …", says: quoted(func(w *walked, _ *place) []string { return []string{w.set.Env.Kernel} })},
	{form: "…: p#, microseconds", says: func(w *walked, _ *place, _ []string) []any {
		if s := w.set.Plan.Search; s != nil {
			return []any{nil, s.Objectives[0].Percentile}
		}
		return []any{nil, 99.}
	}},
	{form: "× #", says: func(w *walked, _ *place, words []string) []any {
		reach := math.Log(1.1)
		for at, l := range w.loads {
			if l.Rate == 0 && l.Idle == 0 {
				reach = max(reach, math.Abs(math.Log(w.ratio(w.cells[at][0], w.cells[at][1], raw.cpu).mid)))
			}
		}
		shown, _ := numbersOf(words[0])
		step := math.Round(math.Log(shown[0]) / reach * 2)
		return []any{math.Exp(step / 2 * reach)}
	}},
	{form: "# more", says: func(_ *walked, at *place, _ []string) []any { return []any{float64(at.folded)} }},
	{form: "…", says: func(w *walked, at *place, words []string) []any {
		rest := strings.ReplaceAll(words[0], w.set.Started.UTC().Format(time.RFC3339), "")
		for _, l := range w.loads {
			if strings.Contains(l.String(), rest) {
				return []any{words[0]}
			}
			rest = strings.ReplaceAll(strings.ReplaceAll(rest, l.String(), ""), l.Unpaced(), "")
		}
		if w.set.Plan.Search != nil {
			rest = strings.ReplaceAll(rest, w.set.Plan.Search.String(), "")
		}
		if parts := strings.Split(strings.ReplaceAll(rest, " · ", ", "), ", "); len(parts) > 1 {
			w.clauses(at, strings.Join(parts, ", "))
		} else if strings.ContainsAny(rest, "0123456789") {
			return nil
		}
		return []any{words[0]}
	}},
}
