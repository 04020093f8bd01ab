package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/planfile"
	"github.com/ringbench/ringbench/internal/result"
)

func runCommand() *cobra.Command {
	var dry bool
	var resumed string
	c := &cobra.Command{
		Use:   "run PLAN.yaml",
		Short: "Run what a file says, or the rest of a run that was interrupted",
		Long: `Runs the plans of a file, one YAML document after the other. The key run of a
document names a command that measures; its other keys are that command's options
without their dashes, and their values what the options take, or lists of that.

  run: echo
  backend: [uring, epoll]
  conns: [1, 64, 1000]
  duration: 500ms
  output: echo.json

All is checked before the first is run. Paths are relative to the directory that
ringbench is called in. ringbench schema plan prints what a plan may hold.

With --resume it completes a result whose run was interrupted, in its place: blocks
that are whole are kept, the others are run. The machine must be as it was. The
result names programs that are started, so it must come from one whom you trust.`,
		Example: `  ringbench run doc/plans/small.yaml --dry-run
  ringbench run nightly.yaml
  ringbench run --resume result.json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 || (len(args) == 1) == (resumed != "") {
				return fmt.Errorf("%s takes one plan, a file, or --resume with a result; see %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if resumed != "" {
				return resume(c, resumed, dry)
			}
			return runPlans(c, args[0], dry)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "print the plans and about how long they take, and run nothing")
	c.Flags().StringVar(&resumed, "resume", "", "a result whose run was interrupted, to be completed")
	return c
}

// resume completes a result, which stays what it was unless it has gained a block.
// What a run that was killed has kept becomes the result that it was to write.
func resume(c *cobra.Command, path string, dry bool) error {
	set, err := input(c.Context(), path, result.Read)
	if err != nil {
		return err
	}
	rest, err := bench.Remaining(set, version())
	if err != nil {
		return fmt.Errorf("--resume=%s: %w", path, err)
	}
	out := outputs{file: strings.TrimSuffix(path, partial), stdout: c.OutOrStdout}
	if err := out.check(); err != nil {
		return err
	}
	if dry {
		fmt.Fprintln(c.OutOrStdout(), rest.Outline(&set.Plan))
		return nil
	}
	gained, err := bench.Resume(c.Context(), set, rest, progress(os.Stderr), out.keep(func(*result.Set) {}))
	if !gained {
		return err
	}
	return conclude(c.Context(), set, err, out)
}

// runPlans runs the documents of a file, and what follows one that failed, too.
func runPlans(c *cobra.Command, path string, dry bool) error {
	documents, err := input(c.Context(), path, planfile.Read)
	if err != nil {
		return err
	}
	out := io.Discard
	if dry {
		out = c.OutOrStdout()
	}
	if err := separate(path, documents); err != nil {
		return err
	}
	for _, d := range documents {
		if err := runDocument(c.Context(), path, d, true, out); err != nil {
			return err
		}
	}
	if dry {
		return nil
	}
	var failed []error
	for _, d := range documents {
		err := runDocument(c.Context(), path, d, false, c.OutOrStdout())
		if errors.Is(err, context.Canceled) {
			return errors.Join(append(failed, err)...)
		}
		if err != nil {
			failed = append(failed, failure{err})
		}
	}
	return errors.Join(failed...)
}

// runDocument runs the command of a document, or with dry prints its plan.
func runDocument(ctx context.Context, path string, d planfile.Document, dry bool, out io.Writer) error {
	c, err := measuring(d.Command)
	if err != nil {
		return &planfile.Error{Path: path, Line: d.Line, Err: err}
	}
	for _, o := range d.Options {
		if err := set(c, o); err != nil {
			return &planfile.Error{Path: path, Line: o.Line, Err: err}
		}
	}
	if dry {
		if err := c.Flags().Set("dry-run", "true"); err != nil {
			return err
		}
	}
	c.SetContext(ctx)
	c.SetOut(out)
	if err = meant(c); err == nil {
		err = c.RunE(c, nil)
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &planfile.Error{Path: path, Line: lineOf(err, d), Err: err}
}

// separate refuses documents of which one would overwrite what another wrote.
func separate(path string, documents []planfile.Document) error {
	var before []planfile.Option
	for _, d := range documents {
		for _, o := range d.Options {
			if !slices.Contains([]string{"output", "html", "png", "svg"}, o.Name) {
				continue
			}
			for _, b := range before {
				plots := o.Name+b.Name == "pngsvg" || o.Name+b.Name == "svgpng" // whose files differ in their names
				if !plots && sameFile(b.Values[0], o.Values[0]) {
					return &planfile.Error{Path: path, Line: o.Line, Err: fmt.Errorf("%s and line %d both write %s: the second would overwrite the first; name two files", o.Name, b.Line, b.Values[0])}
				}
			}
			before = append(before, o)
		}
	}
	return nil
}

// measuring finds a command that can be planned.
func measuring(name string) (*cobra.Command, error) {
	all := measurements()
	i := slices.IndexFunc(all, func(c *cobra.Command) bool { return commandName(c) == name })
	if i < 0 {
		var names []string
		for _, c := range all {
			names = append(names, commandName(c))
		}
		return nil, fmt.Errorf("%s: %q is not a command that measures; those are %s", planfile.Run, name, strings.Join(names, ", "))
	}
	return all[i], nil
}

// measurements are the commands that can be planned, in the order of their names.
func measurements() (list []*cobra.Command) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.HasParent() && c.Flags().Lookup("dry-run") != nil && c.Name() != "run" {
			list = append(list, c)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root())
	return list
}

// commandName is how a user calls c, without the program.
func commandName(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

// planned are the flags of c that a plan may set.
func planned(c *cobra.Command) (flags []*pflag.Flag) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "dry-run" {
			flags = append(flags, f)
		}
	})
	return flags
}

// set gives c an option by the flag of that name.
func set(c *cobra.Command, o planfile.Option) error {
	flags := planned(c)
	i := slices.IndexFunc(flags, func(f *pflag.Flag) bool { return f.Name == o.Name })
	if i < 0 {
		var names []string
		for _, f := range flags {
			names = append(names, f.Name)
		}
		return fmt.Errorf("unknown key %q; %s takes %s", o.Name, commandName(c), strings.Join(names, ", "))
	}
	texts := []string{strings.Join(o.Values, ",")}
	if flags[i].Value.Type() == "stringArray" { // whose elements may have commas
		texts = o.Values
	}
	for _, text := range texts {
		if err := c.Flags().Set(o.Name, text); err != nil {
			return c.FlagErrorFunc()(c, err)
		}
	}
	return nil
}

var flagName = regexp.MustCompile(`--([a-z][a-z-]*)`)

// lineOf is where the option stands that an error names first, or else of whose
// value it speaks, or else the document.
func lineOf(err error, d planfile.Document) int {
	for _, m := range flagName.FindAllStringSubmatch(err.Error(), -1) {
		for _, o := range d.Options {
			if o.Name == m[1] {
				return o.Line
			}
		}
	}
	line, longest := d.Line, 2 // a shorter one may be there by chance
	for _, o := range d.Options {
		for _, v := range o.Values {
			if len(v) > longest && strings.Contains(err.Error(), v) {
				line, longest = o.Line, len(v)
			}
		}
	}
	return line
}
