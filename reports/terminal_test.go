package reports

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ringbench/ringbench/internal/result"
)

func onTerminal(t *testing.T, how Terminal, s *result.Set) string {
	t.Helper()
	var b bytes.Buffer
	if err := how.Print(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// What does not fit beside the rest stands below it, whole.
func TestNarrow(t *testing.T) {
	s := newDuet(1.2, 1.21, 1.19, 1.2, 1.2, 1.18)
	text := onTerminal(t, Terminal{Columns: 80}, s)
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, " \n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	words := func(s string) []string { return strings.Fields(strings.ReplaceAll(s, "/", " /")) } // a head may be of two lines
	there := words(text)
	for _, word := range words(table(t, s)) {
		if !strings.HasPrefix(word, "─") && !slices.Contains(there, word) {
			t.Errorf("no %q in\n%s", word, text)
		}
	}
	s.Plan.Cells[1].Contestant = "a-server-of-which-the-name-is-long"
	if lines := Live(s, []int{0}, nil, 70, 9); len(lines) != 2 || !strings.Contains(lines[1], "…long ") || !strings.HasSuffix(lines[1], "of 6 trials") {
		t.Errorf("a run that goes on: %q", lines)
	}
}

// Colours are all that they add, and each ends in its line.
func TestColours(t *testing.T) {
	s := newDuet(1.2, 1.21, 1.19, 1.2, 1.2, 1.18)
	s.Warnings = []string{"too warm \x1b[31m", strings.Repeat("long ", 40)}
	text := onTerminal(t, Terminal{Colour: true}, s)
	if got := escape.ReplaceAllString(text, ""); got != table(t, s) {
		t.Errorf("without its escapes it is another table:\n%s", got)
	}
	for _, want := range []string{
		"\x1b[32m0.950\x1b[0m",                     // less CPU
		"\x1b[32m1.197\x1b[0m",                     // more throughput
		"\x1b[33mwarning: too warm ?[31m\x1b[0m\n", // nobody else's escapes
		"\x1b[1mratios: tcp, 64 connections",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%q", want, text)
		}
	}
	for _, c := range []struct{ tone, down string }{{"\x1b[31m", "slower"}, {"\x1b[2m", "the same"}} {
		up := []float64{0.8, 0.81, 0.79, 0.8}
		if c.down == "the same" {
			up = []float64{1, 1.001, 0.999, 1}
		}
		if text := onTerminal(t, Terminal{Colour: true}, newDuet(up...)); !strings.Contains(text, c.tone) {
			t.Errorf("%s: no %q in\n%q", c.down, c.tone, text)
		}
	}
}

func TestWideGolden(t *testing.T) {
	s := newSet(6, 64)
	s.Plan.Cells[0].Contestant = strings.Repeat("x", 100)
	s.Trials[5].Void = "lost"
	text := onTerminal(t, Terminal{Wide: true}, s)
	golden(t, "wide.txt", text)
	if !strings.Contains(text, s.Plan.Cells[0].Contestant+" ") {
		t.Error("a name is cut")
	}
}

func TestNoTable(t *testing.T) {
	s := newDuet(1.2, 1.21, 1.19, 1.2, 1.2, 1.18)
	s.Warnings = []string{"too warm"}
	text := onTerminal(t, Terminal{NoTable: true}, s)
	if strings.Contains(text, "─") || strings.Contains(text, "load generator") || !strings.HasSuffix(text, "warning: too warm\n") || !strings.Contains(text, "5.0 % less CPU a message") {
		t.Errorf("it prints:\n%s", text)
	}
}
