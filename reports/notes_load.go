package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// events are the counters that a reader must see when they are not zero.
var events = []string{"eagain", "eintr", "short_sends", "no_bufs", "rearms", "cq_overflows", "zc_refused", "held_links", "scheduled_file_ops"}

// loadNotes are per contestant and load: a generator that was the limit, what
// was not served, what the counters saw, how late the generator was.
func loadNotes(all []view, unit result.Unit) (n []note) {
	for _, v := range all {
		for _, r := range v.rows {
			at := fmt.Sprintf("%s (%s): ", r.name, v.load)
			if r.clientBound > 0 {
				n = append(n, note{"client-bound", at + fmt.Sprintf("in %s the client was the limit, so the throughput measures the client", someTrials(r.clientBound, r)), true})
			}
			if line := unservedText(r, unit); line != "" {
				n = append(n, note{"unserved", at + line, true})
			}
			if line := lostText(r); line != "" {
				n = append(n, note{"lost", at + line, true})
			}
			if trials := endedProcesses(r); trials > 0 {
				n = append(n, note{"processes", at + fmt.Sprintf("some ended within the window in %s: what they used is missing from its figures", someTrials(trials, r)), true})
			}
			if line := untracedText(r); line != "" {
				n = append(n, note{"system calls", at + line, true})
			}
			if line := outsideText(r, unit); line != "" {
				n = append(n, note{"outside user space", at + line, false})
			}
			if line := endedText(r); line != "" {
				n = append(n, note{"threads", at + line, true})
			}
			if line := spinText(r, unit); line != "" {
				n = append(n, note{"spin", at + line, false})
			}
			if line := slowedText(r, unit); line != "" {
				n = append(n, note{"slowed", at + line, false})
			}
			if line := eventsText(r, unit); line != "" {
				n = append(n, note{"events", at + line, false})
			}
			if line := copiedText(r); line != "" {
				n = append(n, note{"zero copy", at + line, false})
			}
			if r.lag != nil && r.lag.TotalCount() > 0 {
				n = append(n, note{"send lag", at + fmt.Sprintf("%s late by p50 %s, p99 %s µs", started(v.load), microseconds(*r.lag, 50), microseconds(*r.lag, 99)), false})
			}
			if r.clipped > 0 {
				n = append(n, note{"warning", at + fmt.Sprintf("%s times were longer than the 100 s that a histogram holds and count as that long", stat.Count(r.clipped)), true})
			}
			if line := shortfallText(r, unit); line != "" {
				n = append(n, note{"overload", at + line, true})
			}
			if r.dropped > 0 {
				n = append(n, note{"warning", at + fmt.Sprintf("%s latencies lie beyond the histogram's range and are left out", stat.Count(r.dropped)), true})
			}
		}
	}
	return n
}

// outsideText is how much of a proxy's CPU is not its own program's: what the
// backends differ by, since a proxy computes next to nothing.
func outsideText(r row, unit result.Unit) string {
	if r.cell.Workload != "proxy" || math.IsNaN(r.user.part) {
		return ""
	}
	line := fmt.Sprintf("%.1f %% of the proxy's CPU", 100*(1-r.user.part))
	if !math.IsNaN(r.user.err) {
		line = fmt.Sprintf("%.1f ± %.1f %% of the proxy's CPU", 100*(1-r.user.part), 100*r.user.err)
	}
	if softirq := r.median((*result.Trial).SoftirqPerMessage); softirq.N > 0 {
		line += fmt.Sprintf("; softirqs of the whole machine took %s ns a %s", whole(softirq.Center), unit.One)
	}
	return line
}

func unservedText(r row, unit result.Unit) string {
	most, sum, trials := 0, 0, 0
	var waits []result.Histogram
	for _, t := range r.trials {
		most = max(most, t.Unserved)
		sum += t.Unserved
		if t.Unserved > 0 {
			trials++
		}
		if t.BacklogWait != nil {
			waits = append(waits, *t.BacklogWait)
		}
	}
	if most == 0 && (len(waits) == 0 || r.cell.Workers == 0) {
		return ""
	}
	wait, _ := result.Merge(waits...)
	var parts []string
	if most > 0 {
		why := "waiting in the backlog"
		if r.cell.Workers == 0 {
			why += ", or their " + unit.Many + " lost"
		}
		parts = append(parts, fmt.Sprintf("up to %s of %s connections never answered, %s, in %s", stat.Count(most), stat.Count(r.cell.Conns), why, someTrials(trials, r)))
	}
	if n := wait.TotalCount(); n > 0 {
		answered := 100 * float64(n-int64(sum)) / float64(n) // the others waited longer than any of these
		text := func(p float64) string {
			s := figure(float64(wait.ValueAtPercentile(p))/1e6) + " ms"
			if p > answered {
				return "≥ " + s
			}
			return s
		}
		parts = append(parts, fmt.Sprintf("connections waited for their first answer, from the start of the load: p50 %s, longest %s", text(50), text(100)))
	}
	return strings.Join(parts, "; ")
}

// someTrials is of how many of a row's something is said.
func someTrials(n int, r row) string {
	return stat.Count(n) + " of " + stat.Count(len(r.trials)) + " trials"
}

// endedProcesses counts the trials in which a process of the server ended.
func endedProcesses(r row) (trials int) {
	for _, t := range r.trials {
		if t.Server != nil && t.Server.ProcessesEnded > 0 {
			trials++
		}
	}
	return trials
}

// untracedText says why system calls were not counted by tracepoint although
// they were to be. Reasons differ by process numbers, so one stands for all.
func untracedText(r row) (line string) {
	trials, why := 0, ""
	for _, t := range r.trials {
		if t.TraceFailure != "" {
			trials++
			why = or(why, t.TraceFailure)
		}
	}
	if trials == 0 {
		return ""
	}
	return fmt.Sprintf("not counted by tracepoint in %s: %s", someTrials(trials, r), why)
}

// copiedText is what the kernel reported of zero-copy sends.
func copiedText(r row) string {
	var copied, all uint64
	for _, t := range r.trials {
		copied += t.Counters["zc_copied"]
		all += t.Counters["zc_notifications"]
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%s %% of %s zero-copy sends were copied after all, as the kernel reports", figure(100*float64(copied)/float64(all)), stat.Count(all))
}

// endedText tells of threads whose switches are lost.
func endedText(r row) string {
	sum := 0
	for _, t := range r.trials {
		if t.Server != nil {
			sum += t.Server.ThreadsEnded
		}
	}
	if sum == 0 {
		return ""
	}
	return fmt.Sprintf("%s of the server's ended in mid-trial; their switches and waits for a CPU are missing", stat.Count(sum))
}

func eventsText(r row, unit result.Unit) string {
	var parts []string
	moved := "bytes_in"
	if r.cell.Sent() {
		moved = "bytes_out"
	}
	for _, name := range events {
		var sum, bytes uint64
		for _, t := range r.trials {
			sum += t.Counters[name]
			bytes += t.Counters[moved] // as long as the events were counted
		}
		if messages := float64(bytes) / r.cell.CountedBytes(); sum > 0 && messages > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s a %s)", name, stat.Count(sum), figure(float64(sum)/messages), unit.One))
		}
	}
	return strings.Join(parts, ", ")
}
