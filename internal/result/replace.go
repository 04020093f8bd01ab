package result

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// Replace puts b at path: under a temporary name beside it, synced, then
// renamed, so that a reader sees the old file or the whole new one. When it
// fails the temporary is gone and the error says what to do.
func Replace(path string, b []byte) error {
	path, err := destination(path)
	if err != nil {
		return err
	}
	if err := replace(path, b); err != nil {
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
		return "", fmt.Errorf("write %s: it is a directory; name a file in it, such as %s", path, filepath.Join(path, "result.json"))
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("write %s: it is not a regular file; name one", path)
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
	cause, remedy := err, "name another file"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "free some space in " + dir + " or name a file elsewhere"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "make " + dir + " writable for this user or name a file elsewhere"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		remedy = "create the directory " + dir + " or name a file elsewhere"
	}
	var pe *fs.PathError
	var le *os.LinkError
	if errors.As(err, &pe) { // without the temporary's name, which means nothing to a user
		cause = pe.Err
	} else if errors.As(err, &le) {
		cause = le.Err
	}
	return fmt.Errorf("write %s: %w; %s", path, cause, remedy)
}

// room is what Writable asks of the file system: a result of a short run.
const room = 64 << 10

// Writable tells before a long run whether its result could be stored at path.
func Writable(path string) error {
	path, err := destination(path)
	if err != nil {
		return err
	}
	f, err := createTemporary(filepath.Dir(path))
	if err != nil {
		return writeError(path, err)
	}
	_, err = f.Write(make([]byte, room))
	err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	if err != nil {
		return writeError(path, err)
	}
	return nil
}
