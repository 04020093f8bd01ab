package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// width is what every line of a terminal report fits in.
const width = 120

// A note is a condition of the figures, or something that limits them.
type note struct {
	label, text string
	limits      bool
}

func (n note) String() string { return clean(n.label + ": " + n.text) }

// notes are everything that a reader needs beside the figures.
func notes(s *result.Set, all []view) []note {
	var n []note
	if s.Plan.Purpose == "" { // else the tables say what their figures are
		n = append(n, figuresNotes(s, all)...)
	}
	n = append(n, placementNote(s))
	n = append(n, contestantNotes(s)...)
	n = append(n, clientNote(s))
	n = append(n, storageNotes(s)...)
	n = append(n, interferenceNote(s))
	if s.Plan.Purpose == "" {
		n = append(n, interferenceNotes(all)...)
	}
	n = append(n, trialsNotes(s)...)
	n = append(n, disturbedNotes(s)...)
	n = append(n, steadinessNotes(s)...)
	n = append(n, endingNotes(s)...)
	for _, l := range loadNotes(all, s.Plan.Unit()) {
		if s.Plan.Purpose == result.PurposeMaximum && l.label == "overload" {
			continue // it was looked for
		}
		if s.Plan.Purpose == "" || l.limits {
			n = append(n, l)
		}
	}
	if text := untilText(s); text != "" {
		n = append(n, note{"until", text, false})
	}
	if s.Interrupted {
		file := "the file"
		if len(s.Joined) > 0 {
			file = "that of the run"
		}
		n = append(n, note{"interrupted", "the plan was not finished; the figures are of what was measured; ringbench run --resume takes " + file + " and finishes it", true})
	}
	n = append(n, joinedNotes(s)...)
	for _, r := range s.Resumed {
		n = append(n, note{"resumed", fmt.Sprintf("at %s from block %d on", r.Started.Format(time.RFC3339), r.Block+1), false})
	}
	for _, l := range s.Plan.LeftOut {
		if s.Plan.Purpose != "" && s.Plan.Purpose != result.PurposeMaximum {
			break // the tables say it
		}
		n = append(n, note{"left out", l.Why, true})
	}
	for _, w := range s.Warnings {
		n = append(n, note{"warning", w, true})
	}
	return n
}

