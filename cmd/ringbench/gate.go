package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports"
)

func gateCommand() *cobra.Command {
	var rulesFile string
	var out decisionOutputs
	var m measuredGate
	var test selfTest
	c := &cobra.Command{
		Use:   "gate [BASE.json HEAD.json]",
		Short: "May head pass? Decide by rules, and end with an exit code",
		Long: `Measures base and head in the same job, or takes two results; judges what ringbench
compare finds by rules, and ends with an exit code:

  0  head may pass
  1  a regression: the whole interval is beyond the rule's threshold and beyond
     the noise of this very session, and it holds among all comparisons (q < 0.05); or a
     counter that is exact is worse
  2  nothing was decided: bad input, or outputs that cannot be written
  3  inconclusive: too noisy to see a change of the threshold, or nothing that a rule
     asks for was measured; what to do about it is said
  4  the environment refuses

What is measured is two commands (--base-cmd, --head-cmd), two ringbenches (--base-bin,
--head-bin), or two git revisions (--base-rev): their calls with one connection, and all
else under load, base and head at the same moment, and base beside itself for the noise.
A regression is one only if a second run finds it, too. --self-test measures how often
that errs on this machine. See doc/gate.md.

Results of two runs were measured apart, which takes a wide threshold: what differs
between runs of one program is noise that no number of trials within a run removes.`,
		Example: `  ringbench gate --base-cmd='./old {port}' --head-cmd='./new {port}'
  ringbench gate --base-rev=main --build='go build -o {out} ./cmd/server' --cmd='{out} -listen :{port}'
  ringbench gate --base-bin=./ringbench-old --head-bin=./ringbench --backend=uring,epoll
  ringbench gate --self-test --attempts=100 --slowdowns=0,10%
  ringbench gate base.json head.json
  ringbench gate base/ head/ --rules=rules.yaml --format=text,junit=gate.xml,markdown=summary.md`,
		Args: func(c *cobra.Command, args []string) error {
			if err := fitting(c, len(args) == 2, test.asked); err != nil {
				return err
			}
			if len(args) != 2 && (len(args) != 0 || !m.given() && !test.asked) {
				return fmt.Errorf("%s takes two results, base first, or flags that say what to measure; see %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			rules := gate.DefaultRules()
			if rulesFile != "" {
				var err error
				if rules, err = input(c.Context(), rulesFile, gate.ReadRules); err != nil {
					return err
				}
			}
			var d *gate.Decision
			var err error
			switch {
			case test.asked:
				return refused(test.run(c, &m, rules, rulesFile != ""))
			case len(args) == 0:
				d, err = m.decide(c.Context(), rules)
			default:
				d, err = decideResults(c.Context(), args[0], args[1], rules, max(m.Seed, 1))
			}
			if d == nil || err != nil {
				return err
			}
			return out.conclude(c.OutOrStdout(), d)
		},
	}
	f := c.Flags()
	f.StringVar(&rulesFile, "rules", "", "YAML file of rules (ringbench schema gate); default: CPU at most 1% more, exact counters no worse, and p99 and throughput as advice")
	out.flags(c)
	m.flags(c)
	test.flags(c)
	return c
}

// What the flags of a gate are about; all others are about a measurement.
var (
	anyGate     = []string{"rules", "format", "seed", "help"}
	twoSides    = []string{"base-cmd", "head-cmd", "base-bin", "head-bin", "base-rev", "head-rev", "build", "cmd", "output", "dry-run"}
	ofRevisions = []string{"head-rev", "build", "cmd"}
	testsItself = []string{"self-test", "attempts", "slowdowns", "recommend"}
)

// fitting refuses flags that would say nothing.
func fitting(c *cobra.Command, results, selfTest bool) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		is := func(list []string) bool { return slices.Contains(list, f.Name) }
		switch {
		case err != nil || is(anyGate):
		case results:
			err = fmt.Errorf("--%s is of what a gate measures, and two results have been; leave one out", f.Name)
		case selfTest && is(twoSides):
			err = fmt.Errorf("--%s is of a base and a head, and --self-test slows a server of ringbench (--backend); leave one out", f.Name)
		case !results && !c.Flags().Changed("base-rev") && is(ofRevisions):
			err = fmt.Errorf("--%s is of git revisions; say by --base-rev what to compare with", f.Name)
		case f.Name == "base-rev" && f.Value.String() == "":
			err = errors.New("--base-rev is empty; name a git revision to compare with, such as main")
		case !selfTest && is(testsItself):
			err = fmt.Errorf("--%s is of --self-test; give that too", f.Name)
		}
	})
	return err
}

