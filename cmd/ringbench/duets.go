package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// duetFlags are those of the commands that consist of duets.
func duetFlags(c *cobra.Command, o *bench.Options, trials int, duration, warmup time.Duration) {
	o.Loops = 1
	f := c.Flags()
	f.IntVar(&o.Trials, "trials", trials, "pairs of each comparison in a session")
	f.DurationVar(&o.Duration, "duration", duration, "measured window of a pair")
	f.DurationVar(&o.Warmup, "warmup", warmup, "load before the window")
	sessionFlags(c, o)
	f.Uint64Var(&o.Seed, "seed", 0, "of the order of pairs and of the bytes sent; 0: a random one, which the result records")
	f.StringVar(&o.ServerCPUs, "server-cpus", "", "CPUs of what is under test, such as 0-3,8; default: one a loop")
	f.DurationVar(&o.Patience, "start-timeout", bench.DefaultPatience, "how long a process under test and its client may take to get ready, and to answer when the load is over")
}

// sessionFlags say how often all is repeated.
func sessionFlags(c *cobra.Command, o *bench.Options) {
	f := c.Flags()
	f.Var(share{&o.Until}, "until", "end when the interval of every ratio of CPU reaches no farther than this to either side, such as 2%; --trials is then the most, and 8 pairs the least")
	f.IntVar(&o.Sessions, "sessions", 1, "times that the whole is repeated; from two on the intervals carry what differs between sessions")
	f.DurationVar(&o.SessionGap, "session-gap", time.Minute, "between sessions")
}

// A share is a flag that takes a fraction in percent.
type share struct{ of *float64 }

func (s share) Type() string { return "percent" }

func (s share) String() string {
	if s.of == nil || *s.of == 0 {
		return ""
	}
	return strconv.FormatFloat(100**s.of, 'g', -1, 64) + "%"
}

func (s share) Set(text string) error {
	number, ok := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(x > 0) {
		return fmt.Errorf("%q is no share", text)
	}
	*s.of = x / 100
	return nil
}

// draw replaces a seed of 0. It fits a JSON number that other tools read as a double.
func draw(seed *uint64) {
	if *seed == 0 {
		*seed = rand.Uint64() >> 11
	}
}

// announced is execute that says first how long it will take.
func announced(ctx context.Context, p *result.Plan, warnings []string, out outputs) error {
	if out.dryRun {
		return execute(ctx, p, warnings, out)
	}
	if err := out.check(); err != nil {
		return err
	}
	length, err := bench.Estimate(p)
	if err != nil {
		return err
	}
	times := ""
	if p.Sessions > 1 {
		times = fmt.Sprintf(" × %s sessions", stat.Count(p.Sessions))
	}
	fmt.Fprintf(os.Stderr, "%s comparisons × %s pairs%s: about %v\n", stat.Count(len(p.Matches)), stat.Count(p.Trials), times, length.Round(time.Second))
	return execute(ctx, p, warnings, out)
}
