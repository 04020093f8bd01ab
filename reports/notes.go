package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// width is what every line of a terminal report fits in.
const width = 120

// notes are the conditions and everything that limits the figures, a line
// each: a label, a colon, the text.
func notes(s *result.Set) []string {
	var n []string
	n = append(n, intervalNote(s)...)
	n = append(n, placementNote(s))
	n = append(n, contestantNotes(s)...)
	n = append(n, clientNote(s))
	n = append(n, interferenceNote(s)...)
	n = append(n, voidNotes(s)...)
	n = append(n, loadNotes(s)...)
	if s.Interrupted {
		n = append(n, "interrupted: the plan was not finished; the figures are of what was measured")
	}
	for _, w := range s.Warnings {
		n = append(n, "warning: "+w)
	}
	for i := range n {
		n[i] = clean(n[i])
	}
	return n
}

// fold breaks a line at spaces so that it fits; what follows is indented.
func fold(line string) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(line, " ") {
		n := len([]rune(word))
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteString("\n   ")
			used = 3
			fallthrough
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

func intervalNote(s *result.Set) []string {
	var least, most int
	for _, v := range views(s) {
		for _, r := range v.rows {
			if n := r.rate.N; n > 0 {
				most = max(most, n)
				if least == 0 || n < least {
					least = n
				}
			}
		}
	}
	text := "figures: medians over trials; latencies from the merged histograms; ± % is half of "
	switch {
	case most == 0:
		return []string{"figures: none, no trial counts"}
	case most < 2:
		return []string{"figures: of one trial, so without a spread; --trials=6 or more gives a 95 % interval"}
	case most < 6:
		text += fmt.Sprintf("the range of the trials (%s: too few for a 95 %% interval, which takes 6)", span(least, most))
	case least < 6:
		text += fmt.Sprintf("the 95 %% interval of the median, or of the range where fewer than 6 trials count (%s)", span(least, most))
	default:
		text += "the 95 % interval of the median"
	}
	out := []string{text}
	if s.Env.TickHz > 0 {
		out = append(out, fmt.Sprintf("CPU: sums are exact, helper threads included; the user share (u) is a sample at %.0f Hz, ± its standard error", s.Env.TickHz))
	} else {
		out = append(out, "CPU: sums are exact, helper threads included; the user share (u) is a sample, ± its standard error")
	}
	return out
}

func span(least, most int) string {
	if least == most {
		return fmt.Sprint(most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func placementNote(s *result.Set) string {
	p := s.Plan
	if p.Placement == "shared" {
		return fmt.Sprintf("placement: shared, server and client both on CPU %s", cpuList(p.ServerCPUs))
	}
	return fmt.Sprintf("placement: %s, server on CPU %s, client on CPU %s", or(p.Placement, "unknown"), cpuList(p.ServerCPUs), cpuList(p.ClientCPUs))
}

// contestantNotes say what each contestant really was: more than one line for
// one name when its trials differ, which no reader may miss.
func contestantNotes(s *result.Set) (n []string) {
	for i := range s.Trials {
		t := &s.Trials[i]
		if t.Void != "" || t.Cell < 0 || t.Cell >= len(s.Plan.Cells) {
			continue
		}
		if line := contestantLine(s.Plan.Cells[t.Cell], t); !slices.Contains(n, line) {
			n = append(n, line)
		}
	}
	slices.SortStableFunc(n, func(a, b string) int { return rank(s, a) - rank(s, b) })
	return n
}

func contestantLine(c result.Cell, t *result.Trial) string {
	line := c.Contestant + ":"
	switch {
	case c.Command != "":
		line += " foreign server, " + c.Command
	case c.Target != "":
		line += " server that ran already, at " + c.Target
	case t.Tier != "":
		line += " tier " + t.Tier
	case c.Backend != "":
		line += " backend " + c.Backend
	}
	if len(t.Features) > 0 {
		line += "; " + strings.Join(t.Features, ", ")
	}
	switch {
	case t.CountedSyscalls != nil && t.TracedSyscalls != nil:
		line += "; syscalls by its own count, checked by tracepoint"
	case t.CountedSyscalls != nil:
		line += "; syscalls by its own count"
	case t.TracedSyscalls != nil:
		line += "; syscalls by tracepoint"
	default:
		line += "; syscalls not counted"
	}
	return line
}

func rank(s *result.Set, line string) int {
	return slices.IndexFunc(s.Plan.Cells, func(c result.Cell) bool { return strings.HasPrefix(line, c.Contestant+":") })
}

func clientNote(s *result.Set) string {
	line := "load generator: " + or(s.Plan.Client, "unknown")
	f := s.Floor
	if f == nil || f.Messages == 0 {
		return line + "; its floor was not measured"
	}
	return line + fmt.Sprintf("; harness floor (null backend, nothing is sent): %s ns CPU a message at %s messages/s",
		figure(f.CPUPerMessage()), whole(f.PerSecond()))
}

func interferenceNote(s *result.Set) []string {
	var steal, other, wait []float64
	for i := range s.Trials {
		t := &s.Trials[i]
		steal = append(steal, t.StealShare(s.Env.CPUs))
		other = append(other, t.OtherShare(s.Env.CPUs))
		if t.Server != nil && t.Server.RunQueueWait != nil {
			wait = append(wait, *t.Server.RunQueueWait/t.Server.Seconds)
		}
	}
	if stat.Median(steal).N == 0 {
		return []string{"interference: not measured"}
	}
	line := fmt.Sprintf("interference, of all CPUs' time: steal %s, other processes %s", medianAndMost(steal), medianAndMost(other))
	if stat.Median(wait).N > 0 {
		line += fmt.Sprintf("; server waiting for a CPU, of the time: %s", medianAndMost(wait))
	}
	return []string{line}
}

func medianAndMost(shares []float64) string {
	most := math.NaN()
	for _, x := range shares {
		if math.IsNaN(most) || x > most {
			most = x
		}
	}
	return fmt.Sprintf("%s %% (most %s %%)", percent(stat.Median(shares).Center), percent(most))
}

func voidNotes(s *result.Set) []string {
	void := s.Void()
	if len(void) == 0 {
		return []string{fmt.Sprintf("trials: %d, all count", len(s.Trials))}
	}
	out := []string{fmt.Sprintf("trials: %d of %d are void and not in the figures", len(void), len(s.Trials))}
	count := map[string]int{}
	for _, t := range void {
		line := "void: " + cellName(s, t.Cell) + ": " + t.Void
		if count[line] == 0 {
			out = append(out, line)
		}
		count[line]++
	}
	for i, line := range out {
		if count[line] > 1 {
			out[i] = fmt.Sprintf("%s (%d times)", line, count[line])
		}
	}
	return out
}

func cellName(s *result.Set, cell int) string {
	if cell < 0 || cell >= len(s.Plan.Cells) {
		return fmt.Sprintf("cell %d", cell)
	}
	return fmt.Sprintf("%s (%s)", s.Plan.Name(cell), s.Plan.Cells[cell].Load())
}

// events are counters that a reader must see when they are not zero.
var events = []string{"eagain", "eintr", "short_sends", "no_bufs", "rearms", "cq_overflows"}

// loadNotes are per contestant and load: what was not served, what the counters
// saw, how late the generator was.
func loadNotes(s *result.Set) (n []string) {
	for _, v := range views(s) {
		for _, r := range v.rows {
			at := fmt.Sprintf("%s (%s): ", r.name, v.load)
			if line := unservedNote(r); line != "" {
				n = append(n, "unserved: "+at+line)
			}
			if line := eventsNote(r); line != "" {
				n = append(n, "events: "+at+line)
			}
			if r.lag != nil && r.lag.TotalCount() > 0 {
				n = append(n, fmt.Sprintf("send lag: %sthe generator sent late by p50 %s, p99 %s µs", at,
					microseconds(*r.lag, 50), microseconds(*r.lag, 99)))
			}
			if r.dropped > 0 {
				n = append(n, fmt.Sprintf("warning: %s%d latencies lie beyond the histogram's range and are left out", at, r.dropped))
			}
		}
	}
	return n
}

func unservedNote(r row) string {
	most, trials := 0, 0
	var waits []result.Histogram
	for _, t := range r.trials {
		most = max(most, t.Unserved)
		if t.Unserved > 0 {
			trials++
		}
		if t.BacklogWait != nil {
			waits = append(waits, *t.BacklogWait)
		}
	}
	wait, _ := result.Merge(waits...)
	var parts []string
	if most > 0 {
		parts = append(parts, fmt.Sprintf("up to %d of %d connections never answered, waiting in the backlog, in %d of %d trials", most, r.cell.Conns, trials, len(r.trials)))
	}
	if wait.TotalCount() > 0 && (most > 0 || r.cell.Workers > 0) {
		parts = append(parts, fmt.Sprintf("connections waited for their first answer: p50 %s µs, longest %s µs",
			figure(float64(wait.ValueAtPercentile(50))/1e3), figure(float64(wait.Max())/1e3)))
	}
	return strings.Join(parts, "; ")
}

func eventsNote(r row) string {
	var parts []string
	for _, name := range events {
		var sum, messages uint64
		for _, t := range r.trials {
			sum += t.Counters[name]
			messages += t.Messages
		}
		if sum > 0 && messages > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s a message)", name, whole(float64(sum)), figure(float64(sum)/float64(messages))))
		}
	}
	return strings.Join(parts, ", ")
}
