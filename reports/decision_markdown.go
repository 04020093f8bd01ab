package reports

import (
	"bufio"
	"fmt"
	"io"

	"github.com/ringbench/ringbench/internal/gate"
)

// DecisionMarkdown prints a decision as GitHub's Markdown.
func DecisionMarkdown(w io.Writer, d *gate.Decision) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "### ringbench gate: %s\n\n%s\n\n", d.Outcome, markdown(conclusion(d)))
	for _, a := range d.Advice {
		fmt.Fprintf(b, "- %s\n", markdown(a))
	}
	if len(d.Advice) > 0 {
		fmt.Fprintln(b)
	}
	if len(d.Judged) > 0 {
		markdownRow(b, "outcome", "what was found")
		markdownRow(b, "---", "---")
		for i := range d.Judged {
			j := &d.Judged[i]
			outcome := outcomeOf(j)
			if j.Outcome != gate.Pass && j.Decides() {
				outcome = "**" + outcome + "**"
			}
			markdownRow(b, outcome, markdown(j.Text))
		}
		fmt.Fprintln(b)
	}
	if d.Comparison != nil {
		fmt.Fprintf(b, "<details><summary>All that was compared</summary>\n\n")
		if err := ComparisonMarkdown(b, d.Comparison); err != nil {
			return err
		}
		fmt.Fprintf(b, "\n</details>\n")
	}
	return b.Flush()
}
