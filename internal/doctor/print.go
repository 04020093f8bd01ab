package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// The widths of the columns that are folded; with the others, and the padding
// of all, they make 119.
const (
	foundWidth  = 43
	adviceWidth = 42
)

// JSON prints the report for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Table prints the report for people, within 120 columns.
func (r *Report) Table(w io.Writer) error {
	t := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenRows: tw.Off, BetweenColumns: tw.Off},
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithAlignment(tw.Alignment{tw.AlignLeft, tw.AlignLeft, tw.AlignLeft, tw.AlignLeft}),
	)
	t.Header("check", "", "found", "what to do")
	for _, c := range r.Checks {
		if err := t.Append(c.Name, string(c.Status), fold(c.Found, foundWidth), fold(c.Advice, adviceWidth)); err != nil {
			return fmt.Errorf("table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r)
	return err
}

// String is the report in a line.
func (r *Report) String() string {
	return fmt.Sprintf("%d ok, %s, %d unknown", r.Fine, r.warned(), r.Unknowns)
}

func (r *Report) warned() string {
	if r.Warnings == 1 {
		return "1 warning"
	}
	return fmt.Sprintf("%d warnings", r.Warnings)
}

// fold breaks text at spaces, and words that are too long anywhere.
func fold(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && twwidth.Width(line)+1+twwidth.Width(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for twwidth.Width(word) > width {
			cut := 0
			for i := range word {
				if twwidth.Width(word[:i]) > width {
					break
				}
				cut = i
			}
			lines, word = append(lines, word[:cut]), word[cut:]
		}
		line = word
	}
	return strings.Join(append(lines, line), "\n")
}

// clean makes text from outside harmless on a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
