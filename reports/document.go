package reports

import (
	"fmt"
	"slices"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/chart"
	"github.com/ringbench/ringbench/reports/page"
)

// Document is a report of s: what was found and what limits it, then each view for
// which s has data. It depends on s alone.
func Document(s *result.Set) page.Document {
	all, compared := views(s), effects(s)
	d := page.Document{
		Title:    "ringbench " + pageTitle(s) + " on " + or(s.Env.Host, "an unknown host"),
		Subtitle: subtitle(s, all) + " · " + s.Started.UTC().Format(time.RFC3339),
		Lead:     lead(s, all, compared),
		Verdicts: bounded(verdicts(s, all, compared), verdictsMost),
	}
	if len(s.Trials) <= trialsMost {
		d.Raw = s
	}
	var conditions []page.Note
	d.Limits, conditions = pageNotes(notes(s, all))
	switch s.Plan.Purpose {
	case "":
		d.Sections = comparisonSections(s, all, compared)
	case result.PurposeMaximum:
		d.Sections = searchSections(s, all, compared)
	default:
		d.Sections = effectSections(s, all, compared)
	}
	environment := page.Section{ID: "environment", Title: "Environment", Notes: conditions,
		Tables: firstTables(1, "", func(int) []page.Table { return []page.Table{environmentTable(s)} }),
		How:    "What the figures depend on, as the run found it. Results of machines that differ in any of this are not of one experiment."}
	command := page.Section{ID: "command", Title: "Command", Notes: commands(s),
		How: "A line here, given to a shell on a machine that is alike, measures the same again."}
	d.Sections = append(d.Sections, environment, command, fairnessSection(all))
	if s.Plan.Purpose == "" {
		d.Sections = append(d.Sections, figuresSection(s, all))
	}
	d.Sections = slices.DeleteFunc(d.Sections, func(x page.Section) bool { return len(x.Charts)+len(x.Tables)+len(x.Notes) == 0 })
	for i := range d.Sections {
		tables := d.Sections[i].Tables
		for j := range tables {
			tables[j].Notes = ends(tables[j].Notes, listMost, func(text string) string { return text })
		}
	}
	return d
}

// commands are that of the run or, where they differ, those of the runs that were joined.
func commands(s *result.Set) (list []page.Note) {
	if len(s.Command) > 0 {
		return []page.Note{{Label: "command", Text: shellCommand(s.Command)}}
	}
	for _, p := range s.Joined[:min(len(s.Joined), notesMost)] {
		list = append(list, page.Note{Label: p.Name, Text: shellCommand(p.Command)})
	}
	if n := len(s.Joined) - notesMost; n > 0 {
		list = append(list, page.Note{Label: "more", Text: fmt.Sprintf("those of %d more runs are in the raw result", n)})
	}
	return list
}

// pageTitle is what was measured, and to what end.
func pageTitle(s *result.Set) string {
	what := or(s.Plan.Workload(), "result")
	switch s.Plan.Purpose {
	case result.PurposeAblation:
		return "ablate " + what
	case result.PurposeCalibration:
		return "calibrate " + what
	case result.PurposeMaximum:
		return what + " --find-max"
	}
	return what
}

// pageNotes tell those that limit the figures from the others. That the run is not whole
// comes first, where it is seen however many there are.
func pageNotes(list []note) (limits, conditions []page.Note) {
	count := map[note]int{}
	for _, n := range list {
		kind := note{label: n.label, limits: n.limits}
		count[kind]++
		p := page.Note{Label: n.label, Text: n.text}
		switch {
		case count[kind] > notesMost+1:
			continue
		case count[kind] == notesMost+1:
			p.Text = "and more of the same: " + whereAll
		}
		switch {
		case n.label == interrupted:
			limits = slices.Insert(limits, 0, p)
		case n.limits:
			limits = append(limits, p)
		default:
			conditions = append(conditions, p)
		}
	}
	more := func(text string) page.Note { return page.Note{Label: "more", Text: text} }
	return ends(limits, listMost, more), ends(conditions, listMost, more)
}

