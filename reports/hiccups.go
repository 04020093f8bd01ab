package reports

import "github.com/ringbench/ringbench/internal/result"

// hiccupsBear is from which share of a percentile on the lateness of an idle thread
// at the same percentile is told beside it.
const hiccupsBear = 0.25

// hiccupRows are how late the CPUs of a row were by themselves, for each side of
// which that explains much of the tail, in the columns of the response time.
func hiccupRows(r row, before, after int) (rows [][]string) {
	for _, side := range []struct {
		name string
		of   func(*result.Hiccups) *result.Histogram
	}{
		{"  server CPUs", func(h *result.Hiccups) *result.Histogram { return h.Server }},
		{"  client CPUs", func(h *result.Hiccups) *result.Histogram { return h.Client }},
	} {
		var all []result.Histogram
		for _, t := range r.trials {
			if t.Hiccups != nil && side.of(t.Hiccups) != nil {
				all = append(all, *side.of(t.Hiccups))
			}
		}
		if len(all) == 0 {
			continue
		}
		late, _ := result.Merge(all...)
		if !late.Supports(99) || !r.latency.Supports(99) || float64(late.ValueAtPercentile(99)) < hiccupsBear*float64(r.latency.ValueAtPercentile(99)) {
			continue
		}
		line := append([]string{side.name}, make([]string, before-1)...)
		for _, p := range percentiles {
			line = append(line, microseconds(late, p))
		}
		rows = append(rows, append(line, make([]string, after)...))
	}
	return rows
}

const hiccupsNote = "server CPUs, client CPUs: how late a thread was woken there that does nothing but sleep, given where its p99 is a quarter of the response time's or more: that much of the tail need not be the server's"