// joinedNotes say of which runs the set was joined.
func joinedNotes(s *result.Set) (n []note) {
	session := 1
	for _, p := range s.Joined {
		text := fmt.Sprintf("%s, session %d", p.Name, session)
		if p.Sessions > 1 {
			text = fmt.Sprintf("%s, sessions %d to %d", p.Name, session, session+p.Sessions-1)
		}
		n = append(n, note{"run", text + ", started " + p.Started.UTC().Format(time.RFC3339) + ": " + shellCommand(p.Command), false})
		session += p.Sessions
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

func figuresNotes(s *result.Set, all []view) []note {
	var least, most int
	for _, v := range all {
		for _, r := range v.rows {
			if n := r.rate.N; n > 0 {
				most = max(most, n)
				if least == 0 || n < least {
					least = n
				}
			}
		}
	}
	text := "medians over trials; latencies from the merged histograms; ± % is half of "
	switch {
	case most == 0:
		return []note{{"figures", "none, no trial counts", true}}
	case most < 2:
		text = "of one trial, so without a spread; --trials=6 or more gives a 95 % interval"
	case most < 6:
		text += fmt.Sprintf("the range of the trials (%s: too few for a 95 %% interval, which takes 6)", span(least, most))
	case least < 6:
		text += fmt.Sprintf("the 95 %% interval of the median, or of the range where fewer than 6 trials count (%s)", span(least, most))
	default:
		text += "the 95 % interval of the median"
	}
	sample := "a sample"
	if s.Env.TickHz > 0 {
		sample = fmt.Sprintf("a sample at %.0f Hz", s.Env.TickHz)
	}
	return []note{
		{"figures", text, false},
		{"CPU", "sums are exact, helper threads included, " + softirqs(s) + "; the user share (u), the rest being kernel, is " + sample + " ± its standard error", false},
	}
}

// softirqs says whose CPU the kernel's interrupt work is, such as receiving.
func softirqs(s *result.Set) string {
	switch s.Env.IRQAccounting {
	case "task":
		return "softirqs too, charged to whom they interrupt"
	case "apart":
		return "softirqs not: this kernel charges them to no process, so the machine's figure alone has them"
	}
	return "softirqs perhaps: how this kernel charges them is not known"
}

func span(least, most int) string {
	if least == most {
		return fmt.Sprint(most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func placementNote(s *result.Set) note {
	p := s.Plan
	var targets []string // nobody pinned them
	for _, c := range p.Cells {
		if c.Target != "" && !slices.Contains(targets, c.Target) {
			targets = append(targets, c.Target)
		}
	}
	elsewhere := ""
	if len(targets) > 0 {
		elsewhere = "; " + strings.Join(targets, ", ") + " where it was started"
	}
	text := fmt.Sprintf("server on CPU %s, client on CPU %s", cpuList(p.ServerCPUs), cpuList(p.ClientCPUs))
	switch {
	case len(p.ClientCPUs) == 0:
		text = "each contestant on CPU " + cpuList(p.ServerCPUs)
	case len(p.Cells) > 0 && !slices.ContainsFunc(p.Cells, func(c result.Cell) bool { return c.Target == "" }):
		text = "client on CPU " + cpuList(p.ClientCPUs)
	case p.Placement == "shared":
		text = "server and client both on CPU " + cpuList(p.ServerCPUs)
	}
	if len(p.OriginCPUs) > 0 {
		text += ", origin on CPU " + cpuList(p.OriginCPUs)
		if slices.ContainsFunc(p.OriginCPUs, func(c int) bool { return slices.Contains(p.ClientCPUs, c) }) {
			text += ": client and origin share, so that client-bound means either or both"
		}
	}
	return note{"placement", or(p.Placement, "unknown") + ", " + text + elsewhere, false}
}

// contestantNotes say what each contestant really was, in the order of the
// plan: more than one for one name when its trials differ, which no reader may
// miss.
func contestantNotes(s *result.Set) (n []note) {
	x := s.Index()
	for cell, c := range s.Plan.Cells {
		for _, t := range x.Valid(cell) {
			line := note{c.Contestant, contestantText(c, t), false}
			if !slices.Contains(n, line) {
				n = append(n, line)
			}
		}
	}
	return n
}

func contestantText(c result.Cell, t *result.Trial) string {
	var parts []string
	several := ""
	if t.Server != nil && t.Server.Processes > 1 {
		several = fmt.Sprintf(" of %d processes, whose memory is added up", t.Server.Processes)
	}
	switch {
	case c.Command != "":
		parts = append(parts, "foreign server"+several+", "+c.Command)
	case c.Target != "":
		parts = append(parts, "server that ran already"+several+", at "+c.Target)
	case t.Tier != "":
		parts = append(parts, "tier "+t.Tier)
	case c.Backend != "":
		parts = append(parts, "backend "+c.Backend)
	}
	if len(t.Features) > 0 {
		parts = append(parts, strings.Join(t.Features, ", "))
	}
	if t.DescriptorTable != "" {
		parts = append(parts, "descriptor table "+t.DescriptorTable)
	}
	switch {
	case t.CountedSyscalls != nil && t.OtherSyscalls != nil:
		parts = append(parts, "syscalls by its own count, the Go runtime's added by tracepoint")
	case t.CountedSyscalls != nil:
		parts = append(parts, "syscalls by its own count")
	case t.TracedSyscalls != nil:
		parts = append(parts, "syscalls by tracepoint")
	default:
		parts = append(parts, "syscalls not counted")
	}
	return strings.Join(parts, "; ")
}

func clientNote(s *result.Set) note {
	line := or(s.Plan.Client, "unknown")
	nothing := "nothing is sent"
	if s.Plan.Placement == "alone" {
		line, nothing = "within each contestant", "no file is touched"
	}
	f := s.Floor
	if f == nil || f.Messages == 0 {
		return note{"load generator", line + "; its floor was not measured", false}
	}
	under, unit := "", s.Plan.Unit()
	if loads := s.Plan.Loads(); len(loads) > 1 {
		under = fmt.Sprintf(" under the first of %d loads, %s", len(loads), loads[0])
	}
	return note{"load generator", line + fmt.Sprintf("; harness floor (null backend, %s)%s: %s ns CPU a %s at %s %s/s",
		nothing, under, figure(f.CPUPerMessage()), unit.One, whole(f.PerSecond()), unit.Many), false}
}

// untilText says how a run came to its end that might have ended early.
func untilText(s *result.Set) string {
	if s.Plan.Until == 0 || s.Interrupted {
		return ""
	}
	blocks := 0
	for _, t := range s.Trials {
		blocks = max(blocks, t.Block+1)
	}
	width := "±" + percent(s.Plan.Until) + " %"
	if blocks < s.Plan.Trials {
		return fmt.Sprintf("ended after %d of %d blocks, when the intervals of all ratios of CPU were within %s", blocks, s.Plan.Trials, width)
	}
	return fmt.Sprintf("all %d blocks were run, for the intervals of all ratios of CPU to come within %s", blocks, width)
}

func trialsNotes(s *result.Set) []note {
	void := s.Void()
	if len(s.Trials) == 0 {
		return []note{{"trials", "none", true}}
	}
	if len(void) == 0 {
		text := "all count"
		if slices.ContainsFunc(s.Trials, func(t result.Trial) bool { return t.Disturbed != "" }) {
			text = "none void"
		}
		return []note{{"trials", fmt.Sprintf("%d, %s", len(s.Trials), text), false}}
	}
	list := []note{{"trials", fmt.Sprintf("%d of %d are void and not in the figures", len(void), len(s.Trials)), true}}
	x, count := s.Index(), map[string]int{}
	var lines []string
	for _, t := range void {
		line := cellName(s, x, t.Cell) + ": " + t.Void
		if count[line] == 0 {
			lines = append(lines, line)
		}
		count[line]++
	}
	for _, line := range lines {
		text := line
		if count[line] > 1 {
			text += fmt.Sprintf(" (%d times)", count[line])
		}
		list = append(list, note{"void", text, true})
	}
	return list
}

// endingNotes tell of servers that did not end as they were asked to.
func endingNotes(s *result.Set) (n []note) {
	x, told := s.Index(), map[int]bool{} // once for a cell
	for i := range s.Trials {
		if t := &s.Trials[i]; t.Ending != "" && !told[t.Cell] {
			told[t.Cell] = true
			n = append(n, note{"ending", cellName(s, x, t.Cell) + ": " + t.Ending, true})
		}
	}
	return n
}

func cellName(s *result.Set, x *result.Index, cell int) string {
	if cell < 0 || cell >= len(s.Plan.Cells) {
		return fmt.Sprintf("cell %d", cell)
	}
	return fmt.Sprintf("%s (%s)", x.Name(cell), s.Plan.Cells[cell].Load)
}

// events are the counters that a reader must see when they are not zero.
var events = []string{"eagain", "eintr", "short_sends", "no_bufs", "rearms", "cq_overflows", "zc_refused", "held_links", "scheduled_file_ops"}

// loadNotes are per contestant and load: a generator that was the limit, what
// was not served, what the counters saw, how late the generator was.
func loadNotes(all []view, unit result.Unit) (n []note) {
	for _, v := range all {
		for _, r := range v.rows {
			at := fmt.Sprintf("%s (%s): ", r.name, v.load)
			if r.clientBound > 0 {
				n = append(n, note{"client-bound", at + fmt.Sprintf("in %d of %d trials the client was the limit, so the throughput measures the client", r.clientBound, len(r.trials)), true})
			}
			if line := unservedText(r, unit); line != "" {
				n = append(n, note{"unserved", at + line, true})
			}
			if line := lostText(r); line != "" {
				n = append(n, note{"lost", at + line, true})
			}
			if trials := endedProcesses(r); trials > 0 {
				n = append(n, note{"processes", at + fmt.Sprintf("some ended within the window in %d of %d trials: what they used is missing from its figures", trials, len(r.trials)), true})
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
				n = append(n, note{"warning", at + fmt.Sprintf("%d times were longer than the 100 s that a histogram holds and count as that long", r.clipped), true})
			}
			if line := shortfallText(r, unit); line != "" {
				n = append(n, note{"overload", at + line, true})
			}
			if r.dropped > 0 {
				n = append(n, note{"warning", at + fmt.Sprintf("%d latencies lie beyond the histogram's range and are left out", r.dropped), true})
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
		parts = append(parts, fmt.Sprintf("up to %d of %d connections never answered, %s, in %d of %d trials", most, r.cell.Conns, why, trials, len(r.trials)))
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
	return fmt.Sprintf("not counted by tracepoint in %d of %d trials: %s", trials, len(r.trials), why)
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
	return fmt.Sprintf("%s %% of %s zero-copy sends were copied after all, as the kernel reports", figure(100*float64(copied)/float64(all)), whole(float64(all)))
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
	return fmt.Sprintf("%d of the server's ended in mid-trial; their switches and waits for a CPU are missing", sum)
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
			parts = append(parts, fmt.Sprintf("%s %s (%s a %s)", name, whole(float64(sum)), figure(float64(sum)/messages), unit.One))
		}
	}
	return strings.Join(parts, ", ")
}
