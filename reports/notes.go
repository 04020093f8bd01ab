package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// width is what text is folded at on a terminal that is not narrower: what pages of code,
// such as GitHub's, show without a scroll bar. Of a terminal of which nothing is known
// tables fit in it too, or else in tableWidth.
const (
	width      = 100
	tableWidth = 120
)

// A note is a condition of the figures, or something that limits them.
type note struct {
	label, text string
	limits      bool
}

func (n note) String() string { return clean(n.label + ": " + n.text) }

// interrupted labels the note of a run that is not whole.
const interrupted = "interrupted"

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
	n = append(n, paceNotes(s)...)
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
		n = append(n, note{interrupted, "the plan was not finished; the figures are of what was measured; ringbench run --resume takes " + file + " and finishes it", true})
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

// paceNotes tell that TCP itself bounds streams of bytes.
func paceNotes(s *result.Set) []note {
	congestion := s.Env.Sysctls[result.Congestion]
	streams := func(c result.Cell) bool {
		return c.Network == "tcp" && (c.Workload == "stream" || c.Direction != "")
	}
	if !result.Paces(congestion) || !slices.ContainsFunc(s.Plan.Cells, streams) {
		return nil
	}
	return []note{{"pace", congestion + " sends by timers at the rate that it estimates, over loopback too, which bounds streams; sysctl -w " + result.Congestion + "=cubic does not", true}}
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
func fold(line string) string { return foldTo(line, width) }

func foldTo(line string, width int) string {
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
		return stat.Count(most)
	}
	return fmt.Sprintf("%s to %s", stat.Count(least), stat.Count(most))
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
		return fmt.Sprintf("ended after %s of %s blocks, when the intervals of all ratios of CPU were within %s", stat.Count(blocks), stat.Count(s.Plan.Trials), width)
	}
	return fmt.Sprintf("all %s blocks were run, for the intervals of all ratios of CPU to come within %s", stat.Count(blocks), width)
}

func cellName(s *result.Set, x *result.Index, cell int) string {
	if cell < 0 || cell >= len(s.Plan.Cells) {
		return fmt.Sprintf("cell %d", cell)
	}
	return fmt.Sprintf("%s (%s)", x.Name(cell), s.Plan.Cells[cell].Load)
}