// comparisonSections are of absolute figures and what they say of one another.
func comparisonSections(s *result.Set, all []view, compared []effect) []page.Section {
	list := []page.Section{{ID: "summary", Title: "Summary", How: summaryHow, Tables: summaryTables(s, all, compared)}}
	measured := slices.ContainsFunc(all, view.measured)
	if measured {
		list = append(list, pictured("throughput", "Throughput", throughputHow, throughputChart(s, all)))
		curves, byRate := sweepSections(s, all)
		list = append(list, curves...)
		list = append(list, pictured("percentiles", "Latency by percentile", percentilesHow, percentilesChart(s, all)))
		list = append(list, pictured("cpu", "CPU of each side", cpuHowOf(s), cpuChart(s, all)))
		list = append(list, byRate...)
		if heat := heatCharts(s, all, compared); heat != nil {
			list = append(list, pictured("heat", "Where it takes less CPU", heatHow, heat...))
		}
		list = append(list, trialSections(s, all)...)
	}
	if len(compared) > 0 && measured {
		effects := pictured("effects", "Effects", forestHow, forestCharts(s, all, compared)...)
		effects.Tables = ratioTables(s, compared)
		list = append(list, effects)
	}
	return list
}

func figuresSection(s *result.Set, all []view) page.Section {
	return page.Section{ID: "figures", Title: "All figures", How: "Medians over trials; latencies are of their merged histograms, so that they may differ a little from the medians of the summary.",
		Tables: firstTables(len(all), "loads", func(i int) []page.Table { return pageTables(loadGrids(s, all[i])) })}
}

// searchSections are of what a search for the highest rates saw.
func searchSections(s *result.Set, all []view, compared []effect) []page.Section {
	list := []page.Section{{ID: "summary", Title: "Highest rates", How: "A rate is sustained if nearly all that is offered is answered and every objective is met in the median of its trials.", Tables: ratioTables(s, compared)}}
	curves, byRate := sweepSections(s, all)
	return append(append(list, curves...), byRate...)
}

// effectSections are of a set that was made for ratios.
func effectSections(s *result.Set, all []view, compared []effect) []page.Section {
	title, how := "Effects", forestHow
	if s.Plan.Purpose == result.PurposeAblation {
		title, how = "What each feature is worth", ablationHow
	}
	effects := pictured(s.Plan.Purpose, title, how, forestCharts(s, all, compared)...)
	effects.Tables = ratioTables(s, compared)
	return []page.Section{effects}
}

// ratioTables are the first of what is compared, and say how.
func ratioTables(s *result.Set, compared []effect) []page.Table {
	grids, closing := ratioGrids(s, compared)
	each, what := 1, "tables"
	if s.Plan.Purpose == result.PurposeMaximum {
		each, what = 2, "loads"
	}
	return firstTables(len(grids)/each, what, func(i int) []page.Table { return pageTables(grids[each*i : each*(i+1)]) }, closing...)
}

// sweepSections are of several rates: how fast the answers come, and what they take.
func sweepSections(s *result.Set, all []view) (curves, cpu []page.Section) {
	list := sweeps(all)
	if len(list) == 0 {
		return nil, nil
	}
	return []page.Section{
		pictured("knee", "Throughput and response time", kneeHow, kneeChart(s, all, list)),
		pictured("tail", "Response time by offered rate", tailHow, tailChart(s, all, list)),
	}, []page.Section{pictured("cpu-by-rate", "CPU by offered rate", cpuByRateHow, cpuByRateChart(s, all, list))}
}

func trialSections(s *result.Set, all []view) (list []page.Section) {
	if slices.ContainsFunc(s.Trials, func(t result.Trial) bool { return t.Series != nil }) {
		list = append(list, pictured("series", "Within each trial", seriesHow, seriesChart(s, all)))
	}
	return append(list, pictured("order", "Trial by trial", orderHow, orderChart(s, all)))
}

func fairnessSection(all []view) page.Section {
	return page.Section{ID: "fairness", Title: "What each contestant did", How: fairnessHow, Tables: fairnessTables(all)}
}

func pictured(id, title, how string, charts ...chart.Chart) page.Section {
	return page.Section{ID: id, Title: title, How: how, Charts: charts}
}

// measured reports whether any trial of the view counts.
func (v view) measured() bool {
	return slices.ContainsFunc(v.rows, func(r row) bool { return len(r.trials) > 0 })
}
