package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/ringbench/ringbench/internal/gate"
)

// GitHubCommands writes workflow commands, which GitHub Actions shows as annotations,
// ten of a kind at most: an error for a regression, a warning for what was too noisy, a
// notice for advice and the decision.
// https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
func GitHubCommands(w io.Writer, d *gate.Decision) error {
	b := bufio.NewWriter(w)
	for i := range d.Judged {
		j := &d.Judged[i]
		switch {
		case j.Outcome == gate.Pass:
		case !j.Decides():
			command(b, "notice", judgedName(j), j.Text)
		case j.Outcome == gate.Fail:
			command(b, "error", judgedName(j), j.Text)
		default:
			command(b, "warning", judgedName(j), j.Text)
		}
	}
	kind := "notice"
	if d.Outcome != gate.Pass {
		kind = "error"
	}
	text := conclusion(d)
	if a := advice(d); a != "" {
		text += ". " + a
	}
	command(b, kind, "ringbench gate", text)
	return b.Flush()
}

// advice is what to do, in one line.
func advice(d *gate.Decision) string { return strings.Join(d.Advice, ". ") }

// What ends a command or one of its properties is escaped as the runner undoes it
// (escapeData and escapeProperty of actions/toolkit, packages/core/src/command.ts).
var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func command(w io.Writer, kind, title, text string) {
	fmt.Fprintf(w, "::%s title=%s::%s\n", kind, commandProperty.Replace(clean(title)), commandData.Replace(clean(text)))
}
