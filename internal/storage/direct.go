package storage

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/result"
)

// Direct is nil when a file can be read and written around the page cache, in
// pieces of size bytes. The path is the file's, or of the directory that it will
// be made in; s is where that lies.
func Direct(path string, s result.Storage, size int) error {
	if InMemory(s) {
		return fmt.Errorf("--direct: %s is on %s, which is the page cache itself; use --dir or --file on a device", path, s.FileSystem)
	}
	f, err := probe(path)
	if err != nil {
		return fmt.Errorf("--direct: %s cannot be opened with O_DIRECT: %w; its file system is %s, use --dir or --file on another", path, cause(err), s.FileSystem)
	}
	defer f.Close()
	align := 512
	if s.Queue != nil {
		align = max(align, s.Queue.BlockBytes)
	}
	var x unix.Statx_t
	if unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &x) == nil && x.Mask&unix.STATX_DIOALIGN != 0 {
		if x.Dio_offset_align == 0 {
			return fmt.Errorf("--direct: %s has no O_DIRECT; its file system is %s, use --dir or --file on another", path, s.FileSystem)
		}
		align = int(x.Dio_offset_align)
	}
	if size%align != 0 {
		return fmt.Errorf("--bs=%d: with --direct it must be a multiple of %d there", size, align)
	}
	return nil
}

// probe opens path, or a file in it that has no name, with O_DIRECT.
func probe(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	}
	f, err := unnamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return os.OpenFile(Path(f), os.O_RDONLY|unix.O_DIRECT, 0)
}
