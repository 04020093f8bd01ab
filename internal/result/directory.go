package result

import (
	"fmt"
	"os"
	"path/filepath"
)

// ReadAll loads a result, or all results of a directory: its files *.json, in the
// order of their names.
func ReadAll(path string) ([]*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
		files = nil
		for _, e := range entries {
			if !e.IsDir() && filepath.Ext(e.Name()) == ".json" {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("read results: %s has no file *.json; name a directory of results, or a result", path)
		}
	}
	var sets []*Set
	for _, f := range files {
		s, err := Read(f)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	return sets, nil
}
