package reports

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ringbench/ringbench/internal/result"
)

//go:embed page.gohtml
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A page is what the template shows. Strings are escaped by the template;
// Style, SVG and Raw are made here and are safe as they are.
type page struct {
	Title, Subtitle string
	Style           template.CSS
	Verdicts        []string
	Limits          []pageNote
	Tables          []pageTable
	Conditions      []pageNote
	Plots           []pagePlot
	Environment     []pageFact
	Command         string
	Raw             template.JS
}

type pageNote struct{ Label, Text string }

type pageTable struct {
	Title  string
	Header []string
	Rows   []pageRow
	Notes  []string
}

type pageRow struct {
	Name  string
	Cells []string
	Sub   bool // a part of the row above
}

type pagePlot struct {
	SVG     template.HTML
	Caption string
}

type pageFact struct{ Name, Value string }

// HTML prints one page that needs nothing else: no network, no script. What
// limits the figures comes before them; the raw result is embedded.
func HTML(w io.Writer, s *result.Set) error {
	raw, err := json.Marshal(s) // escapes <, > and &, so that it cannot end its element
	if err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	all := views(s)
	p := page{
		Title:    "ringbench " + or(s.Plan.Workload(), "result") + " on " + or(s.Env.Host, "an unknown host"),
		Subtitle: subtitle(s, all) + " · " + s.Started.UTC().Format(time.RFC3339),
		Style:    template.CSS(pageStyle),
		Verdicts: verdicts(s, all),
		Command:  shellCommand(s.Command),
		Raw:      template.JS(raw),
	}
	for _, n := range notes(s, all) {
		if n.limits {
			p.Limits = append(p.Limits, pageNote{n.label, n.text})
		} else {
			p.Conditions = append(p.Conditions, pageNote{n.label, n.text})
		}
	}
	if s.Plan.Purpose != "" {
		p.addTables(ratioGrids(s)...)
	} else {
		p.addTables(comparedGrids(s, all)...)
	}
	for _, d := range drawings(s) {
		svg, err := d.svg()
		if err != nil {
			return err
		}
		p.Plots = append(p.Plots, pagePlot{template.HTML(svg), d.caption})
	}
	p.Environment = environment(s)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("make page: %w", err)
	}
	if _, err := w.Write(bytes.Map(printable, b.Bytes())); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// printable replaces what HTML forbids even when escaped: control characters.
func printable(r rune) rune {
	if r != '\n' && r != '\t' && unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

func (p *page) addTables(grids ...grid) {
	for _, g := range grids {
		t := pageTable{Title: g.title, Header: g.header, Notes: g.notes}
		for _, r := range g.rows {
			name := strings.TrimLeft(r[0], " ")
			t.Rows = append(t.Rows, pageRow{Name: name, Cells: r[1:], Sub: name != r[0]})
		}
		p.Tables = append(p.Tables, t)
	}
}

// verdicts say what was found, one line a load, without naming a winner: that
// takes a duet or several sessions.
func verdicts(s *result.Set, all []view) (lines []string) {
	if s.Plan.Purpose != "" {
		if s.Plan.Purpose == result.PurposeMaximum {
			return maximumVerdicts(s)
		}
		return purposeVerdicts(s)
	}
	unit := s.Plan.Unit()
	for _, e := range effects(s) {
		if !e.match.Same && e.pairs > 0 {
			lines = append(lines, e.load.String()+": "+e.findings(unit.One))
		}
	}
	for _, v := range all {
		var parts []string
		for _, r := range v.rows {
			if r.rate.N == 0 {
				parts = append(parts, r.name+" not measured")
				continue
			}
			part := r.name + " " + whole(r.rate.Center) + " " + unit.Many + "/s"
			if r.server.N > 0 {
				part += " at " + whole(r.server.Center) + " ns of server CPU each"
			}
			parts = append(parts, part+" ("+or(r.verdict, "saturation unknown")+")")
		}
		lines = append(lines, v.load.String()+": "+strings.Join(parts, "; "))
	}
	if len(lines) == 0 {
		return []string{"nothing was measured"}
	}
	return lines
}

func environment(s *result.Set) (facts []pageFact) {
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, pageFact{name, value})
		}
	}
	e, p := s.Env, s.Plan
	add("host", e.Host)
	add("kernel", strings.TrimSpace("Linux "+e.Kernel+" "+e.Arch))
	add("CPUs", strings.TrimSpace(fmt.Sprintf("%d %s", e.CPUs, e.CPUModel)))
	add("memory", fmt.Sprintf("%.1f GiB", float64(e.MemoryBytes)/(1<<30)))
	add("CPU accounting", e.Accounting)
	add("autogroup", fmt.Sprint(e.Autogroup))
	add("mitigations", strings.Join(e.Mitigations, "; "))
	add("kernel command line", e.Cmdline)
	for _, group := range []map[string]string{e.Facts, e.Sysctls, e.KernelConfig} {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			add(strings.ReplaceAll(name, "_", " "), group[name])
		}
	}
	add("ringbench", strings.TrimSpace(s.Version+" "+e.Commit)+", "+e.GoVersion)
	add("plan", fmt.Sprintf("%d trials of each cell in random order, seed %d; %.10g s of warm-up, %.10g s measured", p.Trials, p.Seed, p.WarmupSeconds, p.DurationSeconds))
	add("started", s.Started.UTC().Format(time.RFC3339))
	add("ended", s.Ended.UTC().Format(time.RFC3339))
	return facts
}

// shellCommand quotes where a shell needs it, so that the line can be pasted.
func shellCommand(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		plain := a != "" && strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%") == ""
		if !plain {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
