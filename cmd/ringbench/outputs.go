package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports"
)

// outputs is where the result goes, or instead of one the plan.
type outputs struct {
	file, html, png, svg string
	json, dryRun         bool
	stdout               func() io.Writer
	terminal             reports.Terminal
	print                func(io.Writer, *result.Set) error // on standard output instead of the table
	extra                []output
}

// An output is a file or a directory of a result, as an option names it.
type output struct {
	flag, path string
	names      []string // that it may give to files, of a directory; else nil
	write      func(path string, s *result.Set) error
}

func (o *outputs) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan and about how long it takes, and run nothing")
	f.StringVarP(&o.file, "output", "o", "", "write the raw result to this file")
	f.BoolVar(&o.json, "json", false, "print the raw result instead of the table; of --dry-run the plan")
	o.reportFlags(c)
}

// reportFlags are of what can be made of a result at any time.
func (o *outputs) reportFlags(c *cobra.Command) {
	o.stdout = c.OutOrStdout
	f := c.Flags()
	f.StringVar(&o.html, "html", "", "write a report to this file")
	f.StringVar(&o.png, "png", "", "write the report's plots to this directory, in place of those there")
	f.StringVar(&o.svg, "svg", "", "the same as SVG")
	f.BoolVar(&o.terminal.Wide, "wide", false, "print every column, every trial and the tables of all loads, however long the lines are")
	f.BoolVar(&o.terminal.NoTable, "no-table", false, "print sentences on what was found instead of tables")
}

// files are those outputs that are asked for.
func (o outputs) files() []output {
	all := []output{
		{"--output", o.file, nil, result.Write},
		{"--html", o.html, nil, func(path string, s *result.Set) error { return toFile(path, reports.HTML, s) }},
		{"--png", o.png, reports.PNGFiles, reports.PNG},
		{"--svg", o.svg, reports.SVGFiles, reports.SVG},
	}
	return slices.DeleteFunc(append(all, o.extra...), func(o output) bool { return o.path == "" })
}

// check finds out before the run what would keep the result from being written.
func (o outputs) check() error {
	if err := o.distinct(); err != nil {
		return err
	}
	for _, f := range o.files() {
		check := result.Writable
		if f.names != nil {
			check = f.writableDir
		}
		if err := check(f.path); err != nil {
			return err
		}
	}
	return nil
}

// distinct refuses outputs of which one would overwrite another.
func (o outputs) distinct() error {
	type place struct{ flag, path string }
	var all []place
	for _, f := range o.files() {
		if f.names == nil {
			all = append(all, place{f.flag, f.path})
		}
		for _, name := range f.names {
			all = append(all, place{f.flag, filepath.Join(f.path, name)})
		}
	}
	for i, b := range all {
		for _, a := range all[:i] {
			if sameFile(a.path, b.path) {
				return fmt.Errorf("%s and %s both write %s: the second would overwrite the first; name two files", a.flag, b.flag, a.path)
			}
		}
	}
	return nil
}

// sameFile tells whether two paths, whose files need not exist, lead to one file.
func sameFile(a, b string) bool {
	same := func(a, b string) bool {
		x, errX := os.Stat(a)
		y, errY := os.Stat(b)
		return errX == nil && errY == nil && os.SameFile(x, y)
	}
	a, b = resolved(a), resolved(b)
	return same(a, b) || filepath.Base(a) == filepath.Base(b) && same(filepath.Dir(a), filepath.Dir(b))
}

// resolved follows links as result.Replace does: not one that leads nowhere.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// writable tells whether files can be put into a directory, which need not exist,
// without making it: a run that is refused leaves nothing.
func (o output) writableDir(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s=%s: %s is not a directory; name one, or one that can be made", o.flag, dir, at)
		case err == nil:
			return result.Writable(filepath.Join(at, o.names[0]))
		case !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at):
			return fmt.Errorf("%s=%s: %w; name another directory", o.flag, dir, err)
		}
	}
}

// write makes all outputs at the same time: each only reads the set. Standard output
// comes last, since whoever reads it may close it, which ends the program.
func (o outputs) write(set *result.Set) error {
	files := o.files()
	errs := make([]error, len(files)+2)
	var all sync.WaitGroup
	for i, f := range files {
		all.Go(func() { errs[i] = f.write(f.path, set) })
	}
	out := o.stdout()
	var said bytes.Buffer
	o.terminal.Colour, o.terminal.Columns = coloured(out), columnsOf(out)
	errs[len(files)] = o.say(&said, set)
	all.Wait()
	_, errs[len(files)+1] = said.WriteTo(out)
	return errors.Join(errs...)
}

// say prints the set as it is asked for on standard output.
func (o outputs) say(w io.Writer, set *result.Set) error {
	switch {
	case o.print != nil:
		return o.print(w, set)
	case o.json:
		return reports.JSON(w, set)
	}
	return o.terminal.Print(w, set)
}

// coloured reports whether w is a terminal whose user wants colours
// (https://no-color.org).
func coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// columnsOf is how wide a terminal is, 0 for what is none or does not tell.
func columnsOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// toFile puts what a format prints at path.
func toFile(path string, format func(io.Writer, *result.Set) error, s *result.Set) error {
	var b bytes.Buffer
	if err := format(&b, s); err != nil {
		return err
	}
	return result.Replace(path, b.Bytes())
}

// plan gives out what is to be run.
func (o outputs) plan(p *result.Plan, warnings []string) error {
	write := bench.Outline
	if o.json {
		write = func(w io.Writer, p *result.Plan, _ []string) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(p)
		}
	}
	if err := write(o.stdout(), p, warnings); err != nil {
		return failure{err}
	}
	return nil
}
