package reports

import (
	"fmt"
	"slices"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

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
		return []note{{"trials", fmt.Sprintf("%s, %s", stat.Count(len(s.Trials)), text), false}}
	}
	list := []note{{"trials", fmt.Sprintf("%s of %s are void and not in the figures", stat.Count(len(void)), stat.Count(len(s.Trials))), true}}
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
			text += fmt.Sprintf(" (%s times)", stat.Count(count[line]))
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
