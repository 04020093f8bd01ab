package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// A DecisionFormat is how a gate's decision is written.
type DecisionFormat struct {
	Name  string
	Doc   string // what reads it
	Write func(io.Writer, *gate.Decision) error
}

// DecisionFormats are all there are, the one for a terminal first.
var DecisionFormats = []DecisionFormat{
	{"text", "for a terminal", Decision},
	{"markdown", "a summary, such as GitHub's of a job", DecisionMarkdown},
	{"json", "all of it, in base units", DecisionJSON},
	{"html", "a page to explore, with the decision first", DecisionHTML},
	{"junit", "JUnit's XML: a test case for each rule and cell", JUnit},
	{"github", "workflow commands that annotate a run of GitHub Actions", GitHubCommands},
	{"gitlab", "a Code Quality report of GitLab", GitLabCodeQuality},
	{"customSmallerIsBetter", "for github-action-benchmark: head's figures", SmallerIsBetter},
	{"bmf", "Bencher Metric Format: head's figures", BencherMetrics},
}

// FormatNamed is the format of that name; not ok if there is none.
func FormatNamed(name string) (f DecisionFormat, ok bool) {
	i := slices.IndexFunc(DecisionFormats, func(f DecisionFormat) bool { return f.Name == name })
	if i < 0 {
		return f, false
	}
	return DecisionFormats[i], true
}

// Decision prints a decision for a terminal: what was compared, each judgement, the
// gravest first, and what to do.
func Decision(w io.Writer, d *gate.Decision) error {
	b := bufio.NewWriter(w)
	if d.Comparison != nil {
		fmt.Fprintln(b, fold(clean(sides(d.Comparison))))
		for _, x := range d.Comparison.Differences {
			fmt.Fprintln(b, fold(clean("differs: "+x.String())))
		}
		for _, x := range d.Comparison.Warnings {
			fmt.Fprintln(b, fold(clean("warning: "+x)))
		}
		fmt.Fprintln(b)
	}
	for i := range d.Judged {
		j := &d.Judged[i]
		fmt.Fprintln(b, fold(clean(outcomeOf(j)+": "+j.Text)))
	}
	if len(d.Judged) > 0 {
		fmt.Fprintln(b)
	}
	fmt.Fprintln(b, fold(clean("gate: "+conclusion(d))))
	for _, a := range d.Advice {
		fmt.Fprintln(b, fold(clean("  "+a)))
	}
	return b.Flush()
}

// outcomeOf is the outcome of a judgement; what advice finds decides nothing.
func outcomeOf(j *gate.Judgement) string {
	s := j.Outcome.String()
	if j.Outcome == gate.Fail && j.Confirmed {
		s += ", confirmed"
	}
	if !j.Decides() && j.Outcome != gate.Pass {
		return "advice"
	}
	return s
}

// conclusion is a decision in one line.
func conclusion(d *gate.Decision) string {
	s := d.Outcome.String()
	if !math.IsNaN(d.Smallest) {
		s += fmt.Sprintf("; the smallest change of CPU that would have been seen under every load is %s %%", percent(d.Smallest))
	}
	if d.Took > 0 {
		s += fmt.Sprintf("; it took %v", d.Took.Round(time.Second))
	}
	for i, r := range d.Runs {
		if i == 0 {
			s += ": " + ran(r)
		} else {
			s += "; " + ran(r)
		}
	}
	return s
}

// ran is how long a run was, and why.
func ran(r gate.Ran) string {
	what := "load"
	if r.Calls {
		what = "calls"
	}
	if r.Again {
		what += " again"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %v, %s blocks %s", what, r.Took.Round(time.Second), stat.Count(r.Blocks), r.Ending))
}

// judgedName tells a judgement from the others.
func judgedName(j *gate.Judgement) string {
	switch {
	case j.Contestant == "":
		return j.Rule.String()
	case j.Load == (result.Load{}):
		return j.Contestant
	}
	return fmt.Sprintf("%s: %s, %s", j.Contestant, j.Metric.Words(j.Load.Unit().One), j.Load)
}

// shortened is s in at most n bytes, whole runes, with its end cut.
func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}
