package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// Markdown prints what the terminal's table has as GitHub's Markdown, to be pasted.
// Text from outside is escaped: it makes no table, link, mention or element.
func Markdown(w io.Writer, s *result.Set) error {
	b := bufio.NewWriter(w)
	all := views(s)
	for _, g := range comparedGrids(s, all, math.MaxInt) {
		g.markdown(b)
	}
	for _, n := range notes(s, all) {
		fmt.Fprintf(b, "- **%s**: %s\n", markdownText(n.label), markdownText(n.text))
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}

func (g grid) markdown(w io.Writer) {
	if g.title != "" {
		fmt.Fprintf(w, "**%s**\n\n", markdownText(g.title))
	}
	line := func(cells []string) {
		for _, c := range cells {
			fmt.Fprintf(w, "| %s ", markdownText(c))
		}
		fmt.Fprintln(w, "|")
	}
	line(g.header)
	for i := range g.header {
		if i == 0 || g.header[i] == "verdict" {
			fmt.Fprint(w, "| --- ")
		} else {
			fmt.Fprint(w, "| ---: ")
		}
	}
	fmt.Fprintln(w, "|")
	for _, r := range g.rows {
		line(r)
	}
	fmt.Fprintln(w)
	for _, n := range g.notes {
		fmt.Fprintf(w, "- %s\n", markdownText(n))
	}
	if len(g.notes) > 0 {
		fmt.Fprintln(w)
	}
}

// markdownText escapes what Markdown or GitHub would take for more than text. A
// mention and an address are no syntax that a backslash ends, so those characters
// are written by their numbers.
func markdownText(s string) string { return markdownEscapes.Replace(clean(strings.TrimSpace(s))) }

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "&#64;", "://", "&#58;//", "www.", "www&#46;",
)
