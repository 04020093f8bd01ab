package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/plan"
	"github.com/ringbench/ringbench/internal/result"
)

// Outline prints a plan for its user: what is run, in which order, on which CPUs,
// and about how long it takes. Of the order it shows the first blocks, since those
// that follow are drawn alike.
func Outline(w io.Writer, p *result.Plan, warnings []string) error {
	runs, err := plan.Of(p)
	if err != nil {
		return err
	}
	length, err := Estimate(p)
	if err != nil {
		return err
	}
	var b strings.Builder
	what := fmt.Sprintf(" in %s, %s", count(1+runs[len(runs)-1].Block, "block"), count(len(runs), "run"))
	if p.Search != nil {
		what = fmt.Sprintf(", a search of about %s", count(findBlocks(p), "block"))
	}
	fmt.Fprintf(&b, "%s: %s%s, about %v\n", p.Workload(), count(len(p.Cells), "cell"), what, length.Round(time.Second))
	for i := range p.Cells {
		fmt.Fprintf(&b, "  cell %d: %s, %s\n", i, p.Name(i), p.Cells[i].Load)
	}
	for _, m := range p.Matches {
		if p.Purpose == "" {
			break // it is the first of each load with every other
		}
		apart := ""
		if m.Apart {
			apart = ", one after the other"
		}
		fmt.Fprintf(&b, "  match %d/%d: %s%s\n", m.A, m.B, m.Label, apart)
	}
	for block := range 2 {
		if order := orderOf(runs, block); order != "" {
			fmt.Fprintf(&b, "order of block %d: %s\n", block+1, order)
		}
	}
	fmt.Fprintf(&b, "seed: %d\n", p.Seed)
	fmt.Fprintf(&b, "window: %v after %v of load\n", seconds(p.DurationSeconds), seconds(p.WarmupSeconds))
	if p.Sessions > 1 {
		fmt.Fprintf(&b, "sessions: %d of %s, %v apart\n", p.Sessions, count(p.Trials, "block"), seconds(p.SessionGapSeconds))
	}
	fmt.Fprintf(&b, "placement: %s, %s\n", p.Placement, placesOf(p))
	if p.Client != "" {
		fmt.Fprintf(&b, "load generator: %s\n", p.Client)
	}
	for _, l := range p.LeftOut {
		fmt.Fprintf(&b, "left out: %s: %s\n", l.Contestant, l.Why)
	}
	for _, warning := range warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// orderOf lists the runs of a block by their cells, the two of a duet as a pair.
func orderOf(runs []plan.Run, block int) string {
	var words []string
	for _, r := range runs {
		if r.Block == block {
			words = append(words, strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Cells), " ", "/"), "[]"))
		}
	}
	const shown = 24
	if more := len(words) - shown; more > 0 {
		words = append(slices.Clip(words[:shown]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, " ")
}

func placesOf(p *result.Plan) string {
	text := "server on CPU " + child.List(p.ServerCPUs)
	if p.Placement == Alone {
		return "each contestant on CPU " + child.List(p.ServerCPUs)
	}
	text += ", client on CPU " + child.List(p.ClientCPUs)
	if len(p.OriginCPUs) > 0 {
		text += ", origin on CPU " + child.List(p.OriginCPUs)
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
