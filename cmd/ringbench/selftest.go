package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports"
)

// selfTest is the flags of a gate that tests itself.
type selfTest struct {
	asked, recommend bool
	attempts         int
	slowdowns        []string
}

func (t *selfTest) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&t.asked, "self-test", false, "inject known slowdowns into a server of ringbench, and print how often they are called regressions")
	f.IntVar(&t.attempts, "attempts", 10, "decisions for each slowdown of --self-test")
	f.StringSliceVar(&t.slowdowns, "slowdowns", []string{"0", "2%", "5%", "10%", "25%"}, "of --self-test, in CPU a message; 0 shows false alarms")
	f.BoolVar(&t.recommend, "recommend", false, "after --self-test print rules and flags that suit this machine")
}

func (t *selfTest) run(c *cobra.Command, m *measuredGate, rules []gate.Rule, given bool) error {
	draw(&m.Seed)
	shares, err := t.shares()
	if err != nil {
		return err
	}
	if !c.Flags().Changed("backend") {
		m.Backends = []string{"epoll"}
	}
	if !given {
		rules = rules[:1] // on CPU: what a spin costs besides is not known
	}
	if err := m.check(); err != nil {
		return err
	}
	g := m.Gate
	g.Alone, g.Progress = nil, progress(os.Stderr)
	begin, total := time.Now(), t.attempts*len(shares)
	n := 0
	attempts, err := bench.SelfTest(c.Context(), g, rules, shares, t.attempts, func(a gate.Attempt) {
		n++
		fmt.Fprintf(os.Stderr, "%d/%d: %s\n", n, total, reports.Attempt(a))
	})
	if len(attempts) > 0 {
		w := c.OutOrStdout()
		if werr := reports.SelfTest(w, attempts); werr != nil {
			return werr
		}
		fmt.Fprintf(w, "\n%s, %s decisions in %v\n", g.Backends[0], stat.Count(len(attempts)), time.Since(begin).Round(time.Second))
		if t.recommend {
			s, ok := gate.Recommend(attempts, m.Within)
			if !ok {
				return fmt.Errorf("no threshold up to 30 %% can be decided on within %v here: use a quieter machine, or gate on exact counters alone", m.Within)
			}
			if werr := reports.Recommendation(w, s, fmt.Sprintf(" --duration=%v --warmup=%v", m.Duration, m.Warmup)); werr != nil {
				return werr
			}
		}
	}
	return err
}

// shares are the slowdowns as fractions.
func (t *selfTest) shares() (list []float64, err error) {
	for _, text := range t.slowdowns {
		number, percent := strings.CutSuffix(text, "%")
		x, err := strconv.ParseFloat(number, 64)
		if err != nil || !(x >= 0 && x <= 1000) || !percent && x != 0 {
			return nil, fmt.Errorf("--slowdowns=%s: %q is no share; it takes 0 and such as 2%%, up to 1000%%", strings.Join(t.slowdowns, ","), text)
		}
		list = append(list, x/100)
	}
	return list, nil
}
