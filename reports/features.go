package reports

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/ringbench/ringbench/internal/result"
)

// Features prints what each backend can do, within 120 columns: first what
// variants switch on and off, then what else the kernel offers.
func Features(w io.Writer, list []result.Backend) error {
	b := bufio.NewWriter(w)
	for _, x := range list {
		title := x.Name + ": " + x.Doc
		if x.Tier != "" {
			title += "; tier " + x.Tier
		}
		fmt.Fprintln(b, fold(clean(title)))
		if x.Unavailable != "" {
			fmt.Fprintln(b, fold(clean(x.Unavailable)))
		}
		variants, others := featureRows(x.Capabilities)
		for _, rows := range [][][]string{variants, others} {
			if len(rows) < 2 {
				continue
			}
			fmt.Fprintln(b)
			if err := drawText(b, rows); err != nil {
				return err
			}
		}
		fmt.Fprintln(b)
	}
	return b.Flush()
}

// featureRows are two tables, each with its header.
func featureRows(list []result.Capability) (variants, others [][]string) {
	variants = [][]string{{"feature", "since Linux", "kernel has it", "default", "variant", "usable here"}}
	others = [][]string{{"without a variant", "since Linux", "kernel has it", "default", "usable here"}}
	for _, c := range list {
		usable := "yes"
		if !c.Usable {
			usable = c.Why
		}
		has := yes(c.Supported)
		if c.Unknown {
			has = "unknown"
		}
		row := []string{c.Name, firstKernel(c.Since), has, yes(c.Default)}
		if c.Variant != "" {
			variants = append(variants, append(row, c.Variant, usable))
		} else {
			others = append(others, append(row, usable))
		}
	}
	return variants, others
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

var versions = regexp.MustCompile(`Linux (\d+(\.\d+)+)`)

// firstKernel is the version that a capability needs: the last one named, where
// it is made of several things.
func firstKernel(since string) string {
	all := versions.FindAllStringSubmatch(since, -1)
	if len(all) == 0 {
		return none
	}
	return all[len(all)-1][1]
}

// drawText draws a table of words; the last column is broken into lines that fit.
func drawText(w io.Writer, rows [][]string) error {
	last := len(rows[0]) - 1
	room := tableWidth - 2*len(rows[0])
	for i := range last {
		most := 0
		for _, r := range rows {
			most = max(most, twwidth.Width(r[i]))
		}
		room -= most
	}
	align := make(tw.Alignment, last+1)
	for i := range align {
		align[i] = tw.AlignLeft
	}
	t := newTable(w)
	t.Options(tablewriter.WithAlignment(align))
	t.Header(rows[0])
	for _, r := range rows[1:] {
		for i := range r {
			r[i] = clean(r[i])
		}
		for i, line := range broken(r[last], max(room, 20)) {
			row := make([]string, len(r))
			if i == 0 {
				copy(row, r)
			}
			row[last] = line
			if err := t.Append(row); err != nil {
				return fmt.Errorf("table: %w", err)
			}
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// broken cuts text into lines of at most n columns, between words.
func broken(text string, n int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && twwidth.Width(line)+1+twwidth.Width(word) > n {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += shorten(word, n)
	}
	return append(lines, line)
}
