package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// sizeMax bounds what Read takes: a trial of ours is a few kilobytes, so a
// file beyond this is not a result.
const sizeMax = 256 << 20

// Write stores s at path: under a temporary name beside it, synced, then
// renamed, so that a reader sees the old file or the whole new one. When it
// fails the temporary is gone and the error says what to do.
func Write(path string, s *Set) error {
	path, err := destination(path)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write result %s: %w", path, err)
	}
	if err := replace(path, append(b, '\n')); err != nil {
		return writeError(path, err)
	}
	return nil
}

// destination follows symbolic links, so that a link keeps pointing where it
// does, and refuses what a rename would destroy: -o /dev/null as root.
func destination(path string) (string, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return path, nil // not there yet; creating it reports what else is wrong
	case info.IsDir():
		return "", fmt.Errorf("write result %s: it is a directory; name a file in it, such as %s", path, filepath.Join(path, "result.json"))
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("write result %s: it is not a regular file; name one, or print the result with --json", path)
	}
	return path, nil
}

func replace(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := createTemporary(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // closed already when the rename failed; the first error is the one to report
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDirectory(dir)
}

// createTemporary is os.CreateTemp with the permissions of an ordinary file:
// a result is to be shared.
func createTemporary(dir string) (*os.File, error) {
	for {
		name := filepath.Join(dir, fmt.Sprintf(".ringbench-%08x.tmp", rand.Uint32()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// syncDirectory makes the rename durable; a file system that cannot sync a
// directory says EINVAL, and then there is nothing to do.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil // writable but not readable: the file is in place
		}
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

func writeError(path string, err error) error {
	dir := filepath.Dir(path)
	cause, remedy := err, "name another file with -o"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "free some space in " + dir + " or name a file elsewhere with -o"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "make " + dir + " writable for this user or name a file elsewhere with -o"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		remedy = "create the directory " + dir + " or name a file elsewhere with -o"
	}
	var pe *fs.PathError
	var le *os.LinkError
	if errors.As(err, &pe) { // without the temporary's name, which means nothing to a user
		cause = pe.Err
	} else if errors.As(err, &le) {
		cause = le.Err
	}
	return fmt.Errorf("write result %s: %w; %s", path, cause, remedy)
}

// Read loads a result. Whatever the file holds, the outcome is a Set whose
// trials name cells that exist, or an error of one line.
func Read(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, sizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if len(b) > sizeMax {
		return nil, fmt.Errorf("read result %s: larger than %d MiB, so not a ringbench result", path, sizeMax>>20)
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
	for i := range s.Trials {
		t := &s.Trials[i]
		if t.Cell < 0 || t.Cell >= len(s.Plan.Cells) {
			return fmt.Errorf("damaged: trial %d is of cell %d, and the plan has %d", i, t.Cell, len(s.Plan.Cells))
		}
		if t.Seconds < 0 {
			return fmt.Errorf("damaged: trial %d lasted %v seconds", i, t.Seconds)
		}
	}
	return nil
}
