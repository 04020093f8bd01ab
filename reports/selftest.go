package reports

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/stat"
)

// Attempt is one decision in a line, from which those of several self-tests can be put
// together.
func Attempt(a gate.Attempt) string {
	blocks := stat.Count(a.Blocks) + " blocks"
	if a.Again > 0 {
		blocks = fmt.Sprintf("%s and %s blocks", stat.Count(a.Blocks), stat.Count(a.Again))
	}
	s := fmt.Sprintf("slowed by %.3g %%: %v after %s, %v", 100*a.Slowdown, a.Outcome, blocks, a.Took.Round(time.Second))
	if math.IsNaN(a.Smallest) {
		return s + ", too few to say what would have been seen (--within)"
	}
	within := "within"
	if !a.Covered() {
		within = "outside of"
	}
	s += fmt.Sprintf("; what was spun, %.3g %%, is %s %.2f to %.2f %%; a change of %.2g %% would have been seen",
		100*a.Spun, within, 100*(a.Found.Lo-1), 100*(a.Found.Hi-1), 100*a.Smallest)
	if a.Noisy != "" {
		s += "; " + a.Noisy
	}
	return s
}

// SelfTest prints, as a table of Markdown, how often a gate called slowdowns that were
// known, and in how many attempts its interval contained them.
func SelfTest(w io.Writer, attempts []gate.Attempt) error {
	var b strings.Builder
	b.WriteString("| slowdown | attempts | regression |  share | 95 % interval | too noisy | covered | blocks | time, median | longest |\n")
	b.WriteString("|---------:|---------:|-----------:|-------:|--------------:|----------:|--------:|-------:|-------------:|--------:|\n")
	for _, r := range gate.Rates(attempts) {
		fmt.Fprintf(&b, "| %8s | %8d | %10d | %6s | %13s | %9d | %7s | %6d | %12v | %7v |\n",
			fmt.Sprintf("%.3g %%", 100*r.Slowdown), r.Attempts, r.Regressions, fmt.Sprintf("%.0f %%", 100*r.Called.Center),
			fmt.Sprintf("%.1f to %.1f %%", 100*r.Called.Lo, 100*r.Called.Hi), r.Noisy, fmt.Sprintf("%.0f %%", 100*r.Covered.Center),
			r.Blocks, r.Took.Round(time.Second), r.Longest.Round(time.Second))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Recommendation prints settings as a file of rules, with the flags in a comment.
func Recommendation(w io.Writer, s gate.Settings, flags string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# ringbench gate --trials=%d --until=%.3g%% --within=%v%s --rules=FILE\n", s.Trials, 100*s.Until, s.Within, flags)
	if s.Why != "" {
		fmt.Fprintf(&b, "# The threshold is no less because %s.\n", s.Why)
	}
	b.WriteString("rules:\n")
	for _, r := range s.Rules {
		fmt.Fprintf(&b, "  - metric: %s\n", r.Metric)
		if r.Threshold > 0 {
			fmt.Fprintf(&b, "    threshold: %.3g%%\n", 100*r.Threshold)
		}
		for _, f := range []struct {
			name string
			set  bool
		}{{"exact", r.Exact}, {"advice", r.Advice}, {"optional", r.Optional}} {
			if f.set {
				fmt.Fprintf(&b, "    %s: true\n", f.name)
			}
		}
		for _, l := range r.Loads {
			fmt.Fprintf(&b, "    loads: %q\n", l)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
