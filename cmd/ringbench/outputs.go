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

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports"
)

// outputs is where the result goes, or instead of one the plan.
type outputs struct {
	file, html, png string
	json, dryRun    bool
	stdout          func() io.Writer
}

func (o *outputs) flags(c *cobra.Command) {
	o.stdout = c.OutOrStdout
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan and about how long it takes, and run nothing")
	f.StringVarP(&o.file, "output", "o", "", "write the raw result to this file")
	f.BoolVar(&o.json, "json", false, "print the raw result instead of the table; of --dry-run the plan")
	f.StringVar(&o.html, "html", "", "write a report to this file")
	f.StringVar(&o.png, "png", "", "write the report's plots to this directory")
}

// check finds out before the run what would keep the result from being written.
func (o outputs) check() error {
	if err := o.distinct(); err != nil {
		return err
	}
	for _, path := range []string{o.file, o.html} {
		if path == "" {
			continue
		}
		if err := result.Writable(path); err != nil {
			return err
		}
	}
	if o.png == "" {
		return nil
	}
	return writableDir(o.png)
}

// distinct refuses outputs of which one would overwrite another.
func (o outputs) distinct() error {
	type output struct{ flag, path string }
	all := []output{{"--output", o.file}, {"--html", o.html}}
	if o.png != "" {
		for _, name := range reports.PNGFiles {
			all = append(all, output{"--png", filepath.Join(o.png, name)})
		}
	}
	for i, b := range all {
		for _, a := range all[:i] {
			if a.path != "" && b.path != "" && sameFile(a.path, b.path) {
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

// writableDir tells whether files can be put into dir, which need not exist,
// without making it: a run that is refused leaves nothing.
func writableDir(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("--png=%s: %s is not a directory; name one, or one that can be made", dir, at)
		case err == nil:
			return result.Writable(filepath.Join(at, reports.PNGFiles[0]))
		case !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at):
			return fmt.Errorf("--png=%s: %w; name another directory", dir, err)
		}
	}
}

func (o outputs) write(set *result.Set) (err error) {
	if o.file != "" {
		err = errors.Join(err, result.Write(o.file, set))
	}
	if o.html != "" {
		var page bytes.Buffer
		if herr := reports.HTML(&page, set); herr != nil {
			err = errors.Join(err, herr)
		} else {
			err = errors.Join(err, result.Replace(o.html, page.Bytes()))
		}
	}
	if o.png != "" {
		err = errors.Join(err, reports.PNG(o.png, set))
	}
	if o.json {
		return errors.Join(err, reports.JSON(o.stdout(), set))
	}
	return errors.Join(err, reports.Table(o.stdout(), set))
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
