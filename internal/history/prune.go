package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/stat"
)

// A Prune says which entries are no longer wanted: each that Keep and Before both
// allow to go.
type Prune struct {
	Keep   int       // the newest so many stay; 0: it does not matter how many there are
	Before time.Time // only what is earlier goes; zero: it does not matter when it was
	// Levels also lets go what the present level of a figure rests on: entries since
	// its last change, without which the next is found late.
	Levels bool
	Find   stat.Changes
}

// Choose lists what is to go, the earliest first. Of the others some are there for
// nothing but their levels.
func (p Prune) Choose(entries []*Entry) (going []*Entry, forLevels int) {
	needed := map[*Entry]bool{}
	if !p.Levels {
		for _, t := range Trends(entries, Filter{}, p.Find) {
			for i := len(t.Points) - 1; len(t.Changes) > 0 && i >= t.Changes[len(t.Changes)-1].Index; i-- {
				needed[t.Points[i].Entry] = true
			}
		}
	}
	for i, e := range entries {
		switch {
		case i >= len(entries)-p.Keep || !p.Before.IsZero() && !e.Time.Before(p.Before):
		case needed[e]:
			forLevels++
		default:
			going = append(going, e)
		}
	}
	return going, forLevels
}

// leftBehind is how old what a writer makes for itself must be to be that of one that
// was killed.
const leftBehind = time.Hour

// Remove takes the entries out of the store, one after the other in their order, so
// that one that is killed has removed the first of them. A file goes when all that is
// in it goes.
func (s *Store) Remove(entries []*Entry) (removed int, err error) {
	going := map[string]bool{}
	for _, e := range entries {
		going[e.ID()] = true
	}
	names, _, err := s.names()
	if err != nil {
		return 0, err
	}
	for _, d := range names {
		of, damage, err := s.read(d.Name())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		stays := slices.ContainsFunc(of, func(e *Entry) bool { return !going[e.ID()] })
		if len(of) == 0 || len(damage) > 0 || stays {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, entriesDir, d.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		removed += len(of)
	}
	return removed, s.tidy()
}

// tidy removes what writers left that were killed.
func (s *Store) tidy() error {
	for _, dir := range []string{s.dir, filepath.Join(s.dir, entriesDir)} {
		list, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, d := range list {
			info, err := d.Info()
			if err != nil || !strings.HasSuffix(d.Name(), ".tmp") || time.Since(info.ModTime()) < leftBehind {
				continue
			}
			if err := os.Remove(filepath.Join(dir, d.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
