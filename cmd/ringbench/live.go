package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
	"github.com/ringbench/ringbench/reports"
)

// progress shows on a terminal what is going on, and is silent elsewhere. It draws
// between trials only, over what it has drawn before, and in the end wipes that.
func progress(w *os.File) bench.Progress {
	if !isTerminal(w) {
		return func(bench.Step, *result.Set) {}
	}
	drawn := 0 // lines
	return func(s bench.Step, set *result.Set) {
		var b strings.Builder
		if drawn > 1 {
			fmt.Fprintf(&b, "\x1b[%dA", drawn-1) // up to the first
		}
		b.WriteString("\r\x1b[J") // and from there on wiped
		drawn = 0
		if s.Done < s.Of {
			columns, rows := room(w)
			lines := reports.Live(set, s.Cells, heading(s), columns, rows)
			drawn = len(lines)
			b.WriteString(strings.Join(lines, "\n"))
		}
		fmt.Fprint(w, b.String())
	}
}

// heading is how far a run has come, and what comes next.
func heading(s bench.Step) []string {
	text := fmt.Sprintf("%s/%s", stat.Count(s.Done+1), stat.Count(s.Of))
	switch {
	case s.Block == 0:
		text += "  " + s.What
	case s.Blocks == 0:
		text += fmt.Sprintf("  block %s", stat.Count(s.Block))
	default:
		text += fmt.Sprintf("  block %s of %s", stat.Count(s.Block), stat.Count(s.Blocks))
	}
	if s.Left > 0 {
		text += fmt.Sprintf(", about %v left", s.Left.Round(time.Second))
	}
	if s.Block == 0 {
		return []string{text}
	}
	return []string{text, s.What}
}

// room is how much of a terminal may be drawn on. At its right edge it leaves that
// of the ^C of an interrupt, which would else begin a line.
func room(w *os.File) (columns, rows int) {
	columns, rows = 80, 24
	if size, err := unix.IoctlGetWinsize(int(w.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 && size.Row > 0 {
		columns, rows = int(size.Col), int(size.Row)
	}
	return max(columns-3, 10), max(rows-1, 2)
}
