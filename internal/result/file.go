package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// sizeMax bounds what Read takes: a trial of ours is a few kilobytes, so a
// file beyond this is not a result.
const sizeMax = 256 << 20

// Write stores s at path, as Replace does.
func Write(path string, s *Set) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return Replace(path, append(b, '\n'))
}

// Read loads a result. Whatever the file holds, the outcome is a Set whose
// trials name cells that exist, or an error of one line.
func Read(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	defer f.Close()
	tooLarge := fmt.Errorf("read result %s: larger than %d MiB, so not a ringbench result", path, sizeMax>>20)
	if info, err := f.Stat(); err == nil && info.Size() > sizeMax {
		return nil, tooLarge
	}
	b, err := io.ReadAll(io.LimitReader(f, sizeMax+1)) // a pipe has no size
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if len(b) > sizeMax {
		return nil, tooLarge
	}
	s, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("read result %s: %w", path, err)
	}
	return s, nil
}

func decode(b []byte) (*Set, error) {
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, notJSON(err, len(b))
	}
	switch {
	case head.Schema == nil:
		return nil, errors.New("it names no schema, so it is not a ringbench result")
	case *head.Schema != Schema:
		return nil, fmt.Errorf("its schema is %.60q and this ringbench reads %q; use the ringbench that wrote it", *head.Schema, Schema)
	}
	s := new(Set)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, notJSON(err, len(b))
	}
	return s, s.check()
}

func notJSON(err error, size int) error {
	var syntax *json.SyntaxError
	switch {
	case size == 0:
		return errors.New("the file is empty; run the benchmark again")
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return errors.New("the file is cut short; copy it again, or run the benchmark again")
	case errors.As(err, &syntax):
		return fmt.Errorf("not a ringbench result: no JSON at byte %d (%w)", syntax.Offset, err)
	}
	return fmt.Errorf("damaged: %w", err)
}

// check holds a Set read from a file to what the code that uses it assumes.
func (s *Set) check() error {
	if s.Plan.Sessions < 0 || s.Plan.Sessions > SessionsMax {
		return fmt.Errorf("damaged: the plan has %d sessions", s.Plan.Sessions)
	}
	for i, m := range s.Plan.Matches {
		for _, cell := range []int{m.A, m.B} {
			if cell < 0 || cell >= len(s.Plan.Cells) {
				return fmt.Errorf("damaged: match %d is of cell %d, and the plan has %d", i, cell, len(s.Plan.Cells))
			}
		}
	}
	for i := range s.Trials {
		t := &s.Trials[i]
		if t.Cell < 0 || t.Cell >= len(s.Plan.Cells) {
			return fmt.Errorf("damaged: trial %d is of cell %d, and the plan has %d", i, t.Cell, len(s.Plan.Cells))
		}
		if t.Session < 0 || t.Session >= max(1, s.Plan.Sessions) {
			return fmt.Errorf("damaged: trial %d is of session %d, and the plan has %d", i, t.Session, max(1, s.Plan.Sessions))
		}
		if t.Seconds < 0 {
			return fmt.Errorf("damaged: trial %d lasted %v seconds", i, t.Seconds)
		}
	}
	return nil
}
