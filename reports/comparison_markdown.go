package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/compare"
)

// ComparisonMarkdown prints what Comparison does, all findings, as GitHub's Markdown.
func ComparisonMarkdown(w io.Writer, c *compare.Comparison) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n\n", markdown(sides(c)))
	if len(c.Differences) > 0 {
		fmt.Fprintf(b, "They differ in:\n\n")
		for _, d := range c.Differences {
			fmt.Fprintf(b, "- %s\n", markdown(d.String()))
		}
		fmt.Fprintln(b)
	}
	markdownRow(b, "contestant", "load", "metric", "base", "head", "change", "95 % interval", "noise %", "seen from %", "q", "verdict")
	markdownRow(b, "---", "---", "---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "---")
	for i := range c.Findings {
		f := &c.Findings[i]
		noise := percent(f.Floor)
		if f.Exact || f.Floor == 0 {
			noise = none
		}
		verdict := verdictOf(f)
		if differs(f) {
			verdict = "**" + verdict + "**"
		}
		markdownRow(b, markdown(f.Contestant), markdown(f.Load.String()), markdown(f.Metric.Words(f.Load.Unit().One)),
			withUnit(f, f.Base.Center), withUnit(f, f.Head.Center), changeOf(f), changeRangeOf(f), noise, percent(f.Detectable), figure(f.Q), verdict)
	}
	fmt.Fprintln(b)
	for _, n := range slices.Concat(comparisonLimits(c), comparisonReading(c)) {
		fmt.Fprintf(b, "- %s: %s\n", n.Label, markdown(n.Text))
	}
	return b.Flush()
}

func withUnit(f *compare.Finding, x float64) string {
	return strings.TrimSpace(amount(f.Metric, x) + " " + amountUnit(f.Metric, f.Load.Unit()))
}

func markdownRow(w io.Writer, cells ...string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// special is what means something in Markdown, in a table of it, or to a site that
// shows it: any of ASCII's punctuation may be escaped (CommonMark 0.31, section 2.4).
// What follows an @ is told apart from it, so that nobody is called.
var special = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`, "#", `\#`, "$", `\$`, "!", `\!`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "@\u200b",
)

// markdown is text from outside, as text.
func markdown(s string) string { return special.Replace(clean(s)) }
