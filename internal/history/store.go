package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// A Store is a directory:
//
//	entries/TIME-ID.jsonl   an entry; TIME is when its run started
//	index.json              what Heads needs of the entries, made of them when it is stale
//	.gitignore              of the index and of what killed writers leave
type Store struct{ dir string }

// At is the store in dir, which Add makes.
func At(dir string) *Store { return &Store{dir} }

const (
	entriesDir = "entries"
	suffix     = ".jsonl"
	indexFile  = "index.json"
	ignored    = "index.json\n*.tmp\n"
)

// Add stores e: when it returns without an error e is durable. An entry that is there
// already stays as it is, and added is false.
func (s *Store) Add(e *Entry) (added bool, err error) {
	line, err := e.line()
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Join(s.dir, entriesDir), 0o777); err != nil {
		return false, fmt.Errorf("--dir=%s: %w; name another directory", s.dir, err)
	}
	if err := s.ignore(); err != nil {
		return false, err
	}
	path := filepath.Join(s.dir, entriesDir, e.Time.UTC().Format("20060102T150405Z")+"-"+e.ID()+suffix)
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, line) {
		return false, nil
	}
	return true, result.Replace(path, line)
}

func (s *Store) ignore() error {
	path := filepath.Join(s.dir, ".gitignore")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return result.Replace(path, []byte(ignored))
}

// names lists the files of entries, the earliest first. What has such a name and is no
// file, so that to read it might never end, is in damage.
func (s *Store) names() (files []fs.DirEntry, damage []string, err error) {
	list, err := os.ReadDir(filepath.Join(s.dir, entriesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("--dir=%s: there is no history; ringbench history add begins one", s.dir)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--dir=%s: %w", s.dir, err)
	}
	for _, d := range list {
		if strings.HasPrefix(d.Name(), ".") || !strings.HasSuffix(d.Name(), suffix) {
			continue
		}
		if path := filepath.Join(s.dir, entriesDir, d.Name()); d.Type().IsRegular() {
			files = append(files, d)
		} else {
			damage = append(damage, path+" is left out: it is no regular file; move it away")
		}
	}
	return files, damage, nil
}

// read is what is in a file of entries, one a line. What is not an entry, such as a
// last line that was cut, is left out and in damage.
func (s *Store) read(name string) (entries []*Entry, damage []string, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir, entriesDir, name))
	if err != nil {
		return nil, nil, err
	}
	number := 0
	for line := range bytes.Lines(b) {
		number++
		text := bytes.TrimRight(line, "\r\n")
		if len(text) == 0 {
			continue
		}
		e := new(Entry)
		err := json.Unmarshal(text, e)
		if err == nil {
			err = e.check()
		}
		if err != nil {
			if !bytes.HasSuffix(line, []byte("\n")) {
				err = errors.New("it was cut")
			}
			remedy := "git checkout, or history add of the result, brings it back"
			if e.Schema != "" && e.Schema != Schema {
				remedy = "the ringbench that wrote it reads it"
			}
			damage = append(damage, fmt.Sprintf("%s, line %d, is left out: %v; %s", filepath.Join(s.dir, entriesDir, name), number, err, remedy))
			continue
		}
		e.id = digest(text)
		entries = append(entries, e)
	}
	return entries, damage, nil
}

// Entries are those that f takes, in the order of their times, and what of the store
// could not be read.
func (s *Store) Entries(f Filter) (list []*Entry, damage []string, err error) {
	heads, damage, err := s.Heads()
	if err != nil {
		return nil, nil, err
	}
	read := map[string]map[string]*Entry{} // by file and ID
	for _, h := range heads {
		if !f.takes(h) {
			continue
		}
		if read[h.file] == nil {
			of, _, err := s.read(h.file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // pruned meanwhile
				return nil, nil, err
			}
			read[h.file] = map[string]*Entry{}
			for _, e := range of {
				read[h.file][e.id] = e
			}
		}
		if e := read[h.file][h.ID]; e != nil {
			list = append(list, e)
		}
	}
	return list, damage, nil
}

// Get is the entry whose ID begins with id.
func (s *Store) Get(id string) (*Entry, error) {
	heads, _, err := s.Heads()
	if err != nil {
		return nil, err
	}
	var found []Head
	for _, h := range heads {
		if id != "" && strings.HasPrefix(h.ID, id) {
			found = append(found, h)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no entry's ID begins with %q; see ringbench history list", id)
	case len(found) > 1:
		return nil, fmt.Errorf("the IDs of %d entries begin with %q; give more of it", len(found), id)
	}
	entries, _, err := s.read(found[0].file)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.id == found[0].ID {
			return e, nil
		}
	}
	return nil, fmt.Errorf("entry %s has been removed meanwhile", found[0].ID)
}
