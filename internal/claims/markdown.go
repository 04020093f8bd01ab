package claims

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/template"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// An Outcome is what one run came to.
type Outcome struct {
	Set *result.Set // nil: it could not be had
	Why string      // it could not be had, or was not finished
}

// A Report is every claim with what was found.
type Report struct {
	Outcomes map[string]Outcome // by the keys of Runs
}

// sets are the results there are, in the order of running.
func (r *Report) sets() (sets []*result.Set) {
	for _, name := range Order {
		if s := r.Outcomes[name].Set; s != nil {
			sets = append(sets, s)
		}
	}
	return sets
}

// sessions is how many every run has.
func (r *Report) sessions() int {
	least := 0
	for _, s := range r.sets() {
		if n := max(1, s.Plan.Sessions); least == 0 || n < least {
			least = n
		}
	}
	return least
}

// Markdown prints the report: what was measured where and what limits it, a table
// of the verdicts, and each claim with its figures.
func (r *Report) Markdown(w io.Writer) error {
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("print claims: %w", err)
	}
	return nil
}

var page = template.Must(template.New("claims").Parse(`# What was claimed of io_uring, and what this machine says

{{.Where}}

{{range .Limits}}- {{.}}
{{end}}
| claim | verdict |
|---|---|
{{range .Claims}}| {{.Title}} | **{{.Verdict}}** |
{{end}}
A verdict needs the whole 95 % interval on one side of what was claimed; an interval that reaches across is
inconclusive.
{{range .Claims}}
## {{.Title}}: {{.Verdict}}

> {{.Sentence}}

{{.By}}. {{.From}}
{{if .Published}}
Published: {{.Published}}.
{{end}}
| figure | claimed | here, 95 % interval | n | verdict | run |
|---|---|---|---|---|---|
{{range .Rows}}| {{.What}} | {{.Claimed}} | {{.Found}} | {{.N}} | {{.Verdict}} | {{.Run}} |
{{end}}{{range .Reasons}}
{{.}}
{{end}}{{if .Grid}}
| connections × bytes | published | here, 95 % interval |
|---|---|---|
{{range .Grid}}| {{.Load}} | {{.Theirs}} | {{.Ours}} |
{{end}}{{end}}{{if .Remark}}
{{.Remark}}
{{end}}{{end}}
## Repeating it

All of it is ` + "`{{.All}}`" + `; each run by itself, once:

{{range .Runs}}    {{.Command}}   # {{.Name}}{{if .Why}}: {{.Why}}{{end}}
{{end}}`))

// All is the command that made the report.
func (r *Report) All() string {
	if r.sessions() < 2 {
		return "ringbench claims --quick"
	}
	return "ringbench claims"
}

// Where is one line on the machine.
func (r *Report) Where() string {
	sets := r.sets()
	if len(sets) == 0 {
		return "Nothing was measured."
	}
	e, from, to := sets[0].Env, sets[0].Started, sets[0].Ended
	for _, s := range sets {
		if s.Started.Before(from) {
			from = s.Started
		}
		if s.Ended.After(to) {
			to = s.Ended
		}
	}
	return fmt.Sprintf("%d CPUs (%s), Linux %s, %s; %s to %s.", e.CPUs, e.CPUModel, e.Kernel, e.GoVersion, from.UTC().Format(time.DateTime), to.UTC().Format(time.DateTime))
}

// Limits are what bounds every figure.
func (r *Report) Limits() (lines []string) {
	if r.sessions() < 2 {
		lines = append(lines, "All is of one session: what differs between sessions, up to 7 % on a shared machine, is in no interval.")
	} else {
		lines = append(lines, fmt.Sprintf("Intervals are over the means of %d sessions.", r.sessions()))
	}
	lines = append(lines, "Everything runs over loopback; ratios are of duets, both at the same moment on the same CPUs, unless it says otherwise: relative under contention.")
	var disturbed, void, all int
	seen := map[string]bool{}
	for _, s := range r.sets() {
		void += len(s.Void())
		for _, t := range s.Trials {
			if all++; t.Disturbed != "" {
				disturbed++
			}
		}
		for _, w := range s.Warnings {
			if !seen[w] {
				seen[w] = true
				lines = append(lines, "Warning: "+w)
			}
		}
	}
	return append(lines, fmt.Sprintf("Of %d trials %d were disturbed by others on the machine and %d are void.", all, disturbed, void))
}

// A finding is a claim with what was found, as it is printed.
type finding struct {
	Claim
	Verdict string
	Rows    []row
	Reasons []string
	Grid    []gridRow
}

type row struct{ What, Claimed, Found, N, Verdict, Run string }

type gridRow struct{ Load, Theirs, Ours string }

// Claims are all claims with their verdicts.
func (r *Report) Claims() (all []finding) {
	for _, c := range List {
		f := finding{Claim: c}
		var verdicts []string
		for _, t := range c.Tests {
			o := r.Outcomes[t.Run]
			found := t.Figure(o.Set, o.Why)
			v := t.Verdict(found)
			verdicts = append(verdicts, v)
			line := row{What: t.What, Claimed: t.claimed(), Found: t.print(found), N: fmt.Sprint(found.N), Verdict: v, Run: t.Run}
			if found.Of != "" {
				line.What += ": " + found.Of
			}
			if found.Missing != "" {
				line.N = ""
				f.Reasons = append(f.Reasons, fmt.Sprintf("Not measurable here, %s: %s.", t.What, found.Missing))
			}
			f.Rows = append(f.Rows, line)
		}
		f.Verdict = Verdict(verdicts)
		if c.Grid {
			for _, g := range Grid(r.Outcomes["grid"].Set) {
				f.Grid = append(f.Grid, gridRow{fmt.Sprintf("%d × %d", g.Conns, g.Size), fmt.Sprintf("%.2f", g.Theirs), Test{Unit: "×"}.print(g.Ours)})
			}
		}
		all = append(all, f)
	}
	return all
}

// A command is how a run is repeated.
type command struct{ Command, Name, Why string }

// Runs are the commands, in the order they were run.
func (r *Report) Runs() (all []command) {
	for _, name := range Order {
		all = append(all, command{"ringbench " + strings.Join(Runs[name], " "), name, r.Outcomes[name].Why})
	}
	return all
}

func (t Test) claimed() string {
	if t.Why != "" {
		return ""
	}
	switch least, most := !math.IsInf(t.Least, 0) && t.Least > 0, !math.IsInf(t.Most, 0); {
	case least && most:
		return t.number(t.Least) + " to " + t.number(t.Most)
	case least:
		return "at least " + t.number(t.Least)
	default:
		return "at most " + t.number(t.Most)
	}
}

func (t Test) print(f Figure) string {
	if f.Missing != "" {
		return ""
	}
	s := t.number(f.Center)
	if !math.IsNaN(f.Lo) {
		s += " (" + t.number(f.Lo) + " to " + t.number(f.Hi) + ")"
	}
	return s
}

func (t Test) number(x float64) string {
	if t.Unit == "%" {
		return fmt.Sprintf("%.1f %%", 100*x)
	}
	return fmt.Sprintf("%.3f", x)
}
