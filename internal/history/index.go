package history

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// A Head is what an entry is found by.
type Head struct {
	ID          string            `json:"id"`
	Time        time.Time         `json:"time"`
	Commit      string            `json:"commit,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Environment string            `json:"environment"` // see Entry.Environment
	Cells       int               `json:"cells"`

	file string
}

func (e *Entry) head(file string) Head {
	return Head{e.ID(), e.Time, e.Commit, e.Labels, e.Environment(), len(e.Cells), file}
}

// indexSchema names the form of the index. One of another form is made anew.
const indexSchema = "ringbench.history-index/1"

type index struct {
	Schema string             `json:"schema"`
	Files  map[string]indexed `json:"files"` // by name
}

// An indexed file is as it was when it was read.
type indexed struct {
	Size     int64    `json:"size"`
	Modified int64    `json:"modified_ns"`
	Heads    []Head   `json:"heads"`
	Damage   []string `json:"damage,omitempty"`
}

// Heads lists all entries in the order of their times, and what of the store could not
// be read. Files that the index lacks, or has otherwise, are read; then it is written
// again. It is only there to save reading, so that it may be removed at any time, and
// that it cannot be written is no failure.
func (s *Store) Heads() (heads []Head, damage []string, err error) {
	names, damage, err := s.names()
	if err != nil {
		return nil, nil, err
	}
	old := s.index()
	now := index{indexSchema, map[string]indexed{}}
	same := len(old.Files) == len(names)
	seen := map[string]bool{} // of one entry in two files one counts
	for _, d := range names {
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned meanwhile
		}
		if err != nil {
			return nil, nil, err
		}
		of, ok := old.Files[d.Name()]
		if !ok || of.Size != info.Size() || of.Modified != info.ModTime().UnixNano() {
			same = false
			entries, spoilt, err := s.read(d.Name())
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			of = indexed{Size: info.Size(), Modified: info.ModTime().UnixNano(), Damage: spoilt}
			for _, e := range entries {
				of.Heads = append(of.Heads, e.head(d.Name()))
			}
		}
		now.Files[d.Name()] = of
		damage = append(damage, of.Damage...)
		for _, h := range of.Heads {
			if h.file = d.Name(); !seen[h.ID] {
				seen[h.ID] = true
				heads = append(heads, h)
			}
		}
	}
	if !same {
		if b, err := json.Marshal(now); err == nil {
			_ = result.Replace(filepath.Join(s.dir, indexFile), append(b, '\n'))
		}
	}
	slices.SortStableFunc(heads, func(a, b Head) int { return a.Time.Compare(b.Time) })
	return heads, damage, nil
}

// index is what was written, or nothing where that cannot be used.
func (s *Store) index() (x index) {
	b, err := os.ReadFile(filepath.Join(s.dir, indexFile))
	if err != nil || json.Unmarshal(b, &x) != nil || x.Schema != indexSchema {
		return index{}
	}
	return x
}
