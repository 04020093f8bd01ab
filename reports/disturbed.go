package reports

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// disturbedNotes tell of trials that passed a limit of interference: how many are
// left out of the figures, and, louder, in which cells they are in them because
// most trials were disturbed. One reason stands for all, as they differ by numbers.
func disturbedNotes(s *result.Set) (list []note) {
	var out, in int
	var cells []string
	var whyOut, whyIn string
	x := s.Index()
	for cell := range s.Plan.Cells {
		n, of, count := x.Disturbed(cell)
		switch {
		case n == 0:
		case count:
			in += n
			whyIn = or(whyIn, disturbance(x, cell))
			cells = append(cells, fmt.Sprintf("%s %s of %s", cellName(s, x, cell), stat.Count(n), stat.Count(of)))
		default:
			out += n
			whyOut = or(whyOut, disturbance(x, cell))
		}
	}
	if out > 0 {
		list = append(list, note{"disturbed", fmt.Sprintf("%s left out of the figures; the first: %s", trials(out), whyOut), false})
	}
	if in > 0 {
		where := fmt.Sprintf("%s cells of %s, such as %s", stat.Count(len(cells)), stat.Count(len(s.Plan.Cells)), cells[0])
		if len(cells) <= 2 {
			where = strings.Join(cells, ", ")
		}
		list = append(list, note{"disturbed", fmt.Sprintf("%s disturbed: figures include them, since most of a cell's are (%s); the first: %s; run it again on a machine that does nothing else",
			trials(in), where, whyIn), true})
	}
	return list
}

func trials(n int) string {
	if n == 1 {
		return "1 trial"
	}
	return stat.Count(n) + " trials"
}

// disturbance is why the first disturbed trial of a cell is that.
func disturbance(x *result.Index, cell int) string {
	for _, t := range x.Measured(cell) {
		if t.Disturbed != "" {
			return t.Disturbed
		}
	}
	return ""
}