// decideResults judges results that were measured apart.
func decideResults(ctx context.Context, base, head string, rules []gate.Rule, seed uint64) (*gate.Decision, error) {
	b, err := input(ctx, base, result.ReadAll)
	if err != nil {
		return nil, err
	}
	h, err := input(ctx, head, result.ReadAll)
	if err != nil {
		return nil, err
	}
	found, err := compare.Results(b, h, compare.Options{Seed: seed, BaseName: base, HeadName: head})
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", base, head, err)
	}
	return gate.Judge(found, rules), nil
}

// decisionOutputs are where a decision goes, each in a format of its own.
type decisionOutputs struct{ formats []string }

func (o *decisionOutputs) flags(c *cobra.Command) {
	var names []string
	for _, f := range reports.DecisionFormats {
		names = append(names, f.Name)
	}
	c.Flags().StringSliceVar(&o.formats, "format", []string{reports.DecisionFormats[0].Name},
		"what to print, or with =FILE to write: "+strings.Join(names, ", "))
	complete(c, map[string][]string{"format": names})
}

// check finds out before anything is measured what would keep a decision from being
// written.
func (o *decisionOutputs) check() error {
	printed := ""
	for i, text := range o.formats {
		name, file, written := strings.Cut(text, "=")
		if _, ok := reports.FormatNamed(name); !ok {
			return fmt.Errorf("--format=%s: unknown format %q; see ringbench gate --help", text, name)
		}
		switch {
		case !written && printed != "":
			return fmt.Errorf("--format: %s and %s both go to standard output; write one to a file, such as %s=FILE", printed, name, name)
		case !written:
			printed = name
			continue
		case file == "":
			return fmt.Errorf("--format=%s: name a file after =", text)
		}
		for _, before := range o.formats[:i] {
			if _, other, ok := strings.Cut(before, "="); ok && sameFile(other, file) {
				return fmt.Errorf("--format: %s and %s both write %s: the second would overwrite the first; name two files", before, text, file)
			}
		}
		if err := result.Writable(file); err != nil {
			return err
		}
	}
	return nil
}

// conclude writes a decision, and is what the command ends with.
func (o *decisionOutputs) conclude(w io.Writer, d *gate.Decision) error {
	for _, text := range o.formats {
		name, file, written := strings.Cut(text, "=")
		f, _ := reports.FormatNamed(name)
		var b bytes.Buffer
		if err := f.Write(&b, d); err != nil {
			return err
		}
		if written {
			if err := result.Replace(file, b.Bytes()); err != nil {
				return err
			}
		} else if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	if d.Outcome == gate.Pass {
		return nil
	}
	return verdict{d}
}

// refused is err, as a decision if it is the environment's.
func refused(err error) error {
	if r := new(bench.Refusal); errors.As(err, &r) {
		return verdict{gate.NotMeasured(err)}
	}
	return err
}

// A verdict is a decision that is no pass.
type verdict struct{ *gate.Decision }

func (v verdict) Error() string {
	why := strings.Join(v.Advice, "; ")
	for i := range v.Judged {
		if j := &v.Judged[i]; j.Decides() && j.Outcome != gate.Pass {
			why = strings.Join(strings.Fields(j.Text), " ")
			break
		}
	}
	return fmt.Sprintf("gate: %s: %s", v.Outcome, why)
}
