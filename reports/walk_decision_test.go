package reports

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"
	"time"
)

// A shownDecision is what the page of a gate embeds.
type shownDecision struct {
	Outcome string
	Seconds float64
	Runs    []struct {
		Again           bool
		Blocks, Seconds float64
		Ended           string
	}
	Judged     []shownJudgement
	Comparison *shownComparison
}

type shownJudgement struct {
	Outcome   string
	Confirmed bool
	Rule      struct {
		Threshold float64
		Advice    bool
	}
	Finding shownFinding
}

// walkDecisions holds pages of decisions to the data that they embed.
func walkDecisions(t *testing.T, texts ...string) {
	t.Helper()
	all := map[string]*phrase{}
	for _, text := range texts {
		p := shown(t, text)
		var d shownDecision
		if err := json.Unmarshal([]byte(p.raw), &d); err != nil {
			t.Fatal(err)
		}
		phrases := d.phrases()
		d.Comparison.walk(t, p).reads(append(phrases, comparisonPhrases(d.Comparison)...), p)
		for _, x := range phrases {
			x.used = x.used || all[x.form] != nil && all[x.form].used
			all[x.form] = x
		}
	}
	allUsed(t, slices.Collect(maps.Values(all)))
}

// judged is a phrase on a finding, which stands where a sentence begins: what the words
// before the load end with.
func (d *shownDecision) judged(says func(j *shownJudgement) []any) func(*walked, *place, []string) []any {
	return func(_ *walked, _ *place, words []string) []any {
		for i := range d.Judged {
			j := &d.Judged[i]
			outcome := j.Outcome
			if j.Confirmed {
				outcome += ", confirmed"
			}
			if j.Rule.Advice && outcome != "pass" {
				outcome = "advice"
			}
			if words[0] == outcome+": "+j.Finding.what()+" of "+j.Finding.Contestant && words[1] == j.Finding.LoadText {
				return append([]any{words[0], words[1]}, says(j)...)
			}
		}
		return nil
	}
}

// ran is what is said of a run, of which the second is there to confirm the first.
func (d *shownDecision) ran(i int) []any {
	r := d.Runs[i]
	if r.Again != (i == 1) {
		return nil
	}
	return []any{(time.Duration(r.Seconds) * time.Second).String(), r.Blocks, r.Ended}
}

func (d *shownDecision) phrases() []*phrase {
	exact := d.judged(func(j *shownJudgement) []any { return []any{float64(j.Finding.Head[0]), float64(j.Finding.Base[0])} })
	return []*phrase{
		{form: "the smallest change of CPU that would have been seen under every load is # %", says: func(*walked, *place, []string) []any {
			smallest := 0.0
			for _, f := range ofMetric(d.Comparison.Findings, "cpu") {
				smallest = max(smallest, float64(f.Detectable))
			}
			return []any{100 * smallest}
		}},
		{form: "# more", says: func(_ *walked, at *place, _ []string) []any { return []any{float64(at.folded)} }},
		{form: "it took …: load …, # blocks …", says: func(*walked, *place, []string) []any {
			if len(d.Runs) == 0 {
				return nil
			}
			return append([]any{(time.Duration(d.Seconds) * time.Second).String()}, d.ran(0)...)
		}},
		{form: "load again …, # blocks …", says: func(*walked, *place, []string) []any { return d.ran(1) }},
		{form: "it took …", says: func(*walked, *place, []string) []any {
			return []any{(time.Duration(d.Seconds) * time.Second).String()}
		}},
		{form: "… (…) is another: #, was #", says: exact}, {form: "… (…) is #, was #", says: exact},
		{form: "… (…) is worse by # % (# to # %), beyond # %", says: d.judged(func(j *shownJudgement) []any {
			by := j.Finding.change()
			return []any{math.Abs(by[0]), by[1], by[2], 100 * j.Rule.Threshold}
		})},
		{form: "… (…) is better by # % (# to # %)", says: d.judged(func(j *shownJudgement) []any {
			by := j.Finding.change()
			return []any{math.Abs(by[0]), by[1], by[2]}
		})},
		{form: "… (…) is worse by # % at most (# to # %)", says: d.judged(func(j *shownJudgement) []any {
			by := j.Finding.change()
			worst := -by[1]
			if j.Finding.Lower {
				worst = by[2]
			}
			return []any{max(0, worst), by[1], by[2]}
		})},
		{form: "… (…): only a change of # % would have been seen, and # % is asked for", says: d.judged(func(j *shownJudgement) []any {
			return []any{100 * float64(j.Finding.Detectable), 100 * j.Rule.Threshold}
		})},
		{form: "about # more trials (--trials) of each side would settle it, if they are as noisy as these", says: func(*walked, *place, []string) []any {
			most := 0.0
			for _, j := range d.Judged {
				if f := j.Finding; j.Outcome == "too noisy" && !j.Rule.Advice && f.Contestant != "" {
					times := math.Pow(math.Log1p(float64(f.Detectable))/math.Log1p(j.Rule.Threshold), 2)
					most = max(most, f.More, math.Ceil(f.Trials*(times-1)))
				}
			}
			return []any{min(most, 100_000)}
		}},
	}
}
