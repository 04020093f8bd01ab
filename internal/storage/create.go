package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// margin is what a file of ours leaves free on its file system.
const margin = 64 << 20

// chunk is how much is written or read at a time.
const chunk = 1 << 20

// Room is nil when a file of size bytes can be made in dir.
func Room(dir string, size int64) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("--dir=%s: %w; name a directory that exists", dir, cause(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("--dir=%s is not a directory", dir)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("--dir=%s: no file can be made there: %w; name another", dir, err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("--dir=%s: %w", dir, err)
	}
	if free := int64(fs.Bavail) * fs.Bsize; free-margin < size {
		return fmt.Errorf("--file-size=%d MiB: %s has %d MiB free, of which %d are left alone; use a smaller one, or --dir on another file system",
			size>>20, dir, free>>20, margin>>20)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err == nil && uint64(size) > limit.Cur {
		return fmt.Errorf("--file-size=%d: no file of this process may have more than %d bytes; use a smaller one, or raise the limit (ulimit -f)", size, limit.Cur)
	}
	return nil
}

// Most is how many bytes Room has for a file in dir; 0 where that cannot be found
// out.
func Most(dir string) int64 {
	var fs unix.Statfs_t
	var limit unix.Rlimit
	if unix.Statfs(dir, &fs) != nil || unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil {
		return 0
	}
	return int64(min(uint64(max(0, int64(fs.Bavail)*fs.Bsize-margin)), limit.Cur))
}

// Create makes a file in dir that has no name, so that it is gone with its last
// descriptor however the process ends, and has fill write size bytes of it, which
// are on the device then. Others open it by Path.
func Create(ctx context.Context, dir string, size int64, fill func(b []byte, off int64)) (*os.File, error) {
	f, err := unnamed(dir)
	if err != nil {
		return nil, fmt.Errorf("--dir=%s: %w", dir, cause(err))
	}
	if err := filled(ctx, f, dir, size, fill); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// CreateNamed makes a file as Create does, but of that name, in a directory of its
// own in dir. Every user may read it, as servers become other users than the one
// that starts them. The caller takes the directory away: filepath.Dir(f.Name()).
func CreateNamed(ctx context.Context, dir, name string, size int64, fill func(b []byte, off int64)) (f *os.File, err error) {
	own, err := os.MkdirTemp(dir, "ringbench-")
	if err != nil {
		return nil, fmt.Errorf("--dir=%s: %w", dir, cause(err))
	}
	defer func() {
		if err != nil {
			f.Close()
			os.RemoveAll(own)
			f = nil
		}
	}()
	if err = os.Chmod(own, 0o755); err == nil {
		f, err = os.OpenFile(filepath.Join(own, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err == nil {
		err = f.Chmod(0o644) // whatever the umask is
	}
	if err != nil {
		return f, fmt.Errorf("--dir=%s: %w", dir, cause(err))
	}
	return f, filled(ctx, f, dir, size, fill)
}

// filled writes f, which is in dir; the error is as a user sees it.
func filled(ctx context.Context, f *os.File, dir string, size int64, fill func(b []byte, off int64)) error {
	if err := write(ctx, f, size, fill); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		remedy := "name another"
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
			remedy = "use a smaller --file-size, or another"
		}
		return fmt.Errorf("--dir=%s: the file of %d MiB cannot be written: %w; %s", dir, size>>20, cause(err), remedy)
	}
	return nil
}

// unnamed makes a file in dir that never has a name, or where the file system
// cannot do that loses it at once.
func unnamed(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o600)
	if err == nil {
		return f, nil
	}
	if f, err = os.CreateTemp(dir, "ringbench-"); err != nil { // also if the name is taken
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func write(ctx context.Context, f *os.File, size int64, fill func(b []byte, off int64)) error {
	b := make([]byte, chunk)
	for off := int64(0); off < size; off += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := b[:min(chunk, size-off)]
		fill(part, off)
		if _, err := f.WriteAt(part, off); err != nil {
			return err
		}
	}
	return f.Sync()
}

// Path is by which another process of this user opens f while we have it open.
func Path(f *os.File) string {
	return filepath.Join("/proc", fmt.Sprint(os.Getpid()), "fd", fmt.Sprint(f.Fd()))
}

// cause is what the kernel said, without the path, which messages name themselves.
func cause(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
