package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamples takes each command line of a help text and of a document for what a
// shell makes of it: the command is there, and takes its flags and as many arguments.
func TestExamples(t *testing.T) {
	var lines []string
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		lines = append(lines, strings.Split(c.Example, "\n")...)
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root())
	documents, _ := filepath.Glob("../../doc/*.md")
	more, _ := filepath.Glob("../../doc/*/*.md")
	for _, path := range append(append(documents, more...), "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced || strings.HasPrefix(line, "    ") {
				lines = append(lines, line)
			}
		}
	}
	tried := 0
	for _, line := range lines {
		for _, words := range shellWords(t, line) {
			if words[0] == "ringbench" {
				tried++
				if err := understood(words[1:]); err != nil {
					t.Errorf("%s\n%v", line, err)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d examples were found", tried)
	}
}

// understood is an error if no command takes the arguments.
func understood(args []string) error {
	c, rest, err := root().Find(args)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if !c.HasParent() {
		return errors.New("it names no command")
	}
	return errors.Join(c.ValidateArgs(c.Flags().Args()), meant(c))
}

// shellWords are the commands of a line with their words.
func shellWords(t *testing.T, line string) (commands [][]string) {
	var words []string
	word, in := "", false
	end := func() {
		if in {
			words = append(words, word)
		}
		word, in = "", false
	}
	cut := func() {
		end()
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	for i := 0; i < len(line); i++ {
		rest := line[i:]
		switch b := line[i]; {
		case b == '\'':
			n := strings.IndexByte(rest[1:], '\'')
			if n < 0 {
				t.Errorf("%s\na quote is not closed", line)
				return nil
			}
			word, in, i = word+rest[1:n+1], true, i+n+1
		case strings.HasPrefix(rest, "$(") && strings.Contains(rest, ")"):
			word, in, i = word+"x", true, i+strings.IndexByte(rest, ')')
		case b == '#' && !in:
			i = len(line)
		case slices.Contains([]byte(" \n"), b):
			end()
		case slices.Contains([]byte("|;>"), b):
			cut()
		default:
			word, in = word+string(b), true
		}
	}
	cut()
	return commands
}
